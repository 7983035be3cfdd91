{{- /*
The pipeline as a whole: its services in start order, the graph for `nimhelm status`, and the checks of `helm test`.
*/}}

{{- /*
Settles the umbrella's values and puts its facts into .nim, once:

  .nim.global         global.nimhelm
  .nim.name           the pipeline's name, also .nim.pipeline
  .nim.openshift      what OpenShift asks of pods: "restricted", "scc", or "" elsewhere; see _access.tpl
  .nim.onCluster      whether a cluster is asked while this renders
  .nim.labels         the labels of its objects
  .nim.services       the roots of the services' charts, in start order
  .nim.byName         the same by name
  .nim.everyCache     the caches by name, with the facts of _caches.tpl
  .nim.caches         those that are on

Of a disabled service Helm loads no chart. A root is made up for it, so that its facts can be read all the same.
*/}}
{{- define "nimhelm.v2.pipeline" -}}
  {{- if not (hasKey . "nim") }}
    {{- include "nimhelm.v2.settle" (dict "root" . "defaults" "nimhelm.v2.defaults.umbrella") }}
    {{- $chart := .Chart.Annotations | default dict }}
    {{- $global := .Values.global.nimhelm }}
    {{- $services := list }}
    {{- $byName := dict }}
    {{- range $wave, $names := index $chart "nimhelm.dev/start-order" | default "[]" | fromJsonArray }}
      {{- range $names }}
        {{- $values := get $.Values . | default dict }}
        {{- $root := get $.Subcharts . }}
        {{- if $root }}
          {{- include "nimhelm.v2.service" $root }}
        {{- else }}
          {{- $root = dict "Values" (merge (dict "global" (dict "nimhelm" $global)) $values) "Release" $.Release "Capabilities" $.Capabilities
            "Chart" (dict "Name" . "Version" $.Chart.Version "Annotations" $chart) }}
          {{- include "nimhelm.v2.settle" (dict "root" $root "defaults" "nimhelm.v2.defaults.service") }}
          {{- include "nimhelm.v2.facts" $root }}
        {{- end }}
        {{- $_ := set $root.nim "wave" $wave }}
        {{- $services = append $services $root }}
        {{- $_ := set $byName . $root }}
      {{- end }}
    {{- end }}
    {{- range $root := $services }}
      {{- range $gate := .nim.gates }}
        {{- with get $byName (dig "dependency" "name" "" .) }}
          {{- if $root.nim.enabled }}{{ $_ := set .nim "awaited" true }}{{ end }}
          {{- $asked := dig "wait" "host" "" $gate.dependency }}
          {{- $_ := set $gate "sleeps" (and (not $gate.dependency.external) (or (not .nim.enabled) (and .nim.sleeps (has $asked (list "" (print .nim.name "-predictor")))))) }}
        {{- end }}
      {{- end }}
    {{- end }}
    {{- $pipeline := index $chart "nimhelm.dev/pipeline" | default .Chart.Name }}
    {{- $labels := dict
      "app.kubernetes.io/name" $pipeline
      "app.kubernetes.io/instance" .Release.Name
      "app.kubernetes.io/managed-by" .Release.Service
      "app.kubernetes.io/part-of" "nim-service"
      "helm.sh/chart" (include "nimhelm.v2.chartLabel" .)
      "nimhelm.dev/pipeline" $pipeline }}
    {{- include "nimhelm.v2.userLabels" (dict "into" $labels "users" (list $global.commonLabels)) }}
    {{- $_ := set . "nim" (dict
      "name" $pipeline
      "pipeline" $pipeline
      "global" $global
      "openshift" (include "nimhelm.v2.openshift" (dict "root" . "global" $global))
      "onCluster" (include "nimhelm.v2.onCluster" . | eq "true")
      "labels" $labels
      "services" $services
      "byName" $byName
      "everyCache" dict
      "caches" dict) }}
    {{- range $name, $cache := .Values.nimCaches }}
      {{- $box := dict "root" $ "name" $name "cache" $cache }}
      {{- include "nimhelm.v2.facts.cache" $box }}
      {{- $_ := set $.nim.everyCache $name $box }}
      {{- if $box.enabled }}{{ $_ := set $.nim.caches $name $box }}{{ end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
The prefix of the names of the pipeline's own objects: the release, and the pipeline when its name differs, since one
parent chart may hold several pipelines. Takes the root of any chart of the pipeline.
*/}}
{{- define "nimhelm.v2.prefix" -}}
  {{- list .Release.Name .nim.pipeline | uniq | join "-" }}
{{- end }}

