{{- /* The pipeline as `nimhelm status` reads it from the cluster, as JSON. */}}
{{- define "nimhelm.umbrella.graph" -}}
  {{- $services := list }}
  {{- range $wave, $names := include "nimhelm.umbrella.waves" . | fromJsonArray }}
    {{- range $names }}
      {{- $services = append $services (include "nimhelm.umbrella.graph.service" (list $ . $wave) | fromJson) }}
    {{- end }}
  {{- end }}
  {{- $caches := list }}
  {{- range $name, $cache := .Values.nimCaches }}
    {{- $caches = append $caches (dict
      "name" $name
      "enabled" (dig "enabled" true $cache)
      "claim" (include "nimhelm.umbrella.cache.claim" (list $name $cache))
      "job" (include "nimhelm.umbrella.cache.jobName" (list $ $name (toJson $cache | fromJson)))) }}
  {{- end }}
  {{- dict
    "apiVersion" "nimhelm.dev/v1"
    "pipeline" (include "nimhelm.umbrella.pipeline" .)
    "release" .Release.Name
    "chartVersion" .Chart.Version
    "services" $services
    "caches" $caches
    | toJson }}
{{- end }}

{{- /* One service of it. Takes (root, name, wave). */}}
{{- define "nimhelm.umbrella.graph.service" -}}
  {{- $root := index . 0 }}
  {{- $name := index . 1 }}
  {{- $service := index $root.Values $name | default dict }}
  {{- $image := printf "%s:%s" (dig "image" "repository" "" $service) (dig "image" "tag" "" $service) }}
  {{- $dependencies := list }}
  {{- range dig "dependencies" list $service }}
    {{- $dependencies = append $dependencies (dict
      "name" .name
      "port" (int .port)
      "external" (dig "external" false .)
      "wait" (eq "true" (include "nimhelm.umbrella.waits" (list $root $service .)))
      "timeoutSeconds" (include "nimhelm.umbrella.timeoutSeconds" (list $root $service .) | int)) }}
  {{- end }}
  {{- dict
    "name" $name
    "enabled" (eq "true" (include "nimhelm.umbrella.enabled" $service))
    "workload" (include "nimhelm.umbrella.workload" $service)
    "wave" (index . 2)
    "replicas" (include "nimhelm.umbrella.replicas" $service | int)
    "autoscaled" (dig "scale" "enabled" false $service)
    "startupSeconds" (include "nimhelm.umbrella.startupSeconds" $service | int)
    "gpus" (include "nimhelm.umbrella.gpus" $service | fromJson)
    "cache" (include "nimhelm.umbrella.cacheOf" (list $root $service))
    "authSecret" (dig "authSecret" "" $service)
    "pullSecrets" (include "nimhelm.umbrella.pullSecrets" (list $root (dig "image" "pullSecrets" list $service)) | fromJsonArray)
    "image" (include "nimhelm.umbrella.imageReference" (list $root $image))
    "claim" (include "nimhelm.umbrella.claim" (list $name $service))
    "dependencies" $dependencies
    | toJson }}
{{- end }}

{{- /* Extended resources that one replica takes, all its nodes together, as JSON. */}}
{{- define "nimhelm.umbrella.gpus" -}}
  {{- $nodes := dig "multiNode" "parallelism" "pipeline" 1 . | int }}
  {{- $gpus := dict }}
  {{- range list (dig "resources" "requests" dict .) (dig "resources" "limits" dict .) }}
    {{- range $name, $amount := . }}
      {{- if and (contains "/" $name) (not (contains "kubernetes.io/" $name)) }}
        {{- $_ := set $gpus $name (mul $nodes (int $amount) | toString) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- toJson $gpus }}
{{- end }}

{{- /* The claim of a service, or nothing. Takes (name, service). */}}
{{- define "nimhelm.umbrella.claim" -}}
  {{- $name := first . }}
  {{- $cache := dig "storage" "nimCache" dict (last .) }}
  {{- $pvc := dig "storage" "pvc" dict (last .) }}
  {{- if get $cache "name" }}
    {{- get $cache "claimName" | default (printf "%s-pvc" $cache.name) }}
  {{- else if or (get $pvc "create") (get $pvc "name") }}
    {{- get $pvc "name" | default (printf "%s-pvc" $name) }}
  {{- end }}
{{- end }}

{{- /* The cache of a service when this chart fills it, or nothing. Takes (root, service). */}}
{{- define "nimhelm.umbrella.cacheOf" -}}
  {{- $name := dig "storage" "nimCache" "name" "" (last .) }}
  {{- $cache := get ((first .).Values.nimCaches | default dict) $name }}
  {{- if and $cache (dig "enabled" true $cache) }}{{ $name }}{{ end }}
{{- end }}
