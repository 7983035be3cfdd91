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
  .nim.active         those of the services that are on
  .nim.byName         all by name
  .nim.everyCache     the caches by name, with the facts of _caches.tpl
  .nim.caches         those that are on

Of a disabled service Helm loads no chart. A root is made up for it, so that its facts can be read all the same.
*/}}
{{- define "nimhelm.v3.pipeline" -}}
  {{- if not (hasKey . "nim") }}
    {{- include "nimhelm.v3.settle" (dict "root" . "defaults" "nimhelm.v3.defaults.umbrella") }}
    {{- $chart := .Chart.Annotations | default dict }}
    {{- $global := .Values.global.nimhelm }}
    {{- $services := list }}
    {{- $active := list }}
    {{- $byName := dict }}
    {{- range $wave, $names := index $chart "nimhelm.dev/start-order" | default "[]" | fromJsonArray }}
      {{- range $names }}
        {{- $root := get $.Subcharts . }}
        {{- if $root }}
          {{- include "nimhelm.v3.service" $root }}
        {{- else }}
          {{- $root = dict "Values" (merge (dict "global" (dict "nimhelm" $global)) (get $.Values . | default dict)) "Release" $.Release
            "Capabilities" $.Capabilities "Chart" (dict "Name" . "Version" $.Chart.Version "Annotations" $chart) }}
          {{- include "nimhelm.v3.settle" (dict "root" $root "defaults" "nimhelm.v3.defaults.service") }}
          {{- include "nimhelm.v3.facts" $root }}
        {{- end }}
        {{- $_ := set $root.nim "wave" $wave }}
        {{- $_ := set $byName . $root }}
        {{- $services = append $services $root }}
        {{- if $root.nim.enabled }}{{ $active = append $active $root }}{{ end }}
      {{- end }}
    {{- end }}
    {{- range $root := $services }}
      {{- range $gate := .nim.gates }}
        {{- with get $byName (dig "dependency" "name" "" .) }}
          {{- if $root.nim.enabled }}{{ $_ := set .nim "awaited" true }}{{ end }}
          {{- $asksIt := has (dig "wait" "host" "" $gate.dependency) (list "" (print .nim.name "-predictor")) }}
          {{- $_ := set $gate "sleeps" (and (not $gate.dependency.external) (or (not .nim.enabled) (and .nim.sleeps $asksIt))) }}
        {{- end }}
      {{- end }}
    {{- end }}
    {{- $pipeline := index $chart "nimhelm.dev/pipeline" | default .Chart.Name }}
    {{- $_ := set . "nim" (dict
      "name" $pipeline
      "pipeline" $pipeline
      "global" $global
      "openshift" (include "nimhelm.v3.openshift" (dict "root" . "global" $global))
      "onCluster" (include "nimhelm.v3.onCluster" . | eq "true")
      "labels" (dict
        "app.kubernetes.io/name" $pipeline
        "app.kubernetes.io/instance" .Release.Name
        "app.kubernetes.io/managed-by" .Release.Service
        "app.kubernetes.io/part-of" "nim-service"
        "helm.sh/chart" (include "nimhelm.v3.chartLabel" .)
        "nimhelm.dev/pipeline" $pipeline)
      "services" $services
      "active" $active
      "byName" $byName
      "everyCache" dict
      "caches" dict) }}
    {{- include "nimhelm.v3.userLabels" (dict "into" .nim.labels "users" (list $global.commonLabels)) }}
    {{- range $name, $cache := .Values.nimCaches }}
      {{- $box := dict "root" $ "name" $name "cache" $cache }}
      {{- include "nimhelm.v3.facts.cache" $box }}
      {{- $_ := set $.nim.everyCache $name $box }}
      {{- if $box.enabled }}{{ $_ := set $.nim.caches $name $box }}{{ end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
The prefix of the names of the pipeline's own objects: the release, and the pipeline when its name differs, since one
parent chart may hold several pipelines. Takes the root of any chart of the pipeline.
*/}}
{{- define "nimhelm.v3.prefix" -}}
  {{- list .Release.Name .nim.pipeline | uniq | join "-" }}
{{- end }}

{{- define "nimhelm.v3.checkName" -}}
  {{- printf "%s-test" (include "nimhelm.v3.prefix" .) | include "nimhelm.v3.dnsLabel" }}
{{- end }}

