{{- /*
Values: how they are settled before use, and how they are printed so that each string reaches the cluster unchanged.
*/}}

{{- /*
Removes nulls from the values and adds missing defaults. A null resets a value to its default, but Helm leaves it in
the values or removes the default too. Takes root and defaults (the name of a template).
*/}}
{{- define "nimhelm.v3.settle" -}}
  {{- include "nimhelm.v3.prune" .root.Values }}
  {{- $values := include .defaults .root | fromJson }}
  {{- /* Set as a whole, so that an empty map or null removes it. */}}
  {{- if hasKey (dig "nimhelm" dict (get .root.Values "global" | default dict)) "helperResources" }}{{ $_ := unset $values.global.nimhelm "helperResources" }}{{ end }}
  {{- $_ := set .root "Values" (mergeOverwrite $values .root.Values) }}
{{- end }}

{{- /* Removes nulls from a map and from everything in it, but for an overlay, where they remove a field or a variable. */}}
{{- define "nimhelm.v3.prune" -}}
  {{- range $key, $value := . }}
    {{- if and (kindIs "invalid" $value) (ne $key "helperResources") }}{{ $_ := unset $ $key }}
    {{- else if has $key (list "podTemplate" "extraEnv" "overlay") }}
    {{- else if and $value (kindIs "map" $value) }}{{ include "nimhelm.v3.prune" $value }}
    {{- else if kindIs "slice" $value }}
      {{- if has nil $value }}{{ $_ := set $ $key (without $value nil) }}{{ end }}
      {{- range $value }}{{ if kindIs "map" . }}{{ include "nimhelm.v3.prune" . }}{{ end }}{{ end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
Merges a map into another, like a strategic merge patch: maps merge, lists of named items merge by name, and mounts by
their paths, since a volume may have several. A null removes, and anything else replaces. Takes into and from.
*/}}
{{- define "nimhelm.v3.mergeByName" -}}
  {{- $into := .into }}
  {{- range $key, $value := .from }}
    {{- $old := get $into $key }}
    {{- if kindIs "invalid" $value }}{{ $_ := unset $into $key }}
    {{- else if and (kindIs "map" $value) (kindIs "map" $old) }}
      {{- include "nimhelm.v3.mergeByName" (dict "into" $old "from" $value) }}
    {{- else if and (kindIs "slice" $value) (kindIs "slice" $old) (kindIs "map" (first $value)) (hasKey (first $value) "name") }}
      {{- $by := ternary "mountPath" "name" (hasKey (first $value) "mountPath") }}
      {{- $known := dict }}
      {{- range $old }}{{ $_ := set $known (get . $by) . }}{{ end }}
      {{- range $value }}
        {{- $name := get . $by }}
        {{- if hasKey $known $name }}{{ include "nimhelm.v3.mergeByName" (dict "into" (get $known $name) "from" .) }}
        {{- else }}{{ $_ := set $into $key (append (get $into $key) .) }}{{ $_ := set $known $name . }}
        {{- end }}
      {{- end }}
    {{- else }}{{ $_ := set $into $key $value }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
Prints any value as block YAML. Helm's toYaml prints nothing when a string has a character that YAML forbids. When
indented, it loses a line break at the end of a string. It leaves "=" and "<<" unquoted, which some parsers read as
special values. The entries of such a map or list are printed as JSON, which is valid YAML, with these characters
escaped.
*/}}
{{- define "nimhelm.v3.yaml" -}}
  {{- $json := toRawJson . -}}
  {{- if not (regexMatch `[\x{7F}-\x{9F}\x{FEFF}\x{FFFE}\x{FFFF}]|\\n"|"(=|<<)"` $json) -}}
    {{- toYaml . -}}
  {{- else if and . (kindIs "map" .) -}}
    {{- range $key, $value := . }}{{ printf "\n%s: %s" (toRawJson $key) (toRawJson $value) | include "nimhelm.v3.escaped" }}{{ end -}}
  {{- else if and . (kindIs "slice" .) -}}
    {{- range . }}{{ printf "\n- %s" (toRawJson .) | include "nimhelm.v3.escaped" }}{{ end -}}
  {{- else -}}
    {{- include "nimhelm.v3.escaped" $json -}}
  {{- end -}}
{{- end }}

