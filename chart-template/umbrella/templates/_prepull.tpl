{{- /*
Pulls the images of a service to every node that fits, before a pod needs them: global.nimhelm.prePull. A DaemonSet has
an init container for each image. It runs a static busybox, because an image may have no shell. It asks for no GPU.
*/}}

{{- define "nimhelm.v3.prePull" }}
{{- if .nim.global.prePull }}
{{- $labels := dict "nimhelm.dev/pulls-images-of" .nim.name }}
apiVersion: apps/v1
kind: DaemonSet
{{ include "nimhelm.v3.metadata" (dict "root" . "name" (printf "%s-pull" .nim.name | include "nimhelm.v3.dnsLabel")) }}
spec:
  selector:
    matchLabels:
      {{- include "nimhelm.v3.yaml" $labels | nindent 6 }}
  updateStrategy:
    rollingUpdate: {maxUnavailable: 100%}
  {{- include "nimhelm.v3.helperTemplate" (dict "nim" .nim "spec" (include "nimhelm.v3.prePull.spec" .)
    "labels" (merge (dict "app.kubernetes.io/instance" .Release.Name) $labels)) | nindent 2 }}
{{- end }}
{{- end }}

{{- define "nimhelm.v3.prePull.spec" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "nimhelm.v3.pullSecrets" (dict "global" .nim.global "names" .Values.image.pullSecrets) }}
terminationGracePeriodSeconds: 1
{{- include "nimhelm.v3.fields" (dict "indent" 0 "fields" (dict
  "nodeSelector" .Values.nodeSelector "tolerations" .Values.tolerations "affinity" (pick .Values.affinity "nodeAffinity"))) }}
initContainers:
  - name: setup
    {{- include "nimhelm.v3.busybox" .nim | nindent 4 }}
  {{- range $index, $user := concat (list .Values) (.Values.initContainers | default list) (.Values.sidecarContainers | default list) }}
  - name: pull-{{ $index }}
    {{- include "nimhelm.v3.containerImage" (dict "root" $ "image" .image) | nindent 4 }}
    command: ["/nimhelm/busybox", "true"]
    env:
      - {name: NVIDIA_VISIBLE_DEVICES, value: void}
    {{- include "nimhelm.v3.helperContainer" (dict "nim" $.nim "user" 65532) | nindent 4 }}
    volumeMounts:
      - {name: nimhelm-wait, mountPath: /nimhelm, readOnly: true}
  {{- end }}
containers:
  - name: pulled
    {{- include "nimhelm.v3.waitImage" .nim | nindent 4 }}
    command: ["/bin/busybox", "sleep", "2147483647"]
    {{- include "nimhelm.v3.helperProbes" . | trim | nindent 4 }}
    {{- include "nimhelm.v3.helperContainer" (dict "nim" .nim "user" 65532) | nindent 4 }}
volumes:
  - {name: nimhelm-wait, emptyDir: {sizeLimit: 16Mi}}
{{- end }}
