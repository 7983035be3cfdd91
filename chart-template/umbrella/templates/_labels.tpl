{{- /* The labels of an object of the pipeline itself, or of one of its caches. Takes (root, name). */}}
{{- define "nimhelm.umbrella.labels" -}}
  {{- $root := first . }}
  {{- include "nimhelm.umbrella.yaml" (merge
    (include "nimhelm.umbrella.podLabels" . | fromJson)
    (dict
      "helm.sh/chart" (printf "%s-%s" $root.Chart.Name (replace "+" "_" $root.Chart.Version) | trunc 63 | trimAll "-_.")
      "nimhelm.dev/pipeline" (include "nimhelm.umbrella.pipeline" $root))) }}
{{- end }}

{{- /* The same for a pod, as JSON: without the version of the chart and the name of the pipeline. Takes (root, name). */}}
{{- define "nimhelm.umbrella.podLabels" -}}
  {{- $root := first . }}
  {{- dict
    "app.kubernetes.io/name" (last .)
    "app.kubernetes.io/instance" $root.Release.Name
    "app.kubernetes.io/managed-by" $root.Release.Service
    "app.kubernetes.io/part-of" "nim-service"
    | toJson }}
{{- end }}

{{- define "nimhelm.umbrella.pipeline" -}}
  {{- index .Chart.Annotations "nimhelm.dev/pipeline" | default .Chart.Name }}
{{- end }}
