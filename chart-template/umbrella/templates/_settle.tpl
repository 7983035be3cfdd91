{{- /*
Values as the templates read them: without nulls, with which users take values back. Every file that renders
settles the values first.
*/}}

{{- define "nimhelm.umbrella.settle" -}}
  {{- if not (hasKey . "settled") }}
    {{- $_ := set . "settled" true }}
    {{- include "nimhelm.umbrella.settle.prune" .Values }}
  {{- end }}
{{- end }}

{{- /* Takes the nulls out of a map, and of all that is in it. */}}
{{- define "nimhelm.umbrella.settle.prune" -}}
  {{- $map := . }}
  {{- range $key, $value := $map }}
    {{- if kindIs "invalid" $value }}
      {{- $_ := unset $map $key }}
    {{- else if kindIs "map" $value }}
      {{- include "nimhelm.umbrella.settle.prune" $value }}
    {{- else if kindIs "slice" $value }}
      {{- $_ := set $map $key (without $value nil) }}
      {{- range $value }}
        {{- if kindIs "map" . }}{{ include "nimhelm.umbrella.settle.prune" . }}{{ end }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
