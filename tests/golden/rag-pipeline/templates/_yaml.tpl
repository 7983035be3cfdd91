{{- /*
How values become YAML. Nothing in this chart prints a value any other way, so whatever a string
holds (template braces, "yes", "1e3", line breaks, control characters), it reaches the cluster as
it was written.
*/}}

{{- /* Any value as block YAML. Keys are sorted, "name" first; keys that hold null are left out. */}}
{{- define "nimhelm.umbrella.yaml" -}}
  {{- if and . (kindIs "map" .) -}}
    {{- include "nimhelm.umbrella.yaml.map" . | trim -}}
  {{- else if and . (kindIs "slice" .) -}}
    {{- include "nimhelm.umbrella.yaml.list" . | trim -}}
  {{- else -}}
    {{- include "nimhelm.umbrella.scalar" . -}}
  {{- end -}}
{{- end }}

{{- define "nimhelm.umbrella.yaml.map" -}}
  {{- $map := . }}
  {{- $keys := without (keys $map | sortAlpha) "name" }}
  {{- range ternary (prepend $keys "name") $keys (hasKey $map "name") }}
    {{- $value := index $map . }}
    {{- if not (kindIs "invalid" $value) }}
      {{- printf "\n%s:" (include "nimhelm.umbrella.key" .) }}
      {{- if and $value (or (kindIs "map" $value) (kindIs "slice" $value)) }}
        {{- include "nimhelm.umbrella.yaml" $value | nindent 2 }}
      {{- else }}
        {{- printf " %s" (include "nimhelm.umbrella.scalar" $value) }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- define "nimhelm.umbrella.yaml.list" -}}
  {{- range . }}
    {{- printf "\n- %s" (include "nimhelm.umbrella.yaml" . | indent 2 | trim) }}
  {{- end }}
{{- end }}

{{- /* A mapping key: plain where no YAML reader can take it for something else, quoted otherwise. */}}
{{- define "nimhelm.umbrella.key" -}}
  {{- $plain := regexMatch "^[A-Za-z][A-Za-z0-9._/-]*$" . -}}
  {{- $word := regexMatch "(?i)^(y|n|yes|no|on|off|true|false|null)$" . -}}
  {{- if and $plain (not $word) }}{{ . }}{{ else }}{{ include "nimhelm.umbrella.scalar" . }}{{ end }}
{{- end }}

{{- /* A scalar (or an empty map or list) as JSON, which is YAML but for the characters below. */}}
{{- define "nimhelm.umbrella.scalar" -}}
  {{- toRawJson . | include "nimhelm.umbrella.escaped" -}}
{{- end }}

{{- /* JSON with all that it leaves raw and YAML refuses or folds written as \uXXXX. */}}
{{- define "nimhelm.umbrella.escaped" -}}
  {{- $json := . -}}
  {{- if regexMatch "[\\x{7F}-\\x{9F}\\x{FEFF}\\x{FFFE}\\x{FFFF}]" $json -}}
    {{- range $code := concat (untilStep 127 160 1) (list 65279 65534 65535) -}}
      {{- $json = replace (printf "%c" $code) (printf "\\u%04x" $code) $json -}}
    {{- end -}}
  {{- end -}}
  {{- $json -}}
{{- end }}

{{- /* A script as it goes into a pod: without its comments and empty lines. */}}
{{- define "nimhelm.umbrella.script" -}}
  {{- regexReplaceAll "(?m)^ *(#.*)?\n" . "" | trim -}}
{{- end }}
