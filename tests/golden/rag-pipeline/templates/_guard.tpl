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
        {{- include "nimhelm.umbrella.problems.dependency" (list $services $name .) }}
      {{- end }}
      {{- include "nimhelm.umbrella.problems.cache" (list $root $name $service) }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
A dependency that can never answer. One that is not waited for (wait.enabled=false beside its name) is
taken as known to be missing. Takes (all services by name, name of the service, dependency).
*/}}
{{- define "nimhelm.umbrella.problems.dependency" -}}
  {{- $services := index . 0 }}
  {{- $name := index . 1 }}
  {{- $dependency := index . 2 }}
  {{- $target := $dependency.name }}
  {{- if and (not (dig "external" false $dependency)) (dig "wait" "enabled" true $dependency) }}
    {{- if not (hasKey $services $target) }}
      {{- printf "%s depends on %s, which is no service of this chart: set external=true for it in %s.dependencies, or take it out\n" $name $target $name }}
    {{- else }}
      {{- $service := get $services $target }}
      {{- $ports := include "nimhelm.umbrella.ports" $service | fromJson | values }}
      {{- if not (include "nimhelm.umbrella.enabled" $service) }}
        {{- printf "%s depends on %s, which is disabled: set %s.enabled=true, or %s.enabled=false as well\n" $name $target $target $name }}
      {{- else if eq (include "nimhelm.umbrella.replicas" $service) "0" }}
        {{- printf "%s depends on %s, which has no replicas: set %s.replicas, or %s.enabled=false\n" $name $target $target $name }}
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
