{{- /* The pod of a service, as Deployment, LeaderWorkerSet and InferenceService use it. */}}

{{- /*
Sets .nim.specs, the specs of the pods as text by role, and .nim.revision, a hash of these specs and of the labels and
annotations of the pods. Pods carry it as a label (see _gates.tpl).
*/}}
{{- define "nimhelm.v3.revision" -}}
  {{- if not .nim.revision }}
    {{- $specs := dict }}
    {{- $all := list }}
    {{- range $role := ternary (list "worker" "leader") (list "") .nim.group }}
      {{- $_ := set $.nim "role" $role }}
      {{- $spec := include "nimhelm.v3.podSpec" $ }}
      {{- $_ := set $specs $role (include "nimhelm.v3.overlaid" (dict "spec" $spec "global" $.nim.global "own" $.Values.podTemplate)) }}
      {{- $all = concat $all (list (include "nimhelm.v3.podMetadata" $) (get $specs $role)) }}
    {{- end }}
    {{- $_ := set .nim "specs" $specs }}
    {{- $_ := set .nim "revision" (join "\n" $all | sha256sum | trunc 10) }}
  {{- end }}
{{- end }}

{{- /*
The spec of a pod between two overlays: under it the fields of all pods, over it those of its service or cache. Takes
spec (as text), global, and own (the podTemplate of the service or cache).
*/}}
{{- define "nimhelm.v3.overlaid" -}}
  {{- $shared := dig "spec" dict .global.podTemplate }}
  {{- $own := dig "spec" dict (.own | default dict) }}
  {{- if or $shared $own }}
    {{- $whole := deepCopy $shared }}
    {{- range list (fromYaml .spec) $own }}{{ include "nimhelm.v3.mergeByName" (dict "into" $whole "from" .) }}{{ end }}
    {{- include "nimhelm.v3.yaml" $whole }}
  {{- else }}
    {{- .spec }}
  {{- end }}
{{- end }}

{{- /* The template of the pods of .nim.role. */}}
{{- define "nimhelm.v3.podTemplate" -}}
{{- include "nimhelm.v3.revision" . -}}
metadata:
  {{- include "nimhelm.v3.podMetadata" . | nindent 2 }}
spec:
  {{- get .nim.specs .nim.role | nindent 2 }}
{{- end }}

{{- /* The labels and annotations of a pod of .nim.role. */}}
{{- define "nimhelm.v3.podMetadata" -}}
{{- $nim := .nim }}
{{- $kept := $nim.global.keepOperatorPods }}
{{- $labels := mergeOverwrite (dict) $nim.podLabels }}
{{- $annotations := mergeOverwrite (dict) (ternary $nim.laterAnnotations $nim.annotations (eq $nim.workload "InferenceService")) }}
{{- if and $nim.group (not $kept) }}
  {{- $labels = mergeOverwrite (dict) $nim.stableLabels (dict "app" (printf "%s-lws" $nim.name) "nim-llm-role" $nim.role) }}
{{- else if eq $nim.role "worker" }}
  {{- /* The operator sets no labels on workers. */}}
  {{- $labels = dict }}
{{- end }}
{{- /* Host files and start script are read only at start. Another group adds a host file, but must not restart running groups. */}}
{{- if and $nim.mpi (not $kept) }}
  {{- $read := list (printf "%s\n" (include "nimhelm.v3.mpi.script" .)) (toString $nim.nodes) (toString $nim.tensor) }}
  {{- $_ := set $annotations "nimhelm.dev/config-checksum" (join "\n" $read | sha256sum) }}
{{- end }}
{{- $extra := dig "metadata" dict .Values.podTemplate }}
{{- $labels = merge $labels (get $extra "labels" | default dict) }}
{{- with ternary "" $nim.revision $kept }}{{ $_ := set $labels "nimhelm.dev/revision" . }}{{ end -}}
annotations:
  {{- merge $annotations (get $extra "annotations" | default dict) | include "nimhelm.v3.yaml" | nindent 2 }}
{{- include "nimhelm.v3.fields" (dict "indent" 0 "fields" (dict "labels" $labels)) }}
{{- end }}

