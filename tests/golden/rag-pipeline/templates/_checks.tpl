{{- /* What is asked of each service that is on, as JSON: "name url", in start order. */}}
{{- define "nimhelm.umbrella.checks" -}}
  {{- $checks := list }}
  {{- range include "nimhelm.umbrella.waves" . | fromJsonArray }}
    {{- range $name := . }}
      {{- $service := index $.Values $name | default dict }}
      {{- if and (include "nimhelm.umbrella.enabled" $service) (ne (include "nimhelm.umbrella.replicas" $service) "0") }}
        {{- range include "nimhelm.umbrella.endpoints" (list $name $service) | fromJsonArray }}
          {{- $checks = append $checks (printf "%s %s" $name .) }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- toJson $checks }}
{{- end }}

{{- /* The addresses of a service: where its readiness is asked, and its other ports. Takes (name, service). */}}
{{- define "nimhelm.umbrella.endpoints" -}}
  {{- $name := first . }}
  {{- $service := last . }}
  {{- $ports := include "nimhelm.umbrella.ports" $service | fromJson }}
  {{- $endpoints := list (include "nimhelm.umbrella.readiness" .) }}
  {{- if ne (include "nimhelm.umbrella.workload" $service) "InferenceService" }}
    {{- range $port := list "grpc" "metrics" }}
      {{- with get $ports $port }}
        {{- $endpoints = append $endpoints (printf "tcp://%s:%d" $name (int .)) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- toJson $endpoints }}
{{- end }}

{{- /*
The readiness URL of a service, from its readiness probe; its port alone when the probe asks something
else. KServe answers on port 80 of a Service of its own. Takes (name, service).
*/}}
{{- define "nimhelm.umbrella.readiness" -}}
  {{- $service := last . }}
  {{- $port := (include "nimhelm.umbrella.ports" $service | fromJson).api | int }}
  {{- $probe := ternary (dig "readinessProbe" "probe" dict $service) dict (dig "readinessProbe" "enabled" true $service) }}
  {{- $get := dig "httpGet" (dict "path" "/v1/health/ready") $probe }}
  {{- $same := has (get $get "port" | default "api" | toString) (list "api" (toString $port)) }}
  {{- $address := printf "%s:%d" (first .) $port }}
  {{- if eq (include "nimhelm.umbrella.workload" $service) "InferenceService" }}
    {{- $address = printf "%s-predictor:80" (first .) }}
  {{- end }}
  {{- if and $same (or (not $probe) (hasKey $probe "httpGet")) }}
    {{- printf "%s://%s/%s" (get $get "scheme" | default "HTTP" | lower) $address (get $get "path" | default "/" | trimPrefix "/") }}
  {{- else }}
    {{- printf "tcp://%s" $address }}
  {{- end }}
{{- end }}

{{- /* Seconds after which the last service must have started. */}}
{{- define "nimhelm.umbrella.deadline" -}}
  {{- $longest := 600 }}
  {{- range include "nimhelm.umbrella.waves" . | fromJsonArray }}
    {{- range . }}
      {{- $service := index $.Values . | default dict }}
      {{- if include "nimhelm.umbrella.enabled" $service }}
        {{- $longest = max $longest (dig "progressDeadlineSeconds" 0 $service | int) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- $longest }}
{{- end }}
