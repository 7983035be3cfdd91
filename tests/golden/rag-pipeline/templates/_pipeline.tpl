{{- /*
The pipeline as a whole: its services in start order, the graph for `nimhelm status`, and the checks of `helm test`.
*/}}

{{- /*
Settles the umbrella's values and puts its facts into .nim, once:

  .nim.global      global.nimhelm
  .nim.pipeline    the pipeline's name
  .nim.openshift   what OpenShift asks of pods: "restricted", "scc", or "" elsewhere; see _access.tpl
  .nim.labels      the labels of its objects, but for their own name
  .nim.caches      the caches that are on, by name
  .nim.services    the services in start order: [{name, wave, enabled, runs, awaited, root}]; root is the root of the
                   service's chart, awaited says whether another service has a gate on it
  .nim.byName      the same by name

Of a disabled service Helm loads no chart. A root is made up for it, so that its facts can be read all the same.
*/}}
{{- define "nimhelm.v2.pipeline" -}}
  {{- if not (hasKey . "nim") }}
    {{- include "nimhelm.v2.settle" (dict "values" .Values "defaults" "nimhelm.v2.defaults.umbrella") }}
    {{- $annotations := .Chart.Annotations | default dict }}
    {{- $pipeline := index $annotations "nimhelm.dev/pipeline" | default .Chart.Name }}
    {{- $nim := dict "global" .Values.global.nimhelm "pipeline" $pipeline "openshift" (include "nimhelm.v2.openshift" (dict "root" . "global" .Values.global.nimhelm)) }}
    {{- $labels := dict
      "app.kubernetes.io/instance" .Release.Name
      "app.kubernetes.io/managed-by" .Release.Service
      "app.kubernetes.io/part-of" "nim-service"
      "helm.sh/chart" (include "nimhelm.v2.chartLabel" .)
      "nimhelm.dev/pipeline" $pipeline }}
    {{- include "nimhelm.v2.userLabels" (dict "into" $labels "users" (list $nim.global.commonLabels)) }}
    {{- $_ := set $nim "labels" $labels }}
    {{- $caches := dict }}
    {{- range $name, $cache := .Values.nimCaches }}
      {{- if dig "enabled" true $cache }}{{ $_ := set $caches $name $cache }}{{ end }}
    {{- end }}
    {{- $_ := set $nim "caches" $caches }}
    {{- $services := list }}
    {{- $byName := dict }}
    {{- range $wave, $names := index $annotations "nimhelm.dev/start-order" | default "[]" | fromJsonArray }}
      {{- range $names }}
        {{- $values := get $.Values . | default dict }}
        {{- $root := get $.Subcharts . }}
        {{- if $root }}
          {{- include "nimhelm.v2.service" $root }}
        {{- else }}
          {{- $root = dict "Values" (merge (dict "global" (dict "nimhelm" $nim.global)) $values) "Release" $.Release "Capabilities" $.Capabilities
            "Chart" (dict "Name" . "Version" $.Chart.Version "Annotations" $annotations) "nim" dict }}
          {{- include "nimhelm.v2.settle" (dict "values" $root.Values "defaults" "nimhelm.v2.defaults.service") }}
          {{- include "nimhelm.v2.facts" $root }}
        {{- end }}
        {{- $enabled := dig "enabled" true $values }}
        {{- $service := dict "name" . "wave" $wave "enabled" $enabled "root" $root "awaited" false
          "runs" (and $enabled (or (gt $root.nim.replicas 0) $root.nim.autoscaled)) }}
        {{- $services = append $services $service }}
        {{- $_ := set $byName . $service }}
      {{- end }}
    {{- end }}
    {{- range $services }}
      {{- $waiting := .enabled }}
      {{- range .root.nim.gates }}
        {{- $gate := . }}
        {{- with get $byName (dig "dependency" "name" "" .) }}
          {{- if $waiting }}{{ $_ := set . "awaited" true }}{{ end }}
          {{- $_ := set $gate "sleeps" (and (not $gate.dependency.external) (or (not .enabled) (and .root.nim.sleeps (has (dig "wait" "host" "" $gate.dependency) (list "" (print .name "-predictor")))))) }}
        {{- end }}
      {{- end }}
    {{- end }}
    {{- $_ := set $nim "services" $services }}
    {{- $_ := set $nim "byName" $byName }}
    {{- $_ := set . "nim" $nim }}
  {{- end }}
{{- end }}

