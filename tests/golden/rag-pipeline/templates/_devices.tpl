{{- /* Devices requested through dynamic resource allocation (DRA). */}}

{{- /*
Sets .nim.podClaims (claims of the pod) and .nim.containerClaims (claims that a container uses). Claims have the names
that the operator gives them: claim-<service>-<kind>-<claim>-<n>, with both names hashed. n counts earlier entries with
the same claim.
*/}}
{{- define "nimhelm.v2.claims" -}}
{{- if not (hasKey .nim "podClaims") }}
  {{- $pod := list }}
  {{- $container := list }}
  {{- $counts := dict }}
  {{- $resources := .Values.draResources }}
  {{- if and .Values.multiNode.computeDomain (eq .nim.workload "LeaderWorkerSet") }}
    {{- $resources = append $resources (dict "resourceClaimTemplateName" (include "nimhelm.v2.computeDomain.template" .) "kind" "2") }}
  {{- end }}
  {{- range $index, $resource := $resources }}
    {{- $key := ternary "resourceClaimName" "resourceClaimTemplateName" (hasKey . "resourceClaimName") }}
    {{- $target := get . $key | default (include "nimhelm.v2.claimTemplateName" (dict "root" $ "index" $index "resource" .)) }}
    {{- $kind := get . "kind" | default (ternary "0" "1" (hasKey . "resourceClaimName")) }}
    {{- $id := printf "%s/%s" $key $target }}
    {{- $count := get $counts $id | default 0 | int }}
    {{- $_ := set $counts $id (add1 $count) }}
    {{- $name := printf "claim-%s-%s-%s-%d" (include "nimhelm.v2.shortHash" $.nim.name) $kind (include "nimhelm.v2.shortHash" $target) $count }}
    {{- $pod = append $pod (dict "name" $name $key $target) }}
    {{- range .requests }}{{ $container = append $container (dict "name" $name "request" .) }}
    {{- else }}{{ $container = append $container (dict "name" $name) }}
    {{- end }}
  {{- end }}
  {{- $_ := merge .nim (dict "podClaims" $pod "containerClaims" $container) }}
{{- end }}
{{- end }}

{{- /*
The name of the ResourceClaimTemplate for an entry of draResources. A claim template is immutable, so on a cluster its
name ends in a hash of its content, and a change creates a new one. Without a cluster, and for pods taken over from the
operator, it has the operator's name. Takes root, index and resource.
*/}}
{{- define "nimhelm.v2.claimTemplateName" -}}
  {{- $prefix := dig "claimCreationSpec" "generateName" "" .resource | default "claimtemplate" }}
  {{- $name := printf "%s-%s-%d" $prefix (include "nimhelm.v2.shortHash" .root.nim.name) .index }}
  {{- if and .resource.claimCreationSpec .root.nim.onCluster (not .root.nim.global.keepOperatorPods) }}
    {{- $name = printf "%s-%s" $name (include "nimhelm.v2.claimTemplateSpec" . | sha256sum | trunc 8) }}
  {{- end }}
  {{- $name }}
{{- end }}

{{- /* Takes root and resource. Its text is hashed, so another layout renames the template and restarts pods. */}}
{{- define "nimhelm.v2.claimTemplateSpec" -}}
spec:
  metadata:
    labels:
      {{- include "nimhelm.v2.yaml" .root.nim.stableLabels | nindent 6 }}
    annotations:
      {{- include "nimhelm.v2.yaml" .root.nim.laterAnnotations | nindent 6 }}
  spec:
    devices:
      requests:
        {{- range .resource.claimCreationSpec.devices }}
        - name: {{ toJson .name }}
          exactly:
            deviceClassName: {{ .deviceClassName | default "gpu.nvidia.com" | toJson }}
            allocationMode: ExactCount
            count: {{ .count | default 1 | int }}
            selectors:
              {{- include "nimhelm.v2.device.selectors" . | trim | nindent 14 }}
        {{- end }}
{{- end }}

{{- /*
The hash of a name that the operator uses in names of claims: 32-bit FNV-1a as a decimal number, with a letter for each
digit. Templates have no exclusive or, so the lowest byte is computed bit by bit.
*/}}
{{- define "nimhelm.v2.shortHash" -}}
  {{- $text := . -}}
  {{- $hash := 2166136261 -}}
  {{- range until (len $text) -}}
    {{- $code := index $text . | int -}}
    {{- $mixed := sub $hash (mod $hash 256) -}}
    {{- range list 1 2 4 8 16 32 64 128 -}}
      {{- $mixed = add $mixed (mul . (mod (add (div $hash .) (div $code .)) 2)) -}}
    {{- end -}}
    {{- $hash = mod (mul $mixed 16777619) 4294967296 -}}
  {{- end -}}
  {{- range splitList "" (toString $hash) -}}
    {{- index "456789bcdf" (atoi .) | printf "%c" -}}
  {{- end -}}
{{- end }}

{{- define "nimhelm.v2.devices" }}
{{- range $index, $resource := .Values.draResources }}
{{- if .claimCreationSpec }}
{{- $box := dict "root" $ "index" $index "resource" . }}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
{{ include "nimhelm.v2.metadata" (dict "root" $ "name" (include "nimhelm.v2.claimTemplateName" $box) "annotated" true) }}
{{ include "nimhelm.v2.claimTemplateSpec" $box }}
{{- end }}
{{- end }}
{{- end }}

{{- /*
The CEL expressions that select a device: by driver, then by the selectors of the entry. A field is
device.<part>["<domain>"].<key>; a key without a domain gets that of the driver.
*/}}
{{- define "nimhelm.v2.device.selectors" -}}
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
    expression: {{ toRawJson . | include "nimhelm.v2.escaped" }}
  {{- end }}
{{- end }}
