{{- define "nimhelm.umbrella.cache.claim" -}}
  {{- dig "storage" "pvc" "name" "" (last .) | default (printf "%s-pvc" (first .)) }}
{{- end }}
