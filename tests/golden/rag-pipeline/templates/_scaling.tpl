{{- /* How a Deployment is scaled: by a HorizontalPodAutoscaler, or by a ScaledObject of KEDA. */}}

{{- /* Metrics of an autoscaler are grouped by type, as the API server writes them. */}}
{{- define "nimhelm.v2.scaling" }}
{{- $scale := .Values.scale }}
{{- if eq .nim.workload "Deployment" }}
{{- if $scale.enabled }}
{{- $metrics := list }}
{{- range $type := list "ContainerResource" "External" "Object" "Pods" "Resource" }}
  {{- range $scale.hpa.metrics }}
    {{- if eq .type $type }}{{ $metrics = append $metrics . }}{{ end }}
  {{- end }}
{{- end }}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
{{ include "nimhelm.v2.metadata" (dict "root" . "annotated" true "annotations" $scale.annotations) }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ toJson .nim.name }}
  minReplicas: {{ int $scale.hpa.minReplicas }}
  maxReplicas: {{ int $scale.hpa.maxReplicas }}
  {{- with $metrics }}
  metrics:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
  {{- with $scale.hpa.behavior }}
  behavior:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
{{- else if $scale.keda.enabled }}
  {{- include "nimhelm.v2.scaledObject" . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "nimhelm.v2.scaledObject" }}
{{- if include "nimhelm.v2.served" (dict "root" . "api" "keda.sh/v1alpha1/ScaledObject" "remedy" (printf "install KEDA, or set %s.scale.keda.enabled=false" .nim.name)) }}
{{- $keda := .Values.scale.keda }}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
{{ include "nimhelm.v2.metadata" (dict "root" . "annotated" true "annotations" .Values.scale.annotations) }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ toJson .nim.name }}
  {{- range $key := list "minReplicaCount" "maxReplicaCount" "idleReplicaCount" "pollingInterval" "cooldownPeriod" "initialCooldownPeriod" }}
    {{- if hasKey $keda $key }}
  {{ $key }}: {{ get $keda $key | int }}
    {{- end }}
  {{- end }}
  {{- include "nimhelm.v2.yaml" (pick $keda "triggers" "fallback" "advanced") | nindent 2 }}
{{- end }}
{{- end }}