{{- /*
The prefix of the names of the pipeline's own objects: the release, and the pipeline when its name differs, since one
parent chart may hold several pipelines. Takes root and pipeline.
*/}}
{{- define "nimhelm.v2.prefix" -}}
  {{- if eq .root.Release.Name .pipeline }}{{ .pipeline }}
  {{- else }}{{ printf "%s-%s" .root.Release.Name .pipeline }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.checkName" -}}
  {{- printf "%s-test" (include "nimhelm.v2.prefix" (dict "root" . "pipeline" .nim.pipeline)) | include "nimhelm.v2.dnsLabel" }}
{{- end }}

{{- /* The ConfigMap with the scripts of the pods. Takes root and pipeline. */}}
{{- define "nimhelm.v2.scriptsName" -}}
  {{- printf "%s-scripts" (include "nimhelm.v2.prefix" .) }}
{{- end }}

{{- /* The metadata of an object of the pipeline itself. Takes root, name, labels and annotations. */}}
{{- define "nimhelm.v2.pipelineMetadata" -}}
{{- $labels := dict "app.kubernetes.io/name" .root.nim.pipeline }}
{{- include "nimhelm.v2.overlay" (dict "into" $labels "from" (list .root.nim.labels (.labels | default dict))) -}}
metadata:
  name: {{ toJson .name }}
  namespace: {{ toJson .root.Release.Namespace }}
  labels:
    {{- include "nimhelm.v2.yaml" $labels | nindent 4 }}
  {{- with merge (dict) (.annotations | default dict) .root.nim.global.commonAnnotations }}
  annotations:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* Sets .graph: the pipeline as `nimhelm status` reads it from the cluster. Takes root. */}}
{{- define "nimhelm.v2.graph" -}}
  {{- $root := .root }}
  {{- $services := list }}
  {{- range $root.nim.services }}
    {{- $box := merge (dict "caches" $root.nim.caches) . }}
    {{- include "nimhelm.v2.graph.service" $box }}
    {{- $services = append $services $box.graph }}
  {{- end }}
  {{- $caches := list }}
  {{- range $name, $cache := $root.Values.nimCaches }}
    {{- $box := dict "root" $root "name" $name "cache" $cache }}
    {{- $caches = append $caches (dict
      "name" $name
      "enabled" (dig "enabled" true $cache)
      "claim" (include "nimhelm.v2.cache.claim" $box)
      "job" (ternary (include "nimhelm.v2.cache.jobName" $box) "" (eq "job" (include "nimhelm.v2.cache.filledBy" $box)))) }}
    {{- if hasKey (get $cache "job" | default dict) "ttlSecondsAfterFinished" }}{{ $_ := set (last $caches) "expires" true }}{{ end }}
  {{- end }}
  {{- include "nimhelm.v2.secrets" . }}
  {{- $_ := set . "graph" (dict
    "apiVersion" "nimhelm.dev/v1"
    "pipeline" $root.nim.pipeline
    "release" $root.Release.Name
    "chartVersion" $root.Chart.Version
    "services" $services
    "caches" $caches
    "secrets" .secrets) }}
{{- end }}

{{- /* Sets .graph of one service. Takes an entry of .nim.services, and caches. */}}
{{- define "nimhelm.v2.graph.service" -}}
  {{- $root := .root }}
  {{- $nim := .root.nim }}
  {{- $values := .root.Values }}
  {{- $waits := dict }}
  {{- /* A gate on what may scale to zero opens at once. */}}
  {{- range $nim.gates }}{{ $_ := set $waits .name (ternary "0" (include "nimhelm.v2.gate.timeout" (dict "root" $root "gate" .)) (eq true .sleeps) | int) }}{{ end }}
  {{- $dependencies := list }}
  {{- range $values.dependencies }}
    {{- $seconds := get $waits (printf "wait-for-%s" .name | include "nimhelm.v2.dnsLabel") | default 0 }}
    {{- $dependency := dict
      "name" .name
      "port" (int .port)
      "external" (.external | default false)
      "wait" (gt (int $seconds) 0)
      "timeoutSeconds" $seconds }}
    {{- if eq "start" (include "nimhelm.v2.gate.onTimeout" (dict "root" $root "dependency" .)) }}{{ $_ := set $dependency "onTimeout" "start" }}{{ end }}
    {{- $dependencies = append $dependencies $dependency }}
  {{- end }}
  {{- include "nimhelm.v2.graph.devices" .root }}
  {{- $_ := set . "graph" (dict
    "name" .name
    "enabled" .enabled
    "workload" $nim.workload
    "wave" .wave
    "replicas" $nim.replicas
    "autoscaled" $nim.autoscaled
    "startupSeconds" (include "nimhelm.v2.startupSeconds" .root | int)
    "gpus" $nim.devices
    "cache" (ternary $nim.cache "" (hasKey .caches $nim.cache))
    "authSecret" ($values.authSecret | default "")
    "pullSecrets" (concat ($values.image.pullSecrets | default list) $nim.global.imagePullSecrets | uniq)
    "image" (include "nimhelm.v2.image" (dict "global" $nim.global "image" $values.image))
    "claim" $nim.claim
    "dependencies" $dependencies) }}
  {{- if $nim.sleeps }}{{ $_ := set .graph "sleeps" true }}{{ end }}
{{- end }}