{{- /* The spec of a pod of .nim.role. The operator leaves some fields for scheduling and users out in the pods of a group. */}}
{{- define "nimhelm.v3.podSpec" -}}
{{- $nim := .nim }}
{{- $values := .Values }}
{{- $kept := $nim.global.keepOperatorPods }}
{{- include "nimhelm.v3.claims" . }}
{{- $affinity := $values.affinity }}
{{- /* The deprecated podAffinity applies when affinity has none. */}}
{{- if and $values.podAffinity (not (get $affinity "podAffinity")) }}{{ $affinity = merge (dict "podAffinity" $values.podAffinity) $affinity }}{{ end }}
{{- $context := ternary (dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault")) dict $nim.global.restricted }}
{{- include "nimhelm.v3.users" (dict "into" $context "nim" $nim "userID" $values.userID "groupID" $values.groupID) }}
{{- $context = mergeOverwrite $context $values.podSecurityContext }}
{{- $fields := merge (dict
  "affinity" $affinity
  "resourceClaims" $nim.podClaims
  "serviceAccountName" $nim.account
  "securityContext" (ternary dict $context $nim.knative)) (pick $values
  "nodeSelector" "tolerations" "runtimeClassName" "schedulerName" "priorityClassName" "topologySpreadConstraints" "hostAliases"
  "dnsPolicy" "dnsConfig") }}
{{- if and $nim.group $kept }}
  {{- $fields = omit $fields "affinity" "runtimeClassName" "serviceAccountName" (ternary "schedulerName" "" (eq $nim.role "worker")) }}
{{- end -}}
containers:
  {{- include "nimhelm.v3.mainContainer" . | nindent 2 }}
  {{- $more := "" }}
  {{- if $nim.mpi }}{{ $more = include "nimhelm.v3.mpi.mounts" . }}{{ end }}
  {{- range .Values.sidecarContainers }}
    {{- include "nimhelm.v3.userContainer" (dict "root" $ "container" . "mounts" $nim.mounts "more" $more "claims" $nim.containerClaims) | nindent 2 }}
  {{- end }}
{{- with include "nimhelm.v3.initContainers" . | trim }}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
volumes:
  {{- include "nimhelm.v3.volumes" . | nindent 2 }}
{{- if not $kept }}
automountServiceAccountToken: {{ $values.automountServiceAccountToken }}
{{- /* Otherwise a Service named nim-server would set NIM_SERVER_PORT in every pod of the namespace. */}}
enableServiceLinks: false
{{- end }}
{{- include "nimhelm.v3.pullSecrets" (dict "global" $nim.global "names" $values.image.pullSecrets) }}
{{- include "nimhelm.v3.fields" (dict "indent" 0 "fields" $fields) }}
{{- /* Zero, which ends a pod at once, is not the same as nothing. */}}
{{- with pick $values "terminationGracePeriodSeconds" }}
{{ include "nimhelm.v3.yaml" . }}
{{- end }}
{{- end }}

{{- define "nimhelm.v3.workload" }}
{{- if eq .nim.workload "Deployment" }}
apiVersion: apps/v1
kind: Deployment
{{ include "nimhelm.v3.metadata" (dict "root" . "annotated" true "workload" true) }}
spec:
  {{- with include "nimhelm.v3.replicas" . }}
  replicas: {{ . }}
  {{- end }}
  {{- range $key, $number := pick .Values "progressDeadlineSeconds" "revisionHistoryLimit" "minReadySeconds" }}
    {{- if or (int $number) (ne $key "progressDeadlineSeconds") }}
  {{ $key }}: {{ int $number }}
    {{- end }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "nimhelm.v3.yaml" .nim.selector | nindent 6 }}
  strategy:
    {{- include "nimhelm.v3.strategy" . | nindent 4 }}
  template:
    {{- include "nimhelm.v3.podTemplate" . | nindent 4 }}
{{- else if eq .nim.workload "LeaderWorkerSet" }}
  {{- if include "nimhelm.v3.served" (dict "root" . "api" "leaderworkerset.x-k8s.io/v1/LeaderWorkerSet" "remedy" "install LeaderWorkerSet") }}
    {{- include "nimhelm.v3.leaderWorkerSet" . }}
  {{- end }}
{{- else if include "nimhelm.v3.served" (dict "root" . "api" "serving.kserve.io/v1beta1/InferenceService" "remedy" "install KServe, or set inferencePlatform=standalone") }}
  {{- include "nimhelm.v3.inferenceService" . }}
{{- end }}
{{- end }}

{{- /*
The number of pods. With an autoscaler it is the current number, so an upgrade does not reset it, and switching the
autoscaler on does not begin with one pod; nor does switching it off end with one, where the values have no number. When
the cluster cannot be asked (a GitOps tool renders the chart), the autoscaler sets the number.
*/}}
{{- define "nimhelm.v3.replicas" -}}
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
{{- define "nimhelm.v3.strategy" -}}
{{- $own := .Values.updateStrategy }}
{{- if eq "Recreate" (dig "type" "" ($own | default dict)) -}}
{{ include "nimhelm.v3.yaml" $own }}
{{- else if $own -}}
{{- $rolling := mergeOverwrite (dict "maxUnavailable" "25%" "maxSurge" "25%") (get $own "rollingUpdate" | default dict) }}
{{- include "nimhelm.v3.yaml" (merge (dict "rollingUpdate" $rolling) $own (dict "type" "RollingUpdate")) }}
{{- else if and .nim.onCluster (not .nim.global.keepOperatorPods) (not .nim.autoscaled) (eq (include "nimhelm.v3.replicas" . | trim) "1") -}}
type: Recreate
{{- else -}}
type: RollingUpdate
rollingUpdate:
  maxUnavailable: 25%
  maxSurge: 0
{{- end }}
{{- end }}
