{{- /* Services that KServe runs. It brings a Service, routes and an autoscaler of its own. */}}

{{- /* How KServe deploys the service: Standard or Knative; nothing for a service that KServe does not run. */}}
{{- define "nimhelm.service.kserveMode" -}}
  {{- if eq .Values.inferencePlatform "kserve" }}
    {{- $mode := get .Values.annotations "serving.kserve.io/deploymentMode" }}
    {{- ternary "Knative" "Standard" (has $mode (list "Knative" "Serverless")) }}
  {{- end }}
{{- end }}

{{- /* The annotations of the InferenceService that the pipeline may set otherwise. */}}
{{- define "nimhelm.service.kserve.annotations" -}}
  {{- $annotations := dict
    "serving.kserve.io/deploymentMode" (include "nimhelm.service.kserveMode" .)
    "serving.kserve.io/enable-metric-aggregation" "true"
    "serving.kserve.io/enable-prometheus-scraping" "true" }}
  {{- if .Values.scale.enabled }}
    {{- $_ := set $annotations "serving.kserve.io/autoscalerClass" "hpa" }}
  {{- end }}
  {{- toJson $annotations }}
{{- end }}

{{- /* Its labels that the pipeline may set otherwise: without an Ingress it is reached from inside alone. */}}
{{- define "nimhelm.service.kserve.labels" -}}
  {{- if or .Values.expose.ingress.enabled .Values.expose.router.ingress.ingressClass }}
    {{- dict | toJson }}
  {{- else }}
    {{- dict "networking.kserve.io/visibility" "cluster-local" | toJson }}
  {{- end }}
{{- end }}

{{- /* How many pods a predictor has, as JSON: {minReplicas, maxReplicas, scaleMetric, ...}. Knative counts by itself. */}}
{{- define "nimhelm.service.kserve.scaling" -}}
  {{- $scaling := dict }}
  {{- if ne (include "nimhelm.service.kserveMode" .) "Standard" }}
  {{- else if .Values.scale.enabled }}
    {{- $hpa := .Values.scale.hpa }}
    {{- $scaling = dict "minReplicas" (int $hpa.minReplicas) "maxReplicas" (int $hpa.maxReplicas) }}
    {{- range $hpa.metrics }}
      {{- $metric := dig "resource" "name" "" . }}
      {{- if and (eq .type "Resource") (has $metric (list "cpu" "memory")) (not (hasKey $scaling "scaleMetric")) }}
        {{- $target := .resource.target }}
        {{- $_ := set $scaling "scaleMetric" $metric }}
        {{- $_ := set $scaling "scaleMetricType" $target.type }}
        {{- $_ := set $scaling "scaleTarget" (get $target "averageUtilization" | default (get $target "averageValue") | default (get $target "value") | int) }}
      {{- end }}
    {{- end }}
  {{- else }}
    {{- with include "nimhelm.service.replicas" . }}
      {{- $scaling = dict "minReplicas" (int .) "maxReplicas" (int .) }}
    {{- end }}
  {{- end }}
  {{- toJson $scaling }}
{{- end }}
