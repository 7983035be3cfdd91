{{- /*
A short hash of a name, as the operator puts it into the names of claims: 32-bit FNV-1a as a decimal
number whose digits stand for letters that spell no words. Templates have no exclusive or, so the lowest
byte is put together bit by bit.
*/}}
{{- define "nimhelm.service.shortHash" -}}
  {{- $text := . -}}
  {{- $hash := 2166136261 -}}
  {{- range until (len $text) -}}
    {{- $low := mod $hash 256 -}}
    {{- $byte := index $text . | int -}}
    {{- $mixed := sub $hash $low -}}
    {{- range list 1 2 4 8 16 32 64 128 -}}
      {{- if ne (mod (div $low .) 2) (mod (div $byte .) 2) -}}
        {{- $mixed = add $mixed . -}}
      {{- end -}}
    {{- end -}}
    {{- $hash = mod (mul $mixed 16777619) 4294967296 -}}
  {{- end -}}
  {{- range splitList "" (toString $hash | trunc 12) -}}
    {{- index "456789bcdf" (atoi .) | printf "%c" -}}
  {{- end -}}
{{- end }}
