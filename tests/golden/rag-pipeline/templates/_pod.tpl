{{- /* The pod of a service, from which Deployment, LeaderWorkerSet and InferenceService are made. */}}

{{- /* The labels and annotations of a pod. Takes root and role: "" for a pod of its own, leader or worker in a group. */}}
{{- define "nimhelm.v2.podMetadata" -}}
{{- $nim := .root.nim }}
{{- $labels := $nim.podLabels }}
{{- $annotations := $nim.annotations }}
{{- if .role }}
  {{- $labels = dict }}
  {{- $own := dict "app" (printf "%s-lws" $nim.name) "nim-llm-role" .role }}
  {{- include "nimhelm.v2.overlay" (dict "into" $labels "from" (list .root.Values.labels $nim.stableLabels $own)) }}
  {{- /*
  Host files and start script are read once. More groups mean more host files, but are no reason to restart those
  that run.
  */}}
  {{- if and $nim.mpi (not $nim.global.keepOperatorPods) }}
    {{- $read := list (printf "%s\n" (include "nimhelm.v2.mpi.script" .)) (toString $nim.nodes) (toString $nim.tensor) }}
    {{- $annotations = merge (dict "nimhelm.dev/config-checksum" (join "\n" $read | sha256sum)) $annotations }}
  {{- end }}
{{- end -}}
labels:
  {{- include "nimhelm.v2.yaml" $labels | nindent 2 }}
annotations:
  {{- include "nimhelm.v2.yaml" $annotations | nindent 2 }}
{{- end }}

{{- /* The spec of a pod. Takes root and role. */}}
{{- define "nimhelm.v2.podSpec" -}}
{{- $root := .root }}
{{- $nim := $root.nim }}
{{- include "nimhelm.v2.claims" $root }}
{{- with include "nimhelm.v2.podSettings" $root }}
  {{- . }}
{{- end }}
{{- with include "nimhelm.v2.initContainers" $root | trim }}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
containers:
  {{- include "nimhelm.v2.mainContainer" . | nindent 2 }}
  {{- $more := "" }}
  {{- if $nim.mpi }}{{ $more = include "nimhelm.v2.mpi.mounts" . }}{{ end }}
  {{- range $root.Values.sidecarContainers }}
    {{- include "nimhelm.v2.userContainer" (dict "root" $root "container" . "mounts" $nim.mounts "more" $more "claims" $nim.containerClaims) | nindent 2 }}
  {{- end }}
volumes:
  {{- include "nimhelm.v2.volumes" . | nindent 2 }}
{{- end }}

{{- /* The fields of a pod spec that place it and say as whom it runs. */}}
{{- define "nimhelm.v2.podSettings" -}}
{{- $nim := .nim }}
{{- $values := .Values }}
{{- $affinity := $values.affinity }}
{{- /* The deprecated podAffinity counts where the affinity has none of its own. */}}
{{- if and $values.podAffinity (not (get $affinity "podAffinity")) }}
  {{- $affinity = merge (dict "podAffinity" $values.podAffinity) $affinity }}
{{- end }}
{{- $settings := dict
  "affinity" $affinity
  "resourceClaims" $nim.podClaims
  "nodeSelector" $values.nodeSelector
  "tolerations" $values.tolerations
  "runtimeClassName" $values.runtimeClassName
  "schedulerName" $values.schedulerName
  "priorityClassName" $values.priorityClassName }}
{{- range $key, $value := $settings }}
  {{- if not $value }}{{ $_ := unset $settings $key }}{{ end }}
{{- end -}}
serviceAccountName: {{ toJson $nim.name }}
{{- if not $nim.global.keepOperatorPods }}
{{- /* A Service called nim-server would set NIM_SERVER_PORT in every pod of the namespace. */}}
enableServiceLinks: false
{{- end }}
{{- if not $nim.knative }}
securityContext:
  runAsUser: {{ int64 $values.userID }}
  runAsGroup: {{ int64 $values.groupID }}
  fsGroup: {{ int64 $values.groupID }}
  {{- if $nim.global.restricted }}
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
  {{- end }}
{{- end }}
{{- with include "nimhelm.v2.pullSecrets" (dict "global" $nim.global "names" $values.image.pullSecrets) | trim }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- with $settings }}
{{ include "nimhelm.v2.yaml" . }}
{{- end }}
{{- end }}

{{- define "nimhelm.v2.workload" }}
{{- include "nimhelm.v2.service" . }}
{{- if eq .nim.workload "Deployment" }}
  {{- include "nimhelm.v2.deployment" . }}
{{- else if eq .nim.workload "LeaderWorkerSet" }}
  {{- if include "nimhelm.v2.served" (dict "root" . "api" "leaderworkerset.x-k8s.io/v1/LeaderWorkerSet" "remedy" "install LeaderWorkerSet") }}
    {{- include "nimhelm.v2.leaderWorkerSet" . }}
  {{- end }}
{{- else if include "nimhelm.v2.served" (dict "root" . "api" "serving.kserve.io/v1beta1/InferenceService" "remedy" "install KServe, or set inferencePlatform=standalone") }}
  {{- include "nimhelm.v2.inferenceService" . }}
{{- end }}
{{- end }}

{{- define "nimhelm.v2.deployment" -}}
apiVersion: apps/v1
kind: Deployment
{{ include "nimhelm.v2.metadata" (dict "root" . "annotated" true) }}
spec:
  {{- if not .Values.scale.enabled }}
    {{- if .nim.hasReplicas }}
  replicas: {{ .nim.replicas }}
    {{- end }}
  {{- /* What Helm applies leaves the number to the autoscaler, or every upgrade would reset it. */}}
  {{- else if not .nim.onCluster }}
  replicas: {{ .nim.replicas }}
  {{- end }}
  {{- with int .Values.progressDeadlineSeconds }}
  progressDeadlineSeconds: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "nimhelm.v2.yaml" .nim.selector | nindent 6 }}
  strategy:
    {{- include "nimhelm.v2.strategy" . | nindent 4 }}
  template:
    metadata:
      {{- include "nimhelm.v2.podMetadata" (dict "root" . "role" "") | nindent 6 }}
    spec:
      {{- include "nimhelm.v2.podSpec" (dict "root" . "role" "") | nindent 6 }}
{{- end }}

{{- /*
A new pod can only start on the GPU that an old one gave up. Of a single pod 25% is that pod, and helm 3
would wait for none; on a cluster it gets the strategy that does the same, and is waited for.
*/}}
{{- define "nimhelm.v2.strategy" -}}
{{- if and .nim.onCluster (not .nim.global.keepOperatorPods) (not .Values.scale.enabled) (eq .nim.replicas 1) -}}
type: Recreate
{{- else -}}
type: RollingUpdate
rollingUpdate:
  maxUnavailable: 25%
  maxSurge: 0
{{- end }}
{{- end }}
