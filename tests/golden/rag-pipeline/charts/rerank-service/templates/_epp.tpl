{{- /* The endpoint picker: a process that tells a gateway which replica to send a request to. */}}

{{- /* Whether there is one. The InferencePool that it serves is a kind of an add-on. */}}
{{- define "nimhelm.service.epp.enabled" -}}
  {{- if and .Values.expose.router.eppConfig (ne (include "nimhelm.service.workload" .) "InferenceService") }}
    {{- include "nimhelm.service.served" (list . "inference.networking.k8s.io/v1/InferencePool" "install the Gateway API inference extension") }}
  {{- end }}
{{- end }}

{{- define "nimhelm.service.epp.name" -}}
  {{- printf "%s-epp" .Chart.Name }}
{{- end }}

{{- /* Its ports, as JSON. */}}
{{- define "nimhelm.service.epp.ports" -}}
  {{- .Values.expose.router.eppConfig.ports | default (list
    (dict "name" "grpc-ext-proc" "containerPort" 9002 "protocol" "TCP")
    (dict "name" "grpc-health" "containerPort" 9003 "protocol" "TCP")
    (dict "name" "http-metrics" "containerPort" 9090 "protocol" "TCP")) | toJson }}
{{- end }}

{{- /* The ports of its Service, as JSON: its own when they are given, else all but the one for probes. */}}
{{- define "nimhelm.service.epp.servicePorts" -}}
  {{- $given := .Values.expose.router.eppConfig.ports }}
  {{- $ports := list }}
  {{- range include "nimhelm.service.epp.ports" . | fromJsonArray }}
    {{- if or $given (ne .name "grpc-health") }}
      {{- $port := dict "port" .containerPort "targetPort" .containerPort "protocol" (.protocol | default "TCP") }}
      {{- with .name }}{{ $_ := set $port "name" . }}{{ end }}
      {{- $ports = append $ports $port }}
    {{- end }}
  {{- end }}
  {{- toJson $ports }}
{{- end }}

{{- /* The ConfigMap with its configuration and the key in it, as JSON: {name, key}, or {} when there is none. */}}
{{- define "nimhelm.service.epp.config" -}}
  {{- $epp := .Values.expose.router.eppConfig }}
  {{- if $epp.configMapRef }}
    {{- pick $epp.configMapRef "name" "key" | toJson }}
  {{- else if $epp.config }}
    {{- dict "name" (printf "%s-epp-config" .Chart.Name) "key" "default-plugins.yaml" | toJson }}
  {{- else }}
    {{- dict | toJson }}
  {{- end }}
{{- end }}

{{- /* Its arguments, as JSON. */}}
{{- define "nimhelm.service.epp.args" -}}
  {{- $args := list
    "--pool-name" .Chart.Name
    "--pool-namespace" .Release.Namespace
    "--pool-group" "inference.networking.k8s.io"
    "--zap-encoder" "json" }}
  {{- with include "nimhelm.service.epp.config" . | fromJson }}
    {{- $args = concat $args (list "--config-file" (printf "/config/%s" .key)) }}
  {{- end }}
  {{- $args = concat $args (list "--v" "6" "--model-server-metrics-path" "/v1/metrics") }}
  {{- .Values.expose.router.eppConfig.containerSpec.args | default $args | toJson }}
{{- end }}

{{- /* Its probes, as JSON. */}}
{{- define "nimhelm.service.epp.probes" -}}
  {{- $epp := .Values.expose.router.eppConfig }}
  {{- $default := dict "grpc" (dict "port" 9003) "initialDelaySeconds" 5 "periodSeconds" 10 }}
  {{- $probes := dict
    "livenessProbe" ($epp.livenessProbe | default $default)
    "readinessProbe" ($epp.readinessProbe | default $default) }}
  {{- with $epp.startupProbe }}{{ $_ := set $probes "startupProbe" . }}{{ end }}
  {{- toJson $probes }}
{{- end }}

{{- /* The metadata that its objects share. */}}
{{- define "nimhelm.service.epp.metadata" -}}
name: {{ include "nimhelm.service.epp.name" . | toJson }}
namespace: {{ toJson .Release.Namespace }}
labels:
  {{- include "nimhelm.service.labels" . | nindent 2 }}
{{- end }}
