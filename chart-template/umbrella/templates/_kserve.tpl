{{- /* Services that KServe runs. KServe creates the Service, the routes and the autoscaler. */}}

{{- define "nimhelm.v3.inferenceService" -}}
{{- $nim := .nim }}
{{- include "nimhelm.v3.revision" . }}
{{- /* Without an Ingress the service is reached only from inside the cluster. */}}
{{- $public := or .Values.expose.ingress.enabled .Values.expose.router.ingress.ingressClass }}
{{- $labels := ternary (dict "networking.kserve.io/visibility" "cluster-local") dict (empty $public) }}
{{- $annotations := dict
  "serving.kserve.io/deploymentMode" (ternary "Knative" "Standard" $nim.knative)
  "serving.kserve.io/enable-metric-aggregation" "true"
  "serving.kserve.io/enable-prometheus-scraping" "true" }}
{{- $scaling := ternary (dict "minReplicas" $nim.replicas "maxReplicas" $nim.replicas) dict $nim.hasReplicas }}
{{- if .Values.scale.enabled }}
  {{- $_ := set $annotations "serving.kserve.io/autoscalerClass" "hpa" }}
  {{- $scaling = pick .Values.scale.hpa "minReplicas" "maxReplicas" }}
  {{- /* KServe takes one metric: the first of those that it knows. */}}
  {{- range .Values.scale.hpa.metrics }}
    {{- if has (dig "resource" "name" "" .) (list "cpu" "memory") }}
      {{- $target := .resource.target }}
      {{- $amount := coalesce $target.averageUtilization $target.averageValue $target.value | int }}
      {{- $_ := merge $scaling (dict "scaleMetric" .resource.name "scaleMetricType" $target.type "scaleTarget" $amount) }}
    {{- end }}
  {{- end }}
{{- end -}}
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
{{ include "nimhelm.v3.metadata" (dict "root" . "under" $labels "annotated" true "workload" true "annotations" $annotations) }}
spec:
  predictor:
    {{- include "nimhelm.v3.podMetadata" . | nindent 4 }}
    {{- if $nim.knative }}
    {{- with get $nim.annotations "autoscaling.knative.dev/min-scale" }}{{ printf "minReplicas: %d" (int .) | nindent 4 }}{{ end }}
    {{- with get $nim.annotations "autoscaling.knative.dev/max-scale" }}{{ printf "maxReplicas: %d" (int .) | nindent 4 }}{{ end }}
    {{- else }}
    {{- with $scaling }}{{ include "nimhelm.v3.yaml" . | nindent 4 }}{{ end }}
    deploymentStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 25%, maxSurge: 0}}
    {{- end }}
    {{- get $nim.specs "" | nindent 4 }}
{{- end }}
