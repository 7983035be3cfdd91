{{- /* Devices of dynamic resource allocation. Lists are JSON. */}}

{{- /* What the pod claims: [{name, resourceClaimName | resourceClaimTemplateName}]. */}}
{{- define "nimhelm.service.dra.podClaims" -}}
  {{- $claims := list }}
  {{- range include "nimhelm.service.dra.claims" . | fromJsonArray }}
    {{- $claims = append $claims (omit . "requests") }}
  {{- end }}
  {{- toJson $claims }}
{{- end }}

{{- /* What a container uses of it: [{name, request}], the whole claim where no requests are named. */}}
{{- define "nimhelm.service.dra.containerClaims" -}}
  {{- $claims := list }}
  {{- range include "nimhelm.service.dra.claims" . | fromJsonArray }}
    {{- $name := .name }}
    {{- range .requests }}
      {{- $claims = append $claims (dict "name" $name "request" .) }}
    {{- else }}
      {{- $claims = append $claims (dict "name" $name) }}
    {{- end }}
  {{- end }}
  {{- toJson $claims }}
{{- end }}

{{- /*
All claims with the names that the operator gives them, claim-<service>-<kind>-<claim>-<n>, both names
hashed; n counts how often the same claim occurred before.
*/}}
{{- define "nimhelm.service.dra.claims" -}}
  {{- $claims := list }}
  {{- $seen := dict }}
  {{- $service := include "nimhelm.service.shortHash" .Chart.Name }}
  {{- range $index, $resource := concat .Values.draResources (include "nimhelm.service.computeDomainClaims" . | fromJsonArray) }}
    {{- $key := ternary "resourceClaimName" "resourceClaimTemplateName" (hasKey $resource "resourceClaimName") }}
    {{- $target := index $resource $key | default (include "nimhelm.service.dra.templateName" (list $ $index $resource)) }}
    {{- $kind := $resource.kind | default (ternary "0" "1" (eq $key "resourceClaimName")) }}
    {{- $count := get $seen (printf "%s/%s" $key $target) | default 0 | int }}
    {{- $_ := set $seen (printf "%s/%s" $key $target) (add1 $count) }}
    {{- $name := printf "claim-%s-%s-%s-%d" $service $kind (include "nimhelm.service.shortHash" $target) $count }}
    {{- $claims = append $claims (dict "name" $name $key $target "requests" ($resource.requests | default list)) }}
  {{- end }}
  {{- toJson $claims }}
{{- end }}

{{- /* The ResourceClaimTemplate made for an entry of draResources. Takes (root, index, entry). */}}
{{- define "nimhelm.service.dra.templateName" -}}
  {{- $prefix := dig "claimCreationSpec" "generateName" "" (index . 2) | default "claimtemplate" }}
  {{- printf "%s-%s-%d" $prefix (include "nimhelm.service.shortHash" (index . 0).Chart.Name) (index . 1) }}
{{- end }}

{{- /* The CEL expressions that pick a device, as a list: by driver, then as the entry says. */}}
{{- define "nimhelm.service.dra.expressions" -}}
  {{- $driver := .driverName | default "gpu.nvidia.com" }}
  {{- $expressions := list (printf "device.driver == %s" (toRawJson $driver)) }}
  {{- if .celExpressions }}
    {{- $expressions = concat $expressions .celExpressions }}
  {{- else }}
    {{- range .attributeSelectors }}
      {{- $expressions = append $expressions (include "nimhelm.service.dra.attribute" (list $driver .)) }}
    {{- end }}
    {{- range .capacitySelectors }}
      {{- $name := include "nimhelm.service.dra.qualified" (list "capacity" $driver .key) }}
      {{- $quantity := include "nimhelm.service.quantity" .value | toRawJson }}
      {{- $sign := include "nimhelm.service.dra.operator" (.op | default "Equal") }}
      {{- $expressions = append $expressions (printf "(%s).compareTo(quantity(%s)) %s 0" $name $quantity $sign) }}
    {{- end }}
  {{- end }}
  {{- toJson $expressions }}
{{- end }}

{{- /* Takes (driver, selector). The selector's value is one of boolValue, intValue, stringValue and versionValue. */}}
{{- define "nimhelm.service.dra.attribute" -}}
  {{- $selector := last . }}
  {{- $name := include "nimhelm.service.dra.qualified" (list "attributes" (first .) $selector.key) }}
  {{- $sign := include "nimhelm.service.dra.operator" ($selector.op | default "Equal") }}
  {{- $value := $selector.value }}
  {{- if hasKey $value "versionValue" }}
    {{- printf "(%s).compareTo(semver(%s)) %s 0" $name (toRawJson $value.versionValue) $sign }}
  {{- else if hasKey $value "stringValue" }}
    {{- printf "%s %s %s" $name $sign (toRawJson $value.stringValue) }}
  {{- else if hasKey $value "intValue" }}
    {{- printf "%s %s %d" $name $sign (int64 $value.intValue) }}
  {{- else }}
    {{- printf "%s %s %t" $name $sign $value.boolValue }}
  {{- end }}
{{- end }}

{{- /* device.<what>["<domain>"].<key>; the domain is the driver's where the key has none. */}}
{{- define "nimhelm.service.dra.qualified" -}}
  {{- $parts := splitList "/" (index . 2) }}
  {{- $domain := ternary (first $parts) (index . 1) (gt (len $parts) 1) }}
  {{- printf "device.%s[%s].%s" (index . 0) (toRawJson $domain) (last $parts) }}
{{- end }}

{{- define "nimhelm.service.dra.operator" -}}
  {{- get (dict
    "Equal" "==" "NotEqual" "!=" "GreaterThan" ">" "GreaterThanOrEqual" ">=" "LessThan" "<" "LessThanOrEqual" "<=") . }}
{{- end }}

{{- define "nimhelm.service.problems.dra" -}}
  {{- $name := .Chart.Name }}
  {{- $single := or .Values.scale.enabled (gt (include "nimhelm.service.replicas" . | default "1" | int) 1) }}
  {{- range $index, $resource := .Values.draResources }}
    {{- $ways := list }}
    {{- range list "resourceClaimName" "resourceClaimTemplateName" "claimCreationSpec" }}
      {{- if get $resource . }}{{ $ways = append $ways . }}{{ end }}
    {{- end }}
    {{- if ne (len $ways) 1 }}
      {{- printf "%s.draResources[%d] is to have one of resourceClaimName, resourceClaimTemplateName and claimCreationSpec\n" $name $index }}
    {{- else if and $single (eq (first $ways) "resourceClaimName") }}
      {{- printf "%s.draResources[%d] shares one claim among several replicas: use resourceClaimTemplateName\n" $name $index }}
    {{- end }}
  {{- end }}
{{- end }}
