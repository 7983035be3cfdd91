{{- /* The pod of a service, as Deployment, LeaderWorkerSet and InferenceService use it. */}}

{{- /*
Sets .nim.specs, the specs of the pods as text by role, and .nim.revision, a hash of these specs and of the labels and
annotations of the pods. Pods carry it as a label (see _gates.tpl). Takes the root of the service's chart.
*/}}
{{- define "nimhelm.v2.revision" -}}
  {{- if not (hasKey .nim "revision") }}
    {{- $root := . }}
    {{- $specs := dict }}
    {{- $all := list }}
    {{- range ternary (list "leader" "worker") (list "") (eq .nim.workload "LeaderWorkerSet") }}
      {{- $box := dict "root" $root "role" . }}
      {{- $spec := include "nimhelm.v2.podSpec" $box }}
      {{- $_ := set $specs . (include "nimhelm.v2.overlaid" (dict "spec" $spec "global" $root.nim.global "own" $root.Values.podTemplate)) }}
      {{- $all = concat $all (list (include "nimhelm.v2.podMetadata" $box) (get $specs .)) }}
    {{- end }}
    {{- $_ := set .nim "specs" $specs }}
    {{- $_ := set .nim "revision" (join "\n" $all | sha256sum | trunc 10) }}
  {{- end }}
{{- end }}

{{- /*
The spec of a pod between two overlays: under it the fields of all pods, over it those of its service or cache. Takes
spec (as text), global, and own (the podTemplate of the service or cache).
*/}}
{{- define "nimhelm.v2.overlaid" -}}
  {{- $shared := dig "spec" dict .global.podTemplate }}
  {{- $own := dig "spec" dict (.own | default dict) }}
  {{- if or $shared $own }}
    {{- $whole := deepCopy $shared }}
    {{- range list (fromYaml .spec) $own }}
      {{- include "nimhelm.v2.mergeByName" (dict "into" $whole "from" .) }}
    {{- end }}
    {{- include "nimhelm.v2.yaml" $whole }}
  {{- else }}
    {{- .spec }}
  {{- end }}
{{- end }}

{{- /* A pod template. Takes root and role. */}}
{{- define "nimhelm.v2.podTemplate" -}}
{{- include "nimhelm.v2.revision" .root -}}
metadata:
  {{- include "nimhelm.v2.podMetadata" . | nindent 2 }}
spec:
  {{- get .root.nim.specs .role | nindent 2 }}
{{- end }}

{{- /* The labels and annotations of a pod. Takes root and role: "" outside a group, leader or worker inside one. */}}
{{- define "nimhelm.v2.podMetadata" -}}
{{- $nim := .root.nim }}
{{- $labels := $nim.podLabels }}
{{- $annotations := ternary $nim.laterAnnotations $nim.annotations (eq $nim.workload "InferenceService") }}
{{- if .role }}
  {{- $labels = dict }}
  {{- $own := dict "app" (printf "%s-lws" $nim.name) "nim-llm-role" .role }}
  {{- if not $nim.global.keepOperatorPods }}
    {{- $labels = mergeOverwrite (dict) $nim.stableLabels $own }}
  {{- else if eq .role "leader" }}
    {{- /* The operator sets no labels on workers. */}}
    {{- $labels = $nim.podLabels }}
  {{- end }}
  {{- /*
  Host files and start script are read only at start. Another group adds a host file, but must not restart running
  groups.
  */}}
  {{- if and $nim.mpi (not $nim.global.keepOperatorPods) }}
    {{- $read := list (printf "%s\n" (include "nimhelm.v2.mpi.script" .)) (toString $nim.nodes) (toString $nim.tensor) }}
    {{- $annotations = merge (dict "nimhelm.dev/config-checksum" (join "\n" $read | sha256sum)) $annotations }}
  {{- end }}
{{- end -}}
{{- $extra := dig "metadata" dict .root.Values.podTemplate }}
{{- with get $extra "labels" }}{{ $labels = merge (deepCopy $labels) . }}{{ end }}
{{- with get $extra "annotations" }}{{ $annotations = merge (deepCopy $annotations) . }}{{ end -}}
{{- if and $nim.revision (not $nim.global.keepOperatorPods) }}
  {{- $labels = merge (dict "nimhelm.dev/revision" $nim.revision) $labels }}
{{- end -}}
{{- if or $labels (not $nim.global.keepOperatorPods) -}}
labels:
  {{- include "nimhelm.v2.yaml" $labels | nindent 2 }}
{{- end }}
annotations:
  {{- include "nimhelm.v2.yaml" $annotations | nindent 2 }}
{{- end }}

{{- /* The spec of a pod. Takes root and role. */}}
{{- define "nimhelm.v2.podSpec" -}}
{{- $root := .root }}
{{- $nim := $root.nim }}
{{- include "nimhelm.v2.claims" $root }}
{{- with include "nimhelm.v2.podSettings" . }}
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