{{- define "nimhelm.v2.checkName" -}}
  {{- printf "%s-test" (include "nimhelm.v2.prefix" .) | include "nimhelm.v2.dnsLabel" }}
{{- end }}

{{- /* The ConfigMap with the scripts of the pods. */}}
{{- define "nimhelm.v2.scriptsName" -}}
  {{- include "nimhelm.v2.prefix" . }}-scripts
{{- end }}

{{- /* Sets .nim.graph: the pipeline as `nimhelm status` reads it from the cluster. */}}
{{- define "nimhelm.v2.graph" -}}
  {{- $services := list }}
  {{- range .nim.services }}
    {{- include "nimhelm.v2.graph.service" (dict "root" . "caches" $.nim.caches) }}
    {{- $services = append $services .nim.graph }}
  {{- end }}
  {{- $caches := list }}
  {{- range .nim.everyCache }}
    {{- $cache := dict "name" .name "enabled" .enabled "claim" .claim "job" .job }}
    {{- if hasKey (get .cache "job" | default dict) "ttlSecondsAfterFinished" }}{{ $_ := set $cache "expires" true }}{{ end }}
    {{- $caches = append $caches $cache }}
  {{- end }}
  {{- include "nimhelm.v2.secrets" . }}
  {{- $_ := set .nim "graph" (dict
    "apiVersion" "nimhelm.dev/v1"
    "pipeline" .nim.pipeline
    "release" .Release.Name
    "chartVersion" .Chart.Version
    "services" $services
    "caches" $caches
    "secrets" .nim.secrets) }}
{{- end }}

{{- /* Sets .nim.graph of one service. Takes root and caches, those that are on. */}}
{{- define "nimhelm.v2.graph.service" -}}
  {{- $root := .root }}
  {{- $nim := .root.nim }}
  {{- $values := .root.Values }}
  {{- $waits := dict }}
  {{- /* A gate on what may scale to zero opens at once. */}}
  {{- range $nim.gates }}
    {{- if not .sleeps }}{{ $_ := set $waits .name (include "nimhelm.v2.gate.timeout" (dict "root" $root "gate" .) | int) }}{{ end }}
  {{- end }}
  {{- $dependencies := list }}
  {{- range $values.dependencies }}
    {{- $seconds := get $waits (printf "wait-for-%s" .name | include "nimhelm.v2.dnsLabel") | default 0 }}
    {{- $dependency := dict "name" .name "port" (int .port) "external" (.external | default false) "wait" (gt $seconds 0) "timeoutSeconds" $seconds }}
    {{- if eq "start" (include "nimhelm.v2.gate.onTimeout" (dict "root" $root "dependency" .)) }}{{ $_ := set $dependency "onTimeout" "start" }}{{ end }}
    {{- $dependencies = append $dependencies $dependency }}
  {{- end }}
  {{- include "nimhelm.v2.graph.devices" $root }}
  {{- $_ := set $nim "graph" (dict
    "name" $nim.name
    "enabled" $nim.enabled
    "workload" $nim.workload
    "wave" $nim.wave
    "replicas" $nim.replicas
    "autoscaled" $nim.autoscaled
    "startupSeconds" (include "nimhelm.v2.startupSeconds" $root | int)
    "gpus" $nim.devices
    "cache" (ternary $nim.cache "" (hasKey .caches $nim.cache))
    "authSecret" ($values.authSecret | default "")
    "pullSecrets" (concat ($values.image.pullSecrets | default list) $nim.global.imagePullSecrets | uniq)
    "image" (include "nimhelm.v2.image" (dict "global" $nim.global "image" $values.image))
    "claim" $nim.claim
    "dependencies" $dependencies) }}
  {{- if $nim.sleeps }}{{ $_ := set $nim.graph "sleeps" true }}{{ end }}
{{- end }}

