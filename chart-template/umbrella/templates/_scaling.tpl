{{- /* How a Deployment is scaled: by a HorizontalPodAutoscaler, or by a ScaledObject of KEDA. */}}
{{- define "nimhelm.v3.scaling" }}
{{- if eq .nim.workload "Deployment" }}
{{- $hpa := .Values.scale.hpa }}
{{- $keda := .Values.scale.keda }}
{{- $served := dict "root" . "api" "keda.sh/v1alpha1/ScaledObject" "remedy" (printf "install KEDA, or set %s.scale.keda.enabled=false" .nim.name) }}
{{- if .Values.scale.enabled }}
{{- /* Metrics are grouped by type, as the API server writes them. */}}
{{- $metrics := list }}
{{- range $type := list "ContainerResource" "External" "Object" "Pods" "Resource" }}
  {{- range $hpa.metrics }}{{ if eq .type $type }}{{ $metrics = append $metrics . }}{{ end }}{{ end }}
{{- end }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
{{ include "nimhelm.v3.metadata" (dict "root" . "annotated" true "annotations" .Values.scale.annotations) }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ toJson .nim.name }}}
  {{- include "nimhelm.v3.yaml" (pick $hpa "minReplicas" "maxReplicas") | nindent 2 }}
  {{- include "nimhelm.v3.fields" (dict "indent" 2 "fields" (dict "metrics" $metrics "behavior" $hpa.behavior)) }}
{{- else if and $keda.enabled (include "nimhelm.v3.served" $served) }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
{{ include "nimhelm.v3.metadata" (dict "root" . "annotated" true "annotations" .Values.scale.annotations) }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ toJson .nim.name }}}
  {{- pick $keda "minReplicaCount" "maxReplicaCount" "idleReplicaCount" "pollingInterval" "cooldownPeriod" "initialCooldownPeriod"
    "triggers" "fallback" "advanced" | include "nimhelm.v3.yaml" | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
