{{- /* The fixed number of pods, or nothing. 0 is a number; null, which takes a value back, is none. */}}
{{- define "nimhelm.service.replicas" -}}
  {{- if not (kindIs "invalid" .Values.replicas) }}{{ int .Values.replicas }}{{ end }}
{{- end }}

{{- /* The metrics that replicas are counted by, as JSON: grouped by type, their quantities as the API server writes them. */}}
{{- define "nimhelm.service.hpaMetrics" -}}
  {{- $metrics := list }}
  {{- $given := .Values.scale.hpa.metrics }}
  {{- range $type := list "ContainerResource" "External" "Object" "Pods" "Resource" }}
    {{- range $given }}
      {{- if eq .type $type }}
        {{- $metric := deepCopy . }}
        {{- $source := index $metric (untitle $type) | default dict }}
        {{- range $key := list "value" "averageValue" }}
          {{- with dig "target" $key "" $source }}
            {{- $_ := set $source.target $key (include "nimhelm.service.quantity" .) }}
          {{- end }}
        {{- end }}
        {{- $metrics = append $metrics $metric }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- toJson $metrics }}
{{- end }}
