{{- /* A PodDisruptionBudget for services that ask for one. */}}
{{- define "nimhelm.v2.disruption" }}
{{- with .Values.podDisruptionBudget }}
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "nimhelm.v2.metadata" (dict "root" $) }}
spec:
  selector: {matchLabels: {{ toJson $.nim.selector }}}
  {{- include "nimhelm.v2.yaml" . | nindent 2 }}
{{- end }}
{{- end }}
