{{- /* Services that KServe runs. KServe creates the Service, the routes and the autoscaler. */}}

{{- define "nimhelm.v2.inferenceService" -}}
{{- $nim := .nim }}
{{- $hpa := .Values.scale.hpa }}
{{- include "nimhelm.v2.revision" . }}
{{- /* Without an Ingress the service is reached only from inside the cluster. */}}
{{- $public := or .Values.expose.ingress.enabled .Values.expose.router.ingress.ingressClass }}
{{- $labels := ternary (dict "networking.kserve.io/visibility" "cluster-local") dict (empty $public) }}
{{- $annotations := dict
  "serving.kserve.io/deploymentMode" (ternary "Knative" "Standard" $nim.knative)
  "serving.kserve.io/enable-metric-aggregation" "true"
  "serving.kserve.io/enable-prometheus-scraping" "true" }}
{{- if .Values.scale.enabled }}{{ $_ := set $annotations "serving.kserve.io/autoscalerClass" "hpa" }}{{ end -}}
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
{{ include "nimhelm.v2.metadata" (dict "root" . "under" $labels "annotated" true "workload" true "annotations" $annotations) }}
spec:
  predictor:
    {{- include "nimhelm.v2.podMetadata" . | nindent 4 }}
    {{- if $nim.knative }}
      {{- range $field, $annotation := dict "minReplicas" "min-scale" "maxReplicas" "max-scale" }}
        {{- with get $nim.annotations (printf "autoscaling.knative.dev/%s" $annotation) }}
    {{ $field }}: {{ int . }}
        {{- end }}
      {{- end }}
    {{- else }}
      {{- if .Values.scale.enabled }}
        {{- include "nimhelm.v2.yaml" (pick $hpa "minReplicas" "maxReplicas") | nindent 4 }}
        {{- $metrics := list }}
        {{- range $hpa.metrics }}
          {{- if and (eq .type "Resource") (has (dig "resource" "name" "" .) (list "cpu" "memory")) }}{{ $metrics = append $metrics .resource }}{{ end }}
        {{- end }}
        {{- with first $metrics }}
    scaleMetric: {{ .name }}
    scaleMetricType: {{ toJson .target.type }}
    scaleTarget: {{ .target.averageUtilization | default .target.averageValue | default .target.value | int }}
        {{- end }}
      {{- else if $nim.hasReplicas }}
    minReplicas: {{ $nim.replicas }}
    maxReplicas: {{ $nim.replicas }}
      {{- end }}
    deploymentStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 25%, maxSurge: 0}}
    {{- end }}
    {{- get $nim.specs "" | nindent 4 }}
{{- end }}
