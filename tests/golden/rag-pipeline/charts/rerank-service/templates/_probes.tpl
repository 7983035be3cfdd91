{{- /* The probes of the main container. A probe in the values replaces the default as a whole. */}}

{{- /* All three, as JSON; what is switched off is left out. */}}
{{- define "nimhelm.service.probes" -}}
  {{- $probes := dict }}
  {{- range $name := list "livenessProbe" "readinessProbe" "startupProbe" }}
    {{- $setting := index $.Values $name }}
    {{- if $setting.enabled }}
      {{- $_ := set $probes $name ($setting.probe | default (include "nimhelm.service.defaultProbe" (list $ $name) | fromJson)) }}
    {{- end }}
  {{- end }}
  {{- toJson $probes }}
{{- end }}

{{- /* Takes the root context and the probe's name. A NIM may take 20 minutes to load its model. */}}
{{- define "nimhelm.service.defaultProbe" -}}
  {{- $root := first . }}
  {{- $name := last . }}
  {{- $service := $root.Values.expose.service }}
  {{- $knative := eq (include "nimhelm.service.kserveMode" $root) "Knative" }}
  {{- $starting := eq $name "startupProbe" }}
  {{- $probe := dict
    "initialDelaySeconds" (ternary 30 15 $starting)
    "timeoutSeconds" 1
    "periodSeconds" 10
    "successThreshold" 1
    "failureThreshold" (ternary (ternary 30 120 $knative) 3 $starting) }}
  {{- if and $knative $service.grpcPort }}
    {{- $_ := set $probe "grpc" (dict "port" (int $service.grpcPort)) }}
  {{- else }}
    {{- $path := ternary "/v1/health/live" "/v1/health/ready" (eq $name "livenessProbe") }}
    {{- $port := ternary (int $service.port) "api" $knative }}
    {{- $_ := set $probe "httpGet" (dict "path" $path "port" $port) }}
  {{- end }}
  {{- toJson $probe }}
{{- end }}
