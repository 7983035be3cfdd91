{{- define "nimhelm.service.computeDomainClaims" -}}[]{{- end }}
