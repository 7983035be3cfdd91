{{- /*
How values become YAML. Nothing in this chart prints a value any other way, so whatever a string
holds (template braces, "yes", "1e3", line breaks, control characters), it reaches the cluster as
it was written.
*/}}

{{- /* Any value as block YAML. Keys are sorted, "name" first; keys that hold null are left out. */}}
{{- define "nimhelm.service.yaml" -}}
  {{- if and . (kindIs "map" .) -}}
    {{- include "nimhelm.service.yaml.map" . | trim -}}
  {{- else if and . (kindIs "slice" .) -}}
    {{- include "nimhelm.service.yaml.list" . | trim -}}
  {{- else -}}
    {{- include "nimhelm.service.scalar" . -}}
  {{- end -}}
{{- end }}

{{- define "nimhelm.service.yaml.map" -}}
  {{- $map := . }}
  {{- $keys := without (keys $map | sortAlpha) "name" }}
  {{- range ternary (prepend $keys "name") $keys (hasKey $map "name") }}
    {{- $value := index $map . }}
    {{- if not (kindIs "invalid" $value) }}
      {{- printf "\n%s:" (include "nimhelm.service.key" .) }}
      {{- if and $value (or (kindIs "map" $value) (kindIs "slice" $value)) }}
        {{- include "nimhelm.service.yaml" $value | nindent 2 }}
      {{- else }}
        {{- printf " %s" (include "nimhelm.service.scalar" $value) }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- define "nimhelm.service.yaml.list" -}}
  {{- range . }}
    {{- printf "\n- %s" (include "nimhelm.service.yaml" . | indent 2 | trim) }}
  {{- end }}
{{- end }}

{{- /* A mapping key: plain where no YAML reader can take it for something else, quoted otherwise. */}}
{{- define "nimhelm.service.key" -}}
  {{- $plain := regexMatch "^[A-Za-z][A-Za-z0-9._/-]*$" . -}}
  {{- $word := regexMatch "(?i)^(y|n|yes|no|on|off|true|false|null)$" . -}}
  {{- if and $plain (not $word) }}{{ . }}{{ else }}{{ include "nimhelm.service.scalar" . }}{{ end }}
{{- end }}

{{- /* A scalar (or an empty map or list) as JSON, which is YAML but for the characters below. */}}
{{- define "nimhelm.service.scalar" -}}
  {{- toRawJson . | include "nimhelm.service.escaped" -}}
{{- end }}

{{- /* JSON with all that it leaves raw and YAML refuses or folds written as \uXXXX. */}}
{{- define "nimhelm.service.escaped" -}}
  {{- $json := . -}}
  {{- if regexMatch "[\\x{7F}-\\x{9F}\\x{FEFF}\\x{FFFE}\\x{FFFF}]" $json -}}
    {{- range $code := concat (untilStep 127 160 1) (list 65279 65534 65535) -}}
      {{- $json = replace (printf "%c" $code) (printf "\\u%04x" $code) $json -}}
    {{- end -}}
  {{- end -}}
  {{- $json -}}
{{- end }}

{{- /* A script as it goes into a pod: without its comments and empty lines. */}}
{{- define "nimhelm.service.script" -}}
  {{- regexReplaceAll "(?m)^ *(#.*)?\n" . "" | trim -}}
{{- end }}
