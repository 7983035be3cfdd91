{{- define "nimhelm.service.kserveMode" -}}{{- end }}