{{- /*
Sets .nim.devices: the devices of one replica on all its nodes. A resource counts with the larger of request and limit.
Devices of created claims count under the name of their class.
*/}}
{{- define "nimhelm.v2.graph.devices" -}}
  {{- $counts := dict }}
  {{- range list .Values.resources.requests .Values.resources.limits }}
    {{- range $name, $quantity := . }}
      {{- if include "nimhelm.v2.isDevice" $name }}{{ $_ := set $counts $name (max (get $counts $name | default 0) (include "nimhelm.v2.count" $quantity | int)) }}{{ end }}
    {{- end }}
  {{- end }}
  {{- range .Values.draResources }}
    {{- range dig "claimCreationSpec" "devices" list . }}
      {{- $class := get . "deviceClassName" | default "gpu.nvidia.com" }}
      {{- $_ := set $counts $class (add (get $counts $class | default 0) (get . "count" | default 1 | int)) }}
    {{- end }}
  {{- end }}
  {{- $_ := set .nim "devices" dict }}
  {{- range $name, $count := $counts }}
    {{- if $count }}{{ $_ := set $.nim.devices $name (mul $.nim.nodes $count | toString) }}{{ end }}
  {{- end }}
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
    {{- if .nim.enabled }}{{ $longest = max $longest (int .Values.progressDeadlineSeconds) }}{{ end }}
  {{- end }}
  {{- $longest }}
{{- end }}

{{- /*
Whether the check of `helm test` also runs at the end of each install and upgrade. The values decide. By default it
runs when `helm install --wait` does not wait for the kind of a workload. Pods taken over from the operator unchanged
need no image of the chart.
*/}}
{{- define "nimhelm.v2.checksAfterInstall" -}}
  {{- $wanted := toString .nim.global.checkAfterInstall }}
  {{- $auto := and (include "nimhelm.v2.unknownToHelm" .) (not .nim.global.keepOperatorPods) }}
  {{- if ternary $auto (eq $wanted "true") (eq $wanted "auto") }}true{{ end }}
{{- end }}

{{- /* The running services whose workload `helm --wait` does not wait for, as text. */}}
{{- define "nimhelm.v2.unknownToHelm" -}}
  {{- $names := list }}
  {{- range .nim.services }}
    {{- if and .nim.runs (ne .nim.workload "Deployment") }}{{ $names = append $names .nim.name }}{{ end }}
  {{- end }}
  {{- join ", " $names }}
{{- end }}

{{- /*
Sets .nim.checks: what `helm test` asks of the services that run, "name url" each, in start order. One that may scale to
zero is not asked: it need not answer.
*/}}
{{- define "nimhelm.v2.checks" -}}
  {{- $checks := list }}
  {{- range .nim.services }}
    {{- if and .nim.runs (not .nim.sleeps) }}
      {{- /* A plain request is refused where a mesh wants mutual TLS. A Service leads to ready pods alone. */}}
      {{- $plain := and .nim.global.mesh .nim.ownsService }}
      {{- if not $plain }}{{ $checks = append $checks (print .nim.name " " (include "nimhelm.v2.readiness" .)) }}{{ end }}
      {{- $name := .nim.name }}
      {{- range $index, $port := ternary .nim.ports list .nim.ownsService }}
        {{- if or $index $plain }}{{ $checks = append $checks (printf "%s tcp://%s:%d" $name $name .port) }}{{ end }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- $_ := set .nim "checks" $checks }}
{{- end }}

{{- /*
The readiness URL of a service, from its readiness probe. Only its port when the probe is no plain HTTP request. KServe
answers on port 80 of its own Service.
*/}}
{{- define "nimhelm.v2.readiness" -}}
  {{- $get := .nim.probed }}
  {{- $address := ternary (printf "%s:%d" .nim.name .nim.port) (printf "%s-predictor:80" .nim.name) .nim.ownsService }}
  {{- if or (not $get) $get.httpHeaders (eq $get.scheme "HTTPS") }}
    {{- printf "tcp://%s" $address }}
  {{- else }}
    {{- printf "http://%s/%s" $address (trimPrefix "/" $get.path) }}
  {{- end }}
{{- end }}