{{- /*
Sets .nim.devices: the devices of one replica on all its nodes. A resource counts with the larger of request and limit.
Devices of created claims count under the name of their class.
*/}}
{{- define "nimhelm.v2.graph.devices" -}}
  {{- $devices := dict }}
  {{- range $given := list .Values.resources.requests .Values.resources.limits }}
    {{- range $name, $quantity := $given }}
      {{- if include "nimhelm.v2.isDevice" $name }}
        {{- $_ := set $devices $name (max (get $devices $name | default 0) (include "nimhelm.v2.count" $quantity | int)) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- range .Values.draResources }}
    {{- range dig "claimCreationSpec" "devices" list . }}
      {{- $class := get . "deviceClassName" | default "gpu.nvidia.com" }}
      {{- $_ := set $devices $class (add (get $devices $class | default 0) (get . "count" | default 1 | int)) }}
    {{- end }}
  {{- end }}
  {{- $nodes := .nim.nodes }}
  {{- range $name, $count := $devices }}
    {{- if $count }}
      {{- $_ := set $devices $name (mul $nodes $count | toString) }}
    {{- else }}
      {{- $_ := unset $devices $name }}
    {{- end }}
  {{- end }}
  {{- $_ := set .nim "devices" $devices }}
{{- end }}

{{- /* The start-up budget of a service in seconds, from its start-up probe. */}}
{{- define "nimhelm.v2.startupSeconds" -}}
  {{- $probe := .Values.startupProbe.probe }}
  {{- if and $probe .Values.startupProbe.enabled }}
    {{- $tries := mul (get $probe "failureThreshold" | default 3 | int) (get $probe "periodSeconds" | default 10 | int) }}
    {{- add $tries (get $probe "initialDelaySeconds" | default 0 | int) }}
  {{- else }}
    {{- ternary 330 1230 .nim.knative }}
  {{- end }}
{{- end }}

{{- /* Seconds until the last service must have started, at least 600. */}}
{{- define "nimhelm.v2.deadline" -}}
  {{- $longest := 600 }}
  {{- range .nim.services }}
    {{- if .enabled }}{{ $longest = max $longest (int .root.Values.progressDeadlineSeconds) }}{{ end }}
  {{- end }}
  {{- $longest }}
{{- end }}

{{- /*
Whether the check of `helm test` also runs at the end of each install and upgrade. The values decide. By default it
runs when `helm install --wait` does not wait for the kind of a workload. Pods taken over from the operator unchanged
need no image of the chart.
*/}}
{{- define "nimhelm.v2.checksAfterInstall" -}}
  {{- $global := .nim.global }}
  {{- $wanted := toString $global.checkAfterInstall }}
  {{- if ne $wanted "auto" }}
    {{- if eq $wanted "true" }}true{{ end }}
  {{- else if not $global.keepOperatorPods }}
    {{- with include "nimhelm.v2.unknownToHelm" . }}true{{ end }}
  {{- end }}
{{- end }}

{{- /* The running services whose workload `helm --wait` does not wait for, as text. */}}
{{- define "nimhelm.v2.unknownToHelm" -}}
  {{- $names := list }}
  {{- range .nim.services }}
    {{- if and .runs (ne .root.nim.workload "Deployment") }}{{ $names = append $names .name }}{{ end }}
  {{- end }}
  {{- join ", " $names }}
{{- end }}

{{- /*
What `helm test` asks of the services that run, "name url" each, in start order, into .checks. One that may scale to zero
is not asked: it need not answer. Takes root.
*/}}
{{- define "nimhelm.v2.checks" -}}
  {{- $checks := list }}
  {{- range .root.nim.services }}
    {{- $name := .name }}
    {{- if and .runs (not .root.nim.sleeps) }}
      {{- /* A plain request is refused where a mesh wants mutual TLS. A Service leads to ready pods alone. */}}
      {{- $asked := ternary (printf "tcp://%s:%d" $name .root.nim.port) (include "nimhelm.v2.readiness" .root) (and (not (empty .root.nim.global.mesh)) .root.nim.ownsService) }}
      {{- $checks = append $checks (printf "%s %s" $name $asked) }}
      {{- if .root.nim.ownsService }}
        {{- range rest .root.nim.ports }}
          {{- $checks = append $checks (printf "%s tcp://%s:%d" $name $name .port) }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- $_ := set . "checks" $checks }}
{{- end }}

{{- /*
The readiness URL of a service, from its readiness probe. Only its port when the probe is no plain HTTP request. KServe
answers on port 80 of its own Service.
*/}}
{{- define "nimhelm.v2.readiness" -}}
  {{- $get := .nim.probed }}
  {{- $address := printf "%s:%d" .nim.name .nim.port }}
  {{- if not .nim.ownsService }}{{ $address = printf "%s-predictor:80" .nim.name }}{{ end }}
  {{- if or (not $get) $get.httpHeaders (eq $get.scheme "HTTPS") }}
    {{- printf "tcp://%s" $address }}
  {{- else }}
    {{- printf "http://%s/%s" $address (trimPrefix "/" $get.path) }}
  {{- end }}
{{- end }}
