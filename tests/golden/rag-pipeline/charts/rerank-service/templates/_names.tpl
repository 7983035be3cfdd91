{{- /*
What an object of this service is called. Everything is named after the service alone, not after the
release: pipelines write http://<service>:<port> into their settings.
*/}}

{{- /* Deployment, LeaderWorkerSet or InferenceService. */}}
{{- define "nimhelm.service.workload" -}}
  {{- $nodes := int (dig "parallelism" "pipeline" 1 .Values.multiNode) }}
  {{- if eq .Values.inferencePlatform "kserve" }}InferenceService
  {{- else if gt $nodes 1 }}LeaderWorkerSet
  {{- else }}Deployment
  {{- end }}
{{- end }}

{{- /* The host name under which a router publishes the service. */}}
{{- define "nimhelm.service.host" -}}
  {{- printf "%s.%s.%s" .Chart.Name .Release.Namespace .Values.expose.router.hostDomainName }}
{{- end }}

{{- /* The claim that holds the model, or nothing when it is kept elsewhere. */}}
{{- define "nimhelm.service.claimName" -}}
  {{- $storage := .Values.storage }}
  {{- if $storage.nimCache.name }}
    {{- $storage.nimCache.claimName | default (printf "%s-pvc" $storage.nimCache.name) }}
  {{- else if or $storage.pvc.create $storage.pvc.name }}
    {{- $storage.pvc.name | default (printf "%s-pvc" .Chart.Name) }}
  {{- end }}
{{- end }}

{{- /* The OpenShift security context constraint that the pods need. */}}
{{- define "nimhelm.service.requiredSCC" -}}
  {{- if dig "certConfigMap" "" (.Values.proxy | default dict) }}anyuid
  {{- else if .Values.storage.hostPath }}hostmount-anyuid
  {{- else }}nonroot
  {{- end }}
{{- end }}
