{{- /* Resources, and quantities as the API server writes them. */}}

{{- /*
The resources of the main container, as JSON. The API server accepts an extended resource (a GPU) and
huge pages only when request and limit are equal, so each is copied to the side that lacks it. A pod of
the operator keeps its limits alone: the API server makes the requests of them.
*/}}
{{- define "nimhelm.service.resources" -}}
  {{- $limits := include "nimhelm.service.quantities" .Values.resources.limits | fromJson }}
  {{- $requests := include "nimhelm.service.quantities" .Values.resources.requests | fromJson }}
  {{- $resources := dict }}
  {{- with merge $limits (include "nimhelm.service.extended" $requests | fromJson) }}
    {{- $_ := set $resources "limits" . }}
  {{- end }}
  {{- if not .Values.global.nimhelm.keepOperatorPods }}
    {{- $requests = merge $requests (include "nimhelm.service.extended" $limits | fromJson) }}
  {{- end }}
  {{- with $requests }}
    {{- $_ := set $resources "requests" . }}
  {{- end }}
  {{- with include "nimhelm.service.dra.containerClaims" . | fromJsonArray }}
    {{- $_ := set $resources "claims" . }}
  {{- end }}
  {{- toJson $resources }}
{{- end }}

{{- /* Those of a map of resources that Kubernetes does not overcommit, as JSON. */}}
{{- define "nimhelm.service.extended" -}}
  {{- $extended := dict }}
  {{- range $name, $quantity := . }}
    {{- if or (hasPrefix "hugepages-" $name) (and (contains "/" $name) (not (contains "kubernetes.io/" $name))) }}
      {{- $_ := set $extended $name $quantity }}
    {{- end }}
  {{- end }}
  {{- toJson $extended }}
{{- end }}

{{- /* A map of quantities, each as below, as JSON. */}}
{{- define "nimhelm.service.quantities" -}}
  {{- $result := dict }}
  {{- range $name, $quantity := . }}
    {{- $_ := set $result $name (include "nimhelm.service.quantity" $quantity) }}
  {{- end }}
  {{- toJson $result }}
{{- end }}

