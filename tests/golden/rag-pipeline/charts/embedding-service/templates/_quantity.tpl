{{- /*
A quantity the way the API server writes it ("0.5" is "500m", "1024Mi" is "1Gi"), so that whoever
compares the chart with the cluster finds no difference. Anything out of the ordinary stays as it is.
*/}}
{{- define "nimhelm.service.quantity" -}}
  {{- $text := ternary . (toJson .) (kindIs "string" .) -}}
  {{- $result := "" -}}
  {{- if regexMatch "^[0-9]{1,12}([.][0-9]{1,3})?([mkMGTPE]|[KMGTPE]i)?$" $text -}}
    {{- $unit := regexFind "[a-zA-Z]*$" $text -}}
    {{- $parts := splitList "." (trimSuffix $unit $text) -}}
    {{- $decimals := printf "%s000" (index (append $parts "") 1) | trunc 3 -}}
    {{- $thousandths := printf "%s%s" (first $parts) $decimals | regexFind "[1-9][0-9]*$" | default "0" | int64 -}}
    {{- if hasSuffix "i" $unit -}}
      {{- $result = include "nimhelm.service.quantity.binary" (list $thousandths $unit) -}}
    {{- else -}}
      {{- $result = include "nimhelm.service.quantity.decimal" (list $thousandths $unit) -}}
    {{- end -}}
  {{- end -}}
  {{- $result | default $text -}}
{{- end }}

{{- /* So many thousandths of a decimal unit, in the largest unit that needs no decimals. */}}
{{- define "nimhelm.service.quantity.decimal" -}}
  {{- $units := list "u" "m" "" "k" "M" "G" "T" "P" "E" -}}
  {{- $number := first . -}}
  {{- $index := 0 -}}
  {{- range $position, $unit := $units -}}
    {{- if eq $unit (last $) }}{{ $index = sub $position 1 }}{{ end -}}
  {{- end -}}
  {{- range until 8 -}}
    {{- if and $number (eq (mod $number 1000) 0) (lt $index 8) -}}
      {{- $number = div $number 1000 -}}
      {{- $index = add $index 1 -}}
    {{- end -}}
  {{- end -}}
  {{- if $number }}{{ $number }}{{ index $units (int $index) }}{{ else }}0{{ end -}}
{{- end }}

{{- /* The same for a binary unit; nothing when it is not a whole number of bytes. */}}
{{- define "nimhelm.service.quantity.binary" -}}
  {{- $units := list "" "Ki" "Mi" "Gi" "Ti" "Pi" "Ei" -}}
  {{- $number := first . -}}
  {{- $index := 0 -}}
  {{- range $position, $unit := $units -}}
    {{- if eq $unit (last $) }}{{ $index = $position }}{{ end -}}
  {{- end -}}
  {{- if mod $number 1000 -}}
    {{- $number = mul $number 1024 -}}
    {{- $index = sub $index 1 -}}
  {{- end -}}
  {{- if eq (mod $number 1000) 0 -}}
    {{- $number = div $number 1000 -}}
    {{- range until 6 -}}
      {{- if and $number (eq (mod $number 1024) 0) (lt $index 6) -}}
        {{- $number = div $number 1024 -}}
        {{- $index = add $index 1 -}}
      {{- end -}}
    {{- end -}}
    {{- if $number }}{{ $number }}{{ index $units (int $index) }}{{ else }}0{{ end -}}
  {{- end -}}
{{- end }}
