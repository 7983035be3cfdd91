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
  {{- $seen := dict }}
  {{- $resources := .Values.draResources }}
  {{- if and .Values.multiNode.computeDomain (eq .nim.workload "LeaderWorkerSet") }}
    {{- $resources = append $resources (dict "resourceClaimTemplateName" (include "nimhelm.v2.computeDomain.template" .) "kind" "2") }}
  {{- end }}
  {{- range $index, $resource := $resources }}
    {{- $key := ternary "resourceClaimName" "resourceClaimTemplateName" (hasKey $resource "resourceClaimName") }}
    {{- $target := get $resource $key | default (include "nimhelm.v2.claimTemplateName" (dict "root" $ "index" $index "resource" $resource)) }}
    {{- $kind := get $resource "kind" | default (ternary "0" "1" (eq $key "resourceClaimName")) }}
    {{- $count := get $seen (printf "%s/%s" $key $target) | default 0 | int }}
    {{- $_ := set $seen (printf "%s/%s" $key $target) (add1 $count) }}
    {{- $name := printf "claim-%s-%s-%s-%d" (include "nimhelm.v2.shortHash" $.nim.name) $kind (include "nimhelm.v2.shortHash" $target) $count }}
    {{- $pod = append $pod (dict "name" $name $key $target) }}
    {{- range $resource.requests }}
      {{- $container = append $container (dict "name" $name "request" .) }}
    {{- else }}
      {{- $container = append $container (dict "name" $name) }}
    {{- end }}
  {{- end }}
  {{- $_ := set .nim "podClaims" $pod }}
  {{- $_ := set .nim "containerClaims" $container }}
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

{{- /* Takes root and resource. */}}
{{- define "nimhelm.v2.claimTemplateSpec" -}}
{{- $root := .root -}}
spec:
  metadata:
    labels:
      {{- include "nimhelm.v2.yaml" $root.nim.stableLabels | nindent 6 }}
    annotations:
      {{- include "nimhelm.v2.yaml" $root.nim.laterAnnotations | nindent 6 }}
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
{{- if $resource.claimCreationSpec }}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
{{ include "nimhelm.v2.metadata" (dict "root" $ "name" (include "nimhelm.v2.claimTemplateName" (dict "root" $ "index" $index "resource" $resource)) "annotated" true) }}
{{ include "nimhelm.v2.claimTemplateSpec" (dict "root" $ "resource" $resource) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The CEL expressions that select a device: by driver, then by the selectors of the entry. */}}
{{- define "nimhelm.v2.device.selectors" -}}
  {{- $driver := .driverName | default "gpu.nvidia.com" }}
  {{- $expressions := list (printf "device.driver == %s" (toRawJson $driver)) }}
  {{- $signs := dict "Equal" "==" "NotEqual" "!=" "GreaterThan" ">" "GreaterThanOrEqual" ">=" "LessThan" "<" "LessThanOrEqual" "<=" }}
  {{- if .celExpressions }}
    {{- $expressions = concat $expressions .celExpressions }}
  {{- else }}
    {{- range .attributeSelectors }}
      {{- $name := include "nimhelm.v2.device.field" (dict "part" "attributes" "driver" $driver "key" .key) }}
      {{- $sign := get $signs (.op | default "Equal") }}
      {{- $value := .value }}
      {{- if hasKey $value "versionValue" }}
        {{- $expressions = append $expressions (printf "(%s).compareTo(semver(%s)) %s 0" $name (toRawJson $value.versionValue) $sign) }}
      {{- else if hasKey $value "stringValue" }}
        {{- $expressions = append $expressions (printf "%s %s %s" $name $sign (toRawJson $value.stringValue)) }}
      {{- else if hasKey $value "intValue" }}
        {{- $expressions = append $expressions (printf "%s %s %d" $name $sign (int64 $value.intValue)) }}
      {{- else }}
        {{- $expressions = append $expressions (printf "%s %s %t" $name $sign $value.boolValue) }}
      {{- end }}
    {{- end }}
    {{- range .capacitySelectors }}
      {{- $name := include "nimhelm.v2.device.field" (dict "part" "capacity" "driver" $driver "key" .key) }}
      {{- $quantity := toString .value | toRawJson }}
      {{- $expressions = append $expressions (printf "(%s).compareTo(quantity(%s)) %s 0" $name $quantity (get $signs (.op | default "Equal"))) }}
    {{- end }}
  {{- end }}
  {{- range $expressions }}
- cel:
    expression: {{ toRawJson . | include "nimhelm.v2.escaped" }}
  {{- end }}
{{- end }}

{{- /* device.<part>["<domain>"].<key>. A key without a domain gets that of the driver. */}}
{{- define "nimhelm.v2.device.field" -}}
  {{- $domain := ternary (splitList "/" .key | first) .driver (contains "/" .key) }}
  {{- printf "device.%s[%s].%s" .part (toRawJson $domain) (splitList "/" .key | last) }}
{{- end }}
