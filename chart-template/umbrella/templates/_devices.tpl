{{- /* Devices requested through dynamic resource allocation (DRA). */}}

{{- define "nimhelm.v3.devices" }}
{{- include "nimhelm.v3.claims" . }}
{{- range $name, $spec := .nim.claimTemplates }}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
{{ include "nimhelm.v3.metadata" (dict "root" $ "name" $name "annotated" true) }}
{{ $spec }}
{{- end }}
{{- end }}

{{- /*
Sets .nim.podClaims (claims of the pod), .nim.containerClaims (claims that a container uses) and .nim.claimTemplates (by
name, the texts of those that the chart makes). Claims have the names that the operator gives them:
claim-<service>-<kind>-<claim>-<n>, with both names hashed. n counts earlier entries with the same claim.
*/}}
{{- define "nimhelm.v3.claims" -}}
{{- if not (hasKey .nim "podClaims") }}
  {{- $pod := list }}
  {{- $container := list }}
  {{- $templates := dict }}
  {{- $counts := dict }}
  {{- $resources := .Values.draResources }}
  {{- if and .Values.multiNode.computeDomain .nim.group }}
    {{- $resources = append $resources (dict "resourceClaimTemplateName" (include "nimhelm.v3.computeDomain.template" .) "kind" "2") }}
  {{- end }}
  {{- range $index, $resource := $resources }}
    {{- $service := include "nimhelm.v3.shortHash" $.nim.name }}
    {{- $key := ternary "resourceClaimName" "resourceClaimTemplateName" (hasKey . "resourceClaimName") }}
    {{- $target := get . $key }}
    {{- with .claimCreationSpec }}
      {{- $text := include "nimhelm.v3.claimTemplateSpec" (dict "root" $ "devices" .devices) }}
      {{- $target = printf "%s-%s-%d" (.generateName | default "claimtemplate") $service $index }}
      {{- /* A claim template is immutable, so on a cluster a change makes a new one. Pods of the operator keep its name. */}}
      {{- if and $.nim.onCluster (not $.nim.global.keepOperatorPods) }}{{ $target = printf "%s-%s" $target ($text | sha256sum | trunc 8) }}{{ end }}
      {{- $_ := set $templates $target $text }}
    {{- end }}
    {{- $kind := .kind | default (ternary "0" "1" (hasKey . "resourceClaimName")) }}
    {{- $id := print $key "/" $target }}
    {{- $name := printf "claim-%s-%s-%s-%d" $service $kind (include "nimhelm.v3.shortHash" $target) (get $counts $id | int) }}
    {{- $_ := set $counts $id (get $counts $id | int | add1) }}
    {{- $pod = append $pod (dict "name" $name $key $target) }}
    {{- range .requests }}{{ $container = append $container (dict "name" $name "request" .) }}
    {{- else }}{{ $container = append $container (dict "name" $name) }}
    {{- end }}
  {{- end }}
  {{- $_ := merge .nim (dict "podClaims" $pod "containerClaims" $container "claimTemplates" $templates) }}
{{- end }}
{{- end }}

{{- /* The spec of a claim template. Its text is hashed: another layout makes new names. Takes root and devices. */}}
{{- define "nimhelm.v3.claimTemplateSpec" -}}
spec:
  metadata:
    labels:
      {{- include "nimhelm.v3.yaml" .root.nim.stableLabels | nindent 6 }}
    annotations:
      {{- include "nimhelm.v3.yaml" .root.nim.laterAnnotations | nindent 6 }}
  spec:
    devices:
      requests:
        {{- range .devices }}
        - name: {{ toJson .name }}
          exactly:
            deviceClassName: {{ .deviceClassName | default "gpu.nvidia.com" | toJson }}
            allocationMode: ExactCount
            count: {{ .count | default 1 | int }}
            selectors:
              {{- include "nimhelm.v3.device.selectors" . | trim | nindent 14 }}
        {{- end }}
{{- end }}

{{- /*
The hash of a name that the operator uses in names of claims: 32-bit FNV-1a as a decimal number, with a letter for each
digit. Templates have no exclusive or, so the lowest byte is computed bit by bit.
*/}}
{{- define "nimhelm.v3.shortHash" -}}
  {{- $hash := 2166136261 -}}
  {{- range until (len .) -}}
    {{- $code := index $ . | int -}}
    {{- $mixed := sub $hash (mod $hash 256) -}}
    {{- range list 1 2 4 8 16 32 64 128 }}{{ $mixed = add $mixed (mul . (mod (add (div $hash .) (div $code .)) 2)) }}{{ end -}}
    {{- $hash = mod (mul $mixed 16777619) 4294967296 -}}
  {{- end -}}
  {{- range splitList "" (toString $hash) }}{{ index "456789bcdf" (atoi .) | printf "%c" }}{{ end -}}
{{- end }}

{{- /*
The CEL expressions that select a device: by driver, then by the selectors of the entry. A field is
device.<part>["<domain>"].<key>; a key without a domain gets that of the driver.
*/}}
{{- define "nimhelm.v3.device.selectors" -}}
  {{- $driver := .driverName | default "gpu.nvidia.com" }}
  {{- $signs := dict "Equal" "==" "NotEqual" "!=" "GreaterThan" ">" "GreaterThanOrEqual" ">=" "LessThan" "<" "LessThanOrEqual" "<=" }}
  {{- /* Of field, sign and value. */}}
  {{- $formats := dict
    "quantity" "(%[1]s).compareTo(quantity(%[3]s)) %[2]s 0"
    "versionValue" "(%[1]s).compareTo(semver(%[3]s)) %[2]s 0"
    "stringValue" "%s %s %s" "intValue" "%s %s %s" "boolValue" "%s %s %s" }}
  {{- $expressions := concat (list (printf "device.driver == %s" (toRawJson $driver))) (.celExpressions | default list) }}
  {{- range $part, $selectors := ternary (dict "attributes" .attributeSelectors "capacity" .capacitySelectors) dict (empty .celExpressions) }}
    {{- range $selectors }}
      {{- $domain := ternary (splitList "/" .key | first) $driver (contains "/" .key) }}
      {{- $field := printf "device.%s[%s].%s" $part (toRawJson $domain) (splitList "/" .key | last) }}
      {{- $sign := get $signs (.op | default "Equal") }}
      {{- range $kind, $value := ternary (dict "quantity" (toString .value)) .value (eq $part "capacity") }}
        {{- $expressions = append $expressions (printf (get $formats $kind) $field $sign (toRawJson $value)) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- range $expressions }}
- cel:
    expression: {{ toRawJson . | include "nimhelm.v3.escaped" }}
  {{- end }}
{{- end }}
