{{- /* Labels and annotations. What the chart sets itself always wins over what the values add. */}}

{{- /* The labels that identify an object, as JSON. They are also what the ServiceMonitor selects by. */}}
{{- define "nimhelm.service.identity" -}}
  {{- dict
    "app.kubernetes.io/name" .Chart.Name
    "app.kubernetes.io/instance" .Release.Name
    "app.kubernetes.io/part-of" "nim-service"
    | toJson }}
{{- end }}

{{- /* All labels that the chart sets on every object, as JSON. */}}
{{- define "nimhelm.service.standardLabels" -}}
  {{- $labels := include "nimhelm.service.identity" . | fromJson }}
  {{- $_ := set $labels "app.kubernetes.io/managed-by" .Release.Service }}
  {{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" .Chart.Name (replace "+" "_" .Chart.Version) | trunc 63 | trimAll "-_.") }}
  {{- with index .Chart.Annotations "nimhelm.dev/pipeline" }}
    {{- $_ := set $labels "nimhelm.dev/pipeline" . }}
  {{- end }}
  {{- toJson $labels }}
{{- end }}

{{- /* The labels of an object: .Values.labels under the standard ones. */}}
{{- define "nimhelm.service.labels" -}}
  {{- include "nimhelm.service.overlay" (list .Values.labels (include "nimhelm.service.standardLabels" . | fromJson)) }}
{{- end }}

{{- /*
The labels of a pod: as above, and the ones that workloads and Services select by, which nothing may
change. Not the chart's version and the pipeline's name: a new one alone is no reason to load the model again.
*/}}
{{- define "nimhelm.service.podLabels" -}}
  {{- $standard := include "nimhelm.service.versionlessLabels" . | fromJson }}
  {{- if .Values.global.nimhelm.keepOperatorPods }}
    {{- $standard = include "nimhelm.service.operatorLabels" . | fromJson }}
  {{- end }}
  {{- include "nimhelm.service.overlay" (list .Values.labels $standard (include "nimhelm.service.selector" . | fromJson)) }}
{{- end }}

{{- /* The labels of the pods that the NIM Operator made, as JSON: pods that keep them are not restarted. */}}
{{- define "nimhelm.service.operatorLabels" -}}
  {{- dict
    "app.kubernetes.io/name" .Chart.Name
    "app.kubernetes.io/instance" .Chart.Name
    "app.kubernetes.io/part-of" "nim-service"
    "app.kubernetes.io/managed-by" "k8s-nim-operator"
    | toJson }}
{{- end }}

{{- /* The standard labels of what a new version of the chart, or another name of the pipeline, must not change, as JSON. */}}
{{- define "nimhelm.service.versionlessLabels" -}}
  {{- omit (include "nimhelm.service.standardLabels" . | fromJson) "helm.sh/chart" "nimhelm.dev/pipeline" | toJson }}
{{- end }}

{{- /* What the Service selects its pods by, as JSON. Of a multi-node service only the leaders answer. */}}
{{- define "nimhelm.service.selector" -}}
  {{- if eq (include "nimhelm.service.workload" .) "LeaderWorkerSet" }}
    {{- dict "app" (printf "%s-lws" .Chart.Name) "nim-llm-role" "leader" | toJson }}
  {{- else }}
    {{- dict "app" .Chart.Name | toJson }}
  {{- end }}
{{- end }}

{{- /* The annotations of an object. Takes a list: the root context, then maps of further annotations. */}}
{{- define "nimhelm.service.annotations" -}}
  {{- $root := first . }}
  {{- $own := dict "openshift.io/required-scc" (include "nimhelm.service.requiredSCC" $root) }}
  {{- include "nimhelm.service.overlay" (concat (rest .) (list $root.Values.annotations $own)) }}
{{- end }}

{{- /* Several maps as one, as YAML: what comes later in the list wins. */}}
{{- define "nimhelm.service.overlay" -}}
  {{- $result := dict }}
  {{- range . }}
    {{- range $key, $value := . }}
      {{- $_ := set $result $key $value }}
    {{- end }}
  {{- end }}
  {{- include "nimhelm.service.yaml" $result }}
{{- end }}