{{- /* The ConfigMap with the scripts of the pods. */}}
{{- define "nimhelm.v3.scriptsName" -}}
  {{- include "nimhelm.v3.prefix" . }}-scripts
{{- end }}

{{- /* The template of a pod that is not a service's. Takes nim, labels, spec (as text), and own (the podTemplate of the values). */}}
{{- define "nimhelm.v3.helperTemplate" -}}
{{- $metadata := dict "nim" .nim "labels" .labels "annotations" dict "extra" (dig "metadata" dict (.own | default dict)) }}
{{- include "nimhelm.v3.helperMetadata" $metadata -}}
template:
  metadata:
    {{- include "nimhelm.v3.fields" (dict "indent" 4 "fields" (pick $metadata "labels" "annotations")) }}
  spec:
    {{- include "nimhelm.v3.overlaid" (dict "spec" .spec "global" .nim.global "own" .own) | nindent 4 }}
{{- end }}

{{- /* Sets .nim.graph: the pipeline as `nimhelm status` reads it from the cluster. */}}
{{- define "nimhelm.v3.graph" -}}
  {{- if not (hasKey .nim "graph") }}
    {{- include "nimhelm.v3.secrets" . }}
    {{- $services := list }}
    {{- range .nim.services }}
      {{- include "nimhelm.v3.graph.service" (dict "root" . "caches" $.nim.caches) }}
      {{- $services = append $services .nim.graph }}
    {{- end }}
    {{- $caches := list }}
    {{- range .nim.everyCache }}
      {{- $expires := ternary (dict "expires" true) dict (hasKey (.cache.job | default dict) "ttlSecondsAfterFinished") }}
      {{- $caches = append $caches (merge (pick . "name" "enabled" "claim" "job") $expires) }}
    {{- end }}
    {{- $_ := set .nim "graph" (dict
      "apiVersion" "nimhelm.dev/v1"
      "pipeline" .nim.pipeline
      "release" .Release.Name
      "chartVersion" .Chart.Version
      "services" $services
      "caches" $caches
      "secrets" .nim.secrets) }}
  {{- end }}
{{- end }}

{{- /* Sets .nim.graph of one service. Takes root and caches, those that are on. */}}
{{- define "nimhelm.v3.graph.service" -}}
  {{- $root := .root }}
  {{- $nim := .root.nim }}
  {{- $image := .root.Values.image }}
  {{- include "nimhelm.v3.graph.devices" $root }}
  {{- /* A gate on what may scale to zero opens at once. */}}
  {{- $waits := dict }}
  {{- range $nim.gates }}
    {{- if not .sleeps }}{{ $_ := set $waits .name (include "nimhelm.v3.gate.timeout" (dict "root" $root "gate" .) | int) }}{{ end }}
  {{- end }}
  {{- $dependencies := list }}
  {{- range .root.Values.dependencies }}
    {{- $seconds := get $waits (printf "wait-for-%s" .name | include "nimhelm.v3.dnsLabel") | default 0 }}
    {{- $dependency := dict "name" .name "port" (int .port) "external" (.external | default false) "wait" (gt $seconds 0) "timeoutSeconds" $seconds }}
    {{- if eq "start" (include "nimhelm.v3.gate.onTimeout" (dict "root" $root "dependency" .)) }}{{ $_ := set $dependency "onTimeout" "start" }}{{ end }}
    {{- $dependencies = append $dependencies $dependency }}
  {{- end }}
  {{- $sleeps := ternary (dict "sleeps" true) dict $nim.sleeps }}
  {{- $_ := set $nim "graph" (merge (pick $nim "name" "enabled" "workload" "wave" "replicas" "autoscaled" "claim") $sleeps (dict
    "startupSeconds" (include "nimhelm.v3.startupSeconds" $root | int)
    "gpus" $nim.devices
    "cache" (ternary $nim.cache "" (hasKey .caches $nim.cache))
    "authSecret" (.root.Values.authSecret | default "")
    "pullSecrets" (concat ($image.pullSecrets | default list) $nim.global.imagePullSecrets | uniq)
    "image" (include "nimhelm.v3.image" (dict "global" $nim.global "image" $image))
    "dependencies" $dependencies)) }}
{{- end }}

