{{- /* A PodDisruptionBudget for services that ask for one. */}}
{{- define "nimhelm.v3.disruption" }}
{{- with .Values.podDisruptionBudget }}
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "nimhelm.v3.metadata" (dict "root" $) }}
spec:
  selector: {matchLabels: {{ toJson $.nim.selector }}}
  {{- include "nimhelm.v3.yaml" . | nindent 2 }}
{{- end }}
{{- end }}