{{- /* Prints those fields of a map that are not empty, each below the text before it. Takes fields and indent (spaces). */}}
{{- define "nimhelm.v3.fields" -}}
  {{- range $name, $value := .fields }}{{ if not $value }}{{ $_ := unset $.fields $name }}{{ end }}{{ end }}
  {{- with .fields }}{{ include "nimhelm.v3.yaml" . | nindent $.indent }}{{ end }}
{{- end }}

{{- /* JSON with \uXXXX for characters that JSON allows and YAML forbids. */}}
{{- define "nimhelm.v3.escaped" -}}
  {{- $json := . -}}
  {{- if regexMatch `[\x{7F}-\x{9F}\x{FEFF}\x{FFFE}\x{FFFF}]` $json -}}
    {{- range concat (untilStep 127 160 1) (list 65279 65534 65535) }}{{ $json = replace (printf "%c" .) (printf "\\u%04x" .) $json }}{{ end -}}
  {{- end -}}
  {{- $json -}}
{{- end }}

{{- /* A quantity as a plain number: "10Gi" is 10737418240, "500m" is 0.5, "1e3" is 1000. */}}
{{- define "nimhelm.v3.quantity" -}}
  {{- $text := toString . -}}
  {{- $unit := regexFind "[a-zA-Z]*$" $text -}}
  {{- $size := get (dict "n" 1e-9 "u" 1e-6 "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18
    "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976) $unit -}}
  {{- trimSuffix $unit $text | float64 | mulf ($size | default 1) -}}
{{- end }}

{{- /* A quantity of devices as a whole number of them, rounded up: 2, "2" and "2000m" are 2. */}}
{{- define "nimhelm.v3.count" -}}
  {{- include "nimhelm.v3.quantity" . | float64 | ceil | int64 -}}
{{- end }}

{{- /* Copies the quantities of a map as strings, which every parser accepts. Takes into and from. */}}
{{- define "nimhelm.v3.quantities" -}}
  {{- range $name, $quantity := .from }}{{ $_ := set $.into $name (toJson $quantity | trimAll "\"") }}{{ end }}
{{- end }}

{{- /*
An image reference. global.nimhelm.imageRegistry replaces its registry host, or with imageRegistryPath=drop its whole
path. The first part of a reference is a host when it contains a dot or a colon, or is "localhost". Takes global and
reference, or image ({repository, tag, digest}).
*/}}
{{- define "nimhelm.v3.image" -}}
  {{- $reference := .reference }}
  {{- with .image }}{{ $reference = printf "%s:%s" .repository .tag }}{{ end }}
  {{- with dig "digest" "" (.image | default dict) }}{{ $reference = printf "%s@%s" $reference . }}{{ end }}
  {{- with .global.imageRegistry | trimSuffix "/" }}
    {{- $own := ternary "^.*/" "^([^/]*[.:][^/]*|localhost)/" (eq $.global.imageRegistryPath "drop") }}
    {{- $reference = printf "%s/%s" . (regexReplaceAll $own $reference "") }}
  {{- end }}
  {{- $reference }}
{{- end }}

{{- /* The pull secrets of a pod, with those of the whole chart, each once, below the text before it. Takes global and names. */}}
{{- define "nimhelm.v3.pullSecrets" -}}
  {{- $secrets := list }}
  {{- range concat (.names | default list) .global.imagePullSecrets | uniq }}{{ $secrets = append $secrets (dict "name" .) }}{{ end }}
  {{- include "nimhelm.v3.fields" (dict "indent" 0 "fields" (dict "imagePullSecrets" $secrets)) }}
{{- end }}
