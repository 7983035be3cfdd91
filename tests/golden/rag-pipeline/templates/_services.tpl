{{- /*
What the umbrella knows of its services. It reads their values alone: of a disabled service Helm loads
neither templates nor defaults.
*/}}

{{- /* The services in start order, as a list of waves. */}}
{{- define "nimhelm.umbrella.waves" -}}
  {{- index .Chart.Annotations "nimhelm.dev/start-order" | default "[]" }}
{{- end }}

{{- /* Whether the block of values belongs to a service that is on. */}}
{{- define "nimhelm.umbrella.enabled" -}}
  {{- if dig "enabled" true . }}true{{ end }}
{{- end }}

{{- define "nimhelm.umbrella.workload" -}}
  {{- if eq (dig "inferencePlatform" "" .) "kserve" }}InferenceService
  {{- else if gt (dig "multiNode" "parallelism" "pipeline" 1 . | int) 1 }}LeaderWorkerSet
  {{- else }}Deployment
  {{- end }}
{{- end }}

{{- /* How many replicas a service has when it has started. */}}
{{- define "nimhelm.umbrella.replicas" -}}
  {{- if dig "scale" "enabled" false . }}
    {{- dig "scale" "hpa" "minReplicas" 1 . | int }}
  {{- else if kindIs "invalid" .replicas }}1
  {{- else }}
    {{- int .replicas }}
  {{- end }}
{{- end }}

{{- /* The ports that a service answers on, as JSON: {api, grpc, metrics}. */}}
{{- define "nimhelm.umbrella.ports" -}}
  {{- $ports := dict "api" (dig "expose" "service" "port" 8000 . | int) }}
  {{- with dig "expose" "service" "grpcPort" 0 . | int }}{{ $_ := set $ports "grpc" . }}{{ end }}
  {{- with dig "expose" "service" "metricsPort" 0 . | int }}{{ $_ := set $ports "metrics" . }}{{ end }}
  {{- toJson $ports }}
{{- end }}

{{- /* Seconds that a service may take to start, by its start-up probe. */}}
{{- define "nimhelm.umbrella.startupSeconds" -}}
  {{- $probe := dig "startupProbe" "probe" dict . }}
  {{- if and $probe (dig "startupProbe" "enabled" true .) }}
    {{- $tries := mul (get $probe "failureThreshold" | default 3 | int) (get $probe "periodSeconds" | default 10 | int) }}
    {{- add $tries (get $probe "initialDelaySeconds" | default 0 | int) }}
  {{- else if has (dig "annotations" "serving.kserve.io/deploymentMode" "" .) (list "Knative" "Serverless") }}330
  {{- else }}1230
  {{- end }}
{{- end }}

{{- /* An image reference under global.nimhelm.imageRegistry. Takes (root, reference). */}}
{{- define "nimhelm.umbrella.imageReference" -}}
  {{- $registry := dig "nimhelm" "imageRegistry" "" (first .).Values.global | trimSuffix "/" }}
  {{- $reference := last . }}
  {{- if $registry }}
    {{- printf "%s/%s" $registry (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $reference "") }}
  {{- else }}
    {{- $reference }}
  {{- end }}
{{- end }}

{{- /* Names of pull secrets, those of the whole chart included, each once, as JSON. Takes (root, names). */}}
{{- define "nimhelm.umbrella.pullSecrets" -}}
  {{- concat (last .) (dig "nimhelm" "imagePullSecrets" list (first .).Values.global) | uniq | toJson }}
{{- end }}

{{- /* Whether a service waits for a dependency, and how long at most. Takes (root, service, dependency). */}}
{{- define "nimhelm.umbrella.waits" -}}
  {{- $global := dig "nimhelm" dict (index . 0).Values.global }}
  {{- $service := index . 1 }}
  {{- if and (dig "waitEnabled" true $global) (dig "wait" "enabled" true $service) (dig "wait" "enabled" true (index . 2)) }}true{{ end }}
{{- end }}

{{- define "nimhelm.umbrella.timeoutSeconds" -}}
  {{- $global := dig "nimhelm" dict (index . 0).Values.global }}
  {{- coalesce
    (dig "wait" "timeoutSeconds" 0 (index . 1) | int)
    (dig "waitTimeoutSeconds" 0 $global | int)
    (dig "wait" "timeoutSeconds" 0 (index . 2) | int)
    1800 }}
{{- end }}
