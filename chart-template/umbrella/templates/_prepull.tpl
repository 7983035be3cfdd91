{{- /*
Pulls the images of a service to every node that fits, before a pod needs them: global.nimhelm.prePull. A DaemonSet has
an init container for each image. It runs a static busybox, because an image may have no shell. It asks for no GPU.
*/}}

{{- define "nimhelm.v2.prePull" }}
{{- include "nimhelm.v2.service" . }}
{{- if .nim.global.prePull }}
{{- $root := . }}
{{- $nim := .nim }}
{{- $global := $nim.global }}
{{- $images := list .Values.image }}
{{- range concat (.Values.initContainers | default list) (.Values.sidecarContainers | default list) }}
  {{- $images = append $images .image }}
{{- end }}
apiVersion: apps/v1
kind: DaemonSet
{{ include "nimhelm.v2.metadata" (dict "root" . "name" (printf "%s-pull" .nim.name | include "nimhelm.v2.dnsLabel")) }}
spec:
  selector:
    matchLabels:
      nimhelm.dev/pulls-images-of: {{ toJson $nim.name }}
  updateStrategy:
    rollingUpdate:
      maxUnavailable: 100%
  template:
    metadata:
      labels:
        app.kubernetes.io/instance: {{ toJson .Release.Name }}
        nimhelm.dev/pulls-images-of: {{ toJson $nim.name }}
        sidecar.istio.io/inject: "false"
      {{- if eq $global.mesh "linkerd" }}
      annotations:
        linkerd.io/inject: disabled
      {{- end }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 1
      {{- with include "nimhelm.v2.pullSecrets" (dict "global" $global "names" .Values.image.pullSecrets) }}
      imagePullSecrets:
        {{- . | nindent 8 }}
      {{- end }}
      {{- $placement := dict }}
      {{- with .Values.nodeSelector }}{{ $_ := set $placement "nodeSelector" . }}{{ end }}
      {{- with .Values.tolerations }}{{ $_ := set $placement "tolerations" . }}{{ end }}
      {{- with get .Values.affinity "nodeAffinity" }}{{ $_ := set $placement "affinity" (dict "nodeAffinity" .) }}{{ end }}
      {{- with $placement }}
      {{- include "nimhelm.v2.yaml" . | nindent 6 }}
      {{- end }}
      initContainers:
        - name: setup
          {{- include "nimhelm.v2.busybox" $nim | nindent 10 }}
        {{- range $index, $image := $images }}
        - name: pull-{{ $index }}
          {{- include "nimhelm.v2.containerImage" (dict "root" $root "image" $image) | nindent 10 }}
          command: ["/nimhelm/busybox", "true"]
          env:
            - name: NVIDIA_VISIBLE_DEVICES
              value: void
          {{- include "nimhelm.v2.helperContainer" (dict "nim" $nim "user" 65532) | nindent 10 }}
          volumeMounts:
            - name: nimhelm-wait
              mountPath: /nimhelm
              readOnly: true
        {{- end }}
      containers:
        - name: pulled
          {{- include "nimhelm.v2.waitImage" $nim | nindent 10 }}
          command: ["/bin/busybox", "sleep", "2147483647"]
          {{- include "nimhelm.v2.helperContainer" (dict "nim" $nim "user" 65532) | nindent 10 }}
      volumes:
        - name: nimhelm-wait
          emptyDir:
            sizeLimit: 16Mi
{{- end }}
{{- end }}
