{{- /* Labels and annotations. What the chart sets itself always wins over what the values add. */}}

{{- /*
The labels that go with a service. identity is what the ServiceMonitor selects by. Pods carry no version of the chart
and no name of the pipeline: a new one alone is no reason to load the model again.
*/}}
{{- define "nimhelm.v2.facts.labels" -}}
  {{- $nim := .nim }}
  {{- $identity := dict
    "app.kubernetes.io/name" $nim.name
    "app.kubernetes.io/instance" .Release.Name
    "app.kubernetes.io/part-of" "nim-service" }}
  {{- $stable := merge (dict "app.kubernetes.io/managed-by" .Release.Service) $identity }}
  {{- $standard := merge (dict "helm.sh/chart" (include "nimhelm.v2.chartLabel" .)) $stable }}
  {{- with $nim.pipeline }}{{ $_ := set $standard "nimhelm.dev/pipeline" . }}{{ end }}
  {{- $selector := dict "app" $nim.name }}
  {{- if eq $nim.workload "LeaderWorkerSet" }}
    {{- $selector = dict "app" (printf "%s-lws" $nim.name) "nim-llm-role" "leader" }}
  {{- end }}
  {{- if $nim.global.keepOperatorPods }}
    {{- /* The labels of the pods that the NIM Operator made: pods that keep them are not restarted. */}}
    {{- $stable = merge (dict
      "app.kubernetes.io/instance" $nim.name
      "app.kubernetes.io/managed-by" "k8s-nim-operator") $identity }}
  {{- end }}
  {{- /* What every object of the release gets; the service's own win. */}}
  {{- $_ := set .Values "labels" (merge .Values.labels $nim.global.commonLabels) }}
  {{- $_ := set .Values "annotations" (merge .Values.annotations $nim.global.commonAnnotations) }}
  {{- $labels := dict }}
  {{- include "nimhelm.v2.overlay" (dict "into" $labels "from" (list .Values.labels $standard)) }}
  {{- $pod := dict }}
  {{- include "nimhelm.v2.overlay" (dict "into" $pod "from" (list .Values.labels $stable $selector)) }}
  {{- $annotations := dict }}
  {{- $scc := dict }}
  {{- if eq $nim.openshift "scc" }}{{ $_ := set $scc "openshift.io/required-scc" $nim.scc }}{{ end }}
  {{- include "nimhelm.v2.overlay" (dict "into" $annotations "from" (list .Values.annotations $scc)) }}
  {{- $_ := set $nim "identity" $identity }}
  {{- $_ := set $nim "standardLabels" $standard }}
  {{- $_ := set $nim "stableLabels" (omit $standard "helm.sh/chart" "nimhelm.dev/pipeline") }}
  {{- $_ := set $nim "labels" $labels }}
  {{- $_ := set $nim "podLabels" $pod }}
  {{- $_ := set $nim "selector" $selector }}
  {{- $_ := set $nim "annotations" $annotations }}
  {{- /*
  A controller makes the pods of an InferenceService and the claims of a template later on. Where nobody knows the
  cluster, they carry the constraint that they would need on OpenShift; elsewhere it means nothing.
  */}}
  {{- $later := deepCopy $annotations }}
  {{- if not $nim.onCluster }}{{ $_ := set $later "openshift.io/required-scc" $nim.scc }}{{ end }}
  {{- $_ := set $nim "laterAnnotations" $later }}
{{- end }}

{{- define "nimhelm.v2.chartLabel" -}}
  {{- printf "%s-%s" .Chart.Name (replace "+" "_" .Chart.Version) | trunc 63 | trimAll "-_." }}
{{- end }}

{{- /*
The metadata of an object of a service. Takes name (the service's own when it is left out), under and over (lists of
labels below and above those of the chart), annotated (whether it has the service's annotations), annotations
(further ones, which yield to those) and workload (whether the object runs the pods).
*/}}
{{- define "nimhelm.v2.metadata" -}}
{{- $nim := .root.nim }}
{{- $labels := $nim.labels }}
{{- if or .under .over }}
  {{- $labels = dict }}
  {{- include "nimhelm.v2.overlay" (dict "into" $labels "from" (concat (.under | default list) (list $nim.labels) (.over | default list))) }}
{{- end }}
{{- $order := dict "root" .root "workload" .workload }}
{{- include "nimhelm.v2.order" $order }}
{{- $annotations := dict }}
{{- include "nimhelm.v2.overlay" (dict "into" $annotations "from" (list $nim.global.commonAnnotations (.annotations | default dict) (ternary $nim.annotations dict (eq true .annotated)) $order.order)) -}}
metadata:
  name: {{ .name | default $nim.name | toJson }}
  namespace: {{ toJson .root.Release.Namespace }}
  labels:
    {{- include "nimhelm.v2.yaml" $labels | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* Selects the pods of a service, its endpoint picker aside, whatever runs them. Takes the facts of the service. */}}
{{- define "nimhelm.v2.podPeer" -}}
matchLabels:
  {{- include "nimhelm.v2.yaml" (pick .podLabels "app.kubernetes.io/name" "app.kubernetes.io/instance") | nindent 2 }}
matchExpressions:
  - key: app
    operator: NotIn
    values: [{{ printf "%s-epp" .name | toJson }}]
{{- end }}