{{- /*
Sets .nim.devices: the devices of one replica on all its nodes. Request and limit of a device are equal, or one is left
out. Devices of created claims count under the name of their class.
*/}}
{{- define "nimhelm.v3.graph.devices" -}}
  {{- $counts := dict }}
  {{- range $name, $quantity := mergeOverwrite (dict) .Values.resources.requests .Values.resources.limits }}
    {{- if include "nimhelm.v3.isDevice" $name }}{{ $_ := set $counts $name (include "nimhelm.v3.count" $quantity | int) }}{{ end }}
  {{- end }}
  {{- range .Values.draResources }}
    {{- range dig "claimCreationSpec" "devices" list . }}
      {{- $class := .deviceClassName | default "gpu.nvidia.com" }}
      {{- $_ := set $counts $class (add (get $counts $class | int) (.count | default 1 | int)) }}
    {{- end }}
  {{- end }}
  {{- $devices := dict }}
  {{- range $name, $count := $counts }}{{ if $count }}{{ $_ := set $devices $name (mul $.nim.nodes $count | toString) }}{{ end }}{{ end }}
  {{- $_ := set .nim "devices" $devices }}
{{- end }}

{{- /* The start-up budget of a service in seconds, from its start-up probe. */}}
{{- define "nimhelm.v3.startupSeconds" -}}
  {{- if and .Values.startupProbe.probe .Values.startupProbe.enabled }}
    {{- $probe := merge (dict) .Values.startupProbe.probe (dict "failureThreshold" 3 "periodSeconds" 10) }}
    {{- add (mul $probe.failureThreshold $probe.periodSeconds) $probe.initialDelaySeconds }}
  {{- else }}{{ ternary 330 1230 .nim.knative }}
  {{- end }}
{{- end }}

{{- /*
Sets what the check of `helm test`, and the notes, tell of the running services:

  .nim.deadline       seconds until the last service must have started, at least 600
  .nim.unknownToHelm  the services whose workload `helm --wait` does not wait for
  .nim.checksAlways   whether the check also runs at the end of each install and upgrade. The values decide. By default it
                      does when Helm does not wait. Pods taken over from the operator unchanged need no image of the chart.
  .nim.checks         what it asks, "name url" each, in start order. One that may scale to zero need not answer. The API port
                      is asked as by the readiness probe, if that is a plain HTTP request; another port just has to be open.
*/}}
{{- define "nimhelm.v3.checks" -}}
  {{- $deadline := 600 }}
  {{- $unknown := list }}
  {{- $checks := list }}
  {{- range .nim.active }}
    {{- $name := .nim.name }}
    {{- $deadline = max $deadline (int .Values.progressDeadlineSeconds) }}
    {{- if and .nim.runs (ne .nim.workload "Deployment") }}{{ $unknown = append $unknown $name }}{{ end }}
    {{- $get := .nim.probed }}
    {{- /* A plain request is refused where a mesh wants mutual TLS. A Service leads to ready pods alone. */}}
    {{- $connects := or (not $get) $get.httpHeaders (eq $get.scheme "HTTPS") (and .nim.global.mesh .nim.ownsService) }}
    {{- /* KServe answers on port 80 of its own Service. */}}
    {{- $host := ternary $name (print $name "-predictor") .nim.ownsService }}
    {{- $ports := ternary .nim.ports (list (dict "port" 80)) .nim.ownsService }}
    {{- range $index, $port := ternary $ports list (and .nim.runs (not .nim.sleeps)) }}
      {{- $url := printf "tcp://%s:%d" $host .port }}
      {{- if not (or $index $connects) }}{{ $url = printf "http://%s:%d/%s" $host .port (trimPrefix "/" $get.path) }}{{ end }}
      {{- $checks = append $checks (print $name " " $url) }}
    {{- end }}
  {{- end }}
  {{- $always := eq "true" (toString .nim.global.checkAfterInstall) }}
  {{- if eq "auto" (toString .nim.global.checkAfterInstall) }}{{ $always = not (or (empty $unknown) .nim.global.keepOperatorPods) }}{{ end }}
  {{- $_ := mergeOverwrite .nim (dict "deadline" $deadline "unknownToHelm" $unknown "checksAlways" $always "checks" $checks) }}
{{- end }}