{{- /*
The fields of a pod spec for scheduling and users. The operator leaves some of them out in the pods of a group. Takes
root and role.
*/}}
{{- define "nimhelm.v2.podSettings" -}}
{{- $nim := .root.nim }}
{{- $values := .root.Values }}
{{- $keptGroup := and .role $nim.global.keepOperatorPods }}
{{- $affinity := $values.affinity }}
{{- /* The deprecated podAffinity applies when affinity has none. */}}
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
  "priorityClassName" $values.priorityClassName
  "topologySpreadConstraints" $values.topologySpreadConstraints
  "hostAliases" $values.hostAliases
  "dnsPolicy" $values.dnsPolicy
  "dnsConfig" $values.dnsConfig }}
{{- if $keptGroup }}
  {{- $settings = omit $settings "affinity" "runtimeClassName" }}
  {{- if eq .role "worker" }}{{ $settings = omit $settings "schedulerName" }}{{ end }}
{{- end }}
{{- range $key, $value := $settings }}
  {{- if not $value }}{{ $_ := unset $settings $key }}{{ end }}
{{- end }}
{{- /* Zero, which ends a pod at once, is not the same as nothing. */}}
{{- $settings = merge $settings (pick $values "terminationGracePeriodSeconds") -}}
{{- if not $keptGroup -}}
serviceAccountName: {{ toJson $nim.account }}
{{- end }}
{{- if not $nim.global.keepOperatorPods }}
automountServiceAccountToken: {{ $values.automountServiceAccountToken }}
{{- /* Otherwise a Service named nim-server would set NIM_SERVER_PORT in every pod of the namespace. */}}
enableServiceLinks: false
{{- end }}
{{- if not $nim.knative }}
{{- $context := dict }}
{{- if ne $nim.openshift "restricted" }}
  {{- $context = dict "runAsUser" (int64 $values.userID) "runAsGroup" (int64 $values.groupID) "fsGroup" (int64 $values.groupID) }}
{{- end }}
{{- if $nim.global.restricted }}
  {{- $_ := set $context "runAsNonRoot" true }}
  {{- $_ := set $context "seccompProfile" (dict "type" "RuntimeDefault") }}
{{- end }}
{{- range $key, $value := $values.podSecurityContext }}{{ $_ := set $context $key $value }}{{ end }}
{{- with $context }}
securityContext:
  {{- include "nimhelm.v2.yaml" . | nindent 2 }}
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
{{ include "nimhelm.v2.metadata" (dict "root" . "annotated" true "workload" true) }}
spec:
  {{- with include "nimhelm.v2.replicas" . }}
  replicas: {{ . }}
  {{- end }}
  {{- with int .Values.progressDeadlineSeconds }}
  progressDeadlineSeconds: {{ . }}
  {{- end }}
  {{- range $key := list "revisionHistoryLimit" "minReadySeconds" }}
    {{- if hasKey $.Values $key }}
  {{ $key }}: {{ get $.Values $key | int }}
    {{- end }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "nimhelm.v2.yaml" .nim.selector | nindent 6 }}
  strategy:
    {{- include "nimhelm.v2.strategy" . | nindent 4 }}
  template:
    {{- include "nimhelm.v2.podTemplate" (dict "root" . "role" "") | nindent 4 }}
{{- end }}

{{- /*
The number of pods. With an autoscaler it is the current number, so an upgrade does not reset it, and switching the
autoscaler on does not begin with one pod; nor does switching it off end with one, where the values have no number. When
the cluster cannot be asked (a GitOps tool renders the chart), the autoscaler sets the number.
*/}}
{{- define "nimhelm.v2.replicas" -}}
  {{- if and .nim.autoscaled .nim.onCluster }}
    {{- $live := lookup "apps/v1" "Deployment" .Release.Namespace .nim.name }}
    {{- if $live }}{{ dig "spec" "replicas" 1 $live | int | max .nim.replicas }}
    {{- else if lookup "v1" "ConfigMap" .Release.Namespace "kube-root-ca.crt" }}{{ .nim.replicas }}
    {{- end }}
  {{- else if and (dig "hpa" "maxReplicas" 0 .Values.scale) .nim.onCluster (not .nim.hasReplicas) }}
    {{- dig "spec" "replicas" 1 (lookup "apps/v1" "Deployment" .Release.Namespace .nim.name) | int | max .nim.replicas }}
  {{- else }}{{ .nim.replicas }}
  {{- end }}
{{- end }}

{{- /*
A new pod starts only on the GPU that an old one gives up. For a single pod, 25% is that pod, and helm 3 would not wait
for it. On a cluster it gets the strategy Recreate, which does the same and is waited for. The defaults of Kubernetes are
written out: helm 4 takes back only fields that it wrote, and Recreate may have none of them.
*/}}
{{- define "nimhelm.v2.strategy" -}}
{{- $own := .Values.updateStrategy }}
{{- if eq "Recreate" (dig "type" "" ($own | default dict)) -}}
{{ include "nimhelm.v2.yaml" $own }}
{{- else if $own -}}
{{- $rolling := dict "maxUnavailable" "25%" "maxSurge" "25%" }}
{{- range $key, $value := get $own "rollingUpdate" | default dict }}{{ $_ := set $rolling $key $value }}{{ end }}
{{- include "nimhelm.v2.yaml" (merge (dict "rollingUpdate" $rolling) $own (dict "type" "RollingUpdate")) }}
{{- else if and .nim.onCluster (not .nim.global.keepOperatorPods) (not .nim.autoscaled) (eq (include "nimhelm.v2.replicas" . | trim) "1") -}}
type: Recreate
{{- else -}}
type: RollingUpdate
rollingUpdate:
  maxUnavailable: 25%
  maxSurge: 0
{{- end }}
{{- end }}
