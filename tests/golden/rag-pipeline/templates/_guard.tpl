{{- /*
What makes the pipeline as a whole impossible. `nimhelm build` checked the pipeline; this checks the
values of each install.
*/}}

{{- /* Every problem, one a line, or nothing. */}}
{{- define "nimhelm.umbrella.problems" -}}
  {{- $root := . }}
  {{- $services := dict }}
  {{- range include "nimhelm.umbrella.waves" . | fromJsonArray }}
    {{- range . }}
      {{- $_ := set $services . (index $root.Values . | default dict) }}
    {{- end }}
  {{- end }}
  {{- range $name, $service := $services }}
    {{- if include "nimhelm.umbrella.enabled" $service }}
      {{- range dig "dependencies" list $service }}
        {{- if include "nimhelm.umbrella.waits" (list $root $service .) }}
          {{- include "nimhelm.umbrella.problems.dependency" (list $services $name .) }}
        {{- end }}
      {{- end }}
      {{- include "nimhelm.umbrella.problems.cache" (list $root $name $service) }}
    {{- end }}
  {{- end }}
  {{- if dig "nimhelm" "restricted" false .Values.global }}
    {{- range $name, $cache := include "nimhelm.umbrella.caches" . | fromJson }}
      {{- if not (dig "userID" 1000 $cache | int64) }}
        {{- printf "the download of %s runs as root, which Pod Security \"restricted\" forbids: set nimCaches.%s.userID, or set global.nimhelm.restricted=false\n" $name $name }}
      {{- end }}
      {{- if dig "proxy" "certConfigMap" "" $cache }}
        {{- printf "the download of %s adds certificates as root, which Pod Security \"restricted\" forbids: leave out nimCaches.%s.proxy.certConfigMap, or set global.nimhelm.restricted=false\n" $name $name }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
A dependency that is waited for and can never answer. One that is not waited for is taken as known to be
missing. Lists cannot be --set piecewise, so the way out is to wait for none. Takes (all services by name, name of the service, dependency).
*/}}
{{- define "nimhelm.umbrella.problems.dependency" -}}
  {{- $services := index . 0 }}
  {{- $name := index . 1 }}
  {{- $dependency := index . 2 }}
  {{- $target := $dependency.name }}
  {{- if not (dig "external" false $dependency) }}
    {{- if not (hasKey $services $target) }}
      {{- printf "%s depends on %s, which is no service of this chart: set external=true for it in %s.dependencies, or take it out\n" $name $target $name }}
    {{- else }}
      {{- $service := get $services $target }}
      {{- $ports := include "nimhelm.umbrella.ports" $service | fromJson | values }}
      {{- if not (include "nimhelm.umbrella.enabled" $service) }}
        {{- printf "%s depends on %s, which is disabled: set %s.enabled=true, or %s.wait.enabled=false to start without it\n" $name $target $target $name }}
      {{- else if eq (include "nimhelm.umbrella.replicas" $service) "0" }}
        {{- printf "%s depends on %s, which has no replicas: set %s.replicas, or %s.wait.enabled=false to start without it\n" $name $target $target $name }}
      {{- else if and (ne (include "nimhelm.umbrella.workload" $service) "InferenceService") (not (has (float64 $dependency.port) $ports)) }}
        {{- printf "%s depends on port %d of %s, which serves %s: change the port in %s.dependencies or in %s.expose.service\n"
          $name (int $dependency.port) $target ($ports | sortAlpha | join ", ") $name $target }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* Takes (root, name, service). */}}
{{- define "nimhelm.umbrella.problems.cache" -}}
  {{- $root := index . 0 }}
  {{- $name := index . 1 }}
  {{- $service := index . 2 }}
  {{- $cache := dig "storage" "nimCache" "name" "" $service }}
  {{- $waits := and (dig "storage" "nimCache" "wait" "enabled" false $service) (dig "wait" "enabled" true $service) (dig "nimhelm" "waitEnabled" true $root.Values.global) }}
  {{- if and $cache $waits (not (include "nimhelm.umbrella.cacheOf" (list $root $service))) }}
    {{- printf "%s waits for the cache %s, which this release does not fill: set nimCaches.%s.enabled=true, or %s.storage.nimCache.wait.enabled=false\n" $name $cache $cache $name }}
  {{- end }}
{{- end }}
