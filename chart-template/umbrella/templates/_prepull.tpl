{{- /*
Pulls the images of a service to every node that fits, before a pod needs them: global.nimhelm.prePull. A DaemonSet has
an init container for each image. It runs a static busybox, because an image may have no shell. It asks for no GPU.
*/}}

{{- define "nimhelm.v2.prePull" }}
{{- if .nim.global.prePull }}
{{- $nim := .nim }}
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
        {{- $labels := dict "app.kubernetes.io/instance" .Release.Name "nimhelm.dev/pulls-images-of" $nim.name "sidecar.istio.io/inject" "false" }}
        {{- include "nimhelm.v2.helperLabels" (dict "into" $labels "users" (list $nim.global.commonLabels)) }}
        {{- include "nimhelm.v2.yaml" $labels | nindent 8 }}
      {{- with include "nimhelm.v2.helperAnnotations" (dict "global" $nim.global) }}
      annotations:
        {{- . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "nimhelm.v2.overlaid" (dict "spec" (include "nimhelm.v2.prePull.spec" .) "global" $nim.global) | nindent 6 }}
{{- end }}
{{- end }}

{{- define "nimhelm.v2.prePull.spec" -}}
{{- $root := . }}
{{- $nim := .nim }}
{{- $global := $nim.global }}
{{- $images := list .Values.image }}
{{- range concat (.Values.initContainers | default list) (.Values.sidecarContainers | default list) }}
  {{- $images = append $images .image }}
{{- end -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: 1
{{- with include "nimhelm.v2.pullSecrets" (dict "global" $global "names" .Values.image.pullSecrets) }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- $placement := dict }}
{{- with .Values.nodeSelector }}{{ $_ := set $placement "nodeSelector" . }}{{ end }}
{{- with .Values.tolerations }}{{ $_ := set $placement "tolerations" . }}{{ end }}
{{- with get .Values.affinity "nodeAffinity" }}{{ $_ := set $placement "affinity" (dict "nodeAffinity" .) }}{{ end }}
{{- with $placement }}
{{- include "nimhelm.v2.yaml" . | nindent 0 }}
{{- end }}
initContainers:
  - name: setup
    {{- include "nimhelm.v2.busybox" $nim | nindent 4 }}
  {{- range $index, $image := $images }}
  - name: pull-{{ $index }}
    {{- include "nimhelm.v2.containerImage" (dict "root" $root "image" $image) | nindent 4 }}
    command: ["/nimhelm/busybox", "true"]
    env:
      - name: NVIDIA_VISIBLE_DEVICES
        value: void
    {{- include "nimhelm.v2.helperContainer" (dict "nim" $nim "user" 65532) | nindent 4 }}
    volumeMounts:
      - name: nimhelm-wait
        mountPath: /nimhelm
        readOnly: true
  {{- end }}
containers:
  - name: pulled
    {{- include "nimhelm.v2.waitImage" $nim | nindent 4 }}
    command: ["/bin/busybox", "sleep", "2147483647"]
    {{- include "nimhelm.v2.helperProbes" . | trim | nindent 4 }}
    {{- include "nimhelm.v2.helperContainer" (dict "nim" $nim "user" 65532) | nindent 4 }}
volumes:
  - name: nimhelm-wait
    emptyDir:
      sizeLimit: 16Mi
{{- end }}
