{{- /*
The templates of a pipeline's chart, and of its services. This file is where they start.

Helm has one set of named templates for a chart and all its subcharts, so the text stands here, in the umbrella, once.
The one template of a service's subchart calls nimhelm.v3.objects.

Names      nimhelm.v3.<concern>[.<part>]. Several charts of nimhelm may have one parent chart, and share this
           set of templates; "v3" keeps charts of another generation of these templates apart. Raise it whenever the
           meaning of a template changes after a release.
Context    A template of a service takes the root of the service's chart as ".". A template that needs more takes a
           dict with names, the root among them: (dict "root" . "container" $container). Whose pod is made in a group
           of nodes is a fact, .nim.role.
Facts      nimhelm.v3.service, which ../service/templates/service.yaml calls first, settles the values and puts what is
           derived from them into .nim, once for all templates of a service. docs/chart.md lists them.
Results    A template returns text: a name, "true" or nothing for a question, or YAML that the caller indents. One that
           computes a list or a map puts it into .nim, or into the dict that it takes. Nothing goes through JSON.
Printing   Values are printed by nimhelm.v3.yaml, fields that may be empty by nimhelm.v3.fields, names by toJson. Nothing
           uses tpl: strings stay as they were written.

_disruption.tpl is a small example. docs/chart.md has recipes.
*/}}

{{- /* Settles the values of a service, computes its facts, and refuses values that cannot work. */}}
{{- define "nimhelm.v3.service" -}}
  {{- if not (hasKey . "nim") }}
    {{- include "nimhelm.v3.settle" (dict "root" . "defaults" "nimhelm.v3.defaults.service") }}
    {{- include "nimhelm.v3.facts" . }}
    {{- with include "nimhelm.v3.problems" . | trim }}{{ fail . }}{{ end }}
  {{- end }}
{{- end }}

{{- /* All objects of a service. A key for a group is made once. */}}
{{- define "nimhelm.v3.objects" -}}
  {{- if not (hasKey .nim "objects") }}
    {{- $objects := "" }}
    {{- range list
      "access" "devices" "disruption" "kubernetesService" "monitoring" "multinode" "picker" "prePull" "routes" "scaling"
      "storage" "workload" }}
      {{- with regexReplaceAll "^\\s*(---)?\\s*" (include (printf "nimhelm.v3.%s" .) $) "" }}
        {{- $objects = printf "%s\n---\n%s" $objects . }}
      {{- end }}
    {{- end }}
    {{- $_ := set .nim "objects" $objects }}
  {{- end }}
  {{- .nim.objects }}
{{- end }}

{{- define "nimhelm.v3.facts" -}}
  {{- $values := .Values }}
  {{- $global := $values.global.nimhelm }}
  {{- $chart := .Chart.Annotations | default dict }}
  {{- $scale := $values.scale }}
  {{- $router := $values.expose.router }}
  {{- $kserve := eq $values.inferencePlatform "kserve" }}
  {{- $nodes := dig "parallelism" "pipeline" 1 $values.multiNode | int }}
  {{- $group := and (gt $nodes 1) (not $kserve) }}
  {{- $ray := and (kindIs "map" $values.multiNode.ray) (dig "ray" "rayPort" 6379 $values.multiNode | int) }}
  {{- $fixed := not (kindIs "invalid" $values.replicas) }}
  {{- $autoscaled := or $scale.enabled $scale.keda.enabled }}
  {{- $replicas := ternary $values.replicas 1 $fixed | int }}
  {{- if $autoscaled }}{{ $replicas = ternary $scale.hpa.minReplicas $scale.keda.minReplicaCount $scale.enabled | int }}{{ end }}
  {{- $enabled := dig "enabled" true $values }}
  {{- $ports := list (dict "name" "api" "targetPort" "api" "protocol" "TCP" "port" (int $values.expose.service.port)) }}
  {{- range $name, $port := pick $values.expose.service "grpcPort" "metricsPort" }}
    {{- $kind := trimSuffix "Port" $name }}
    {{- if $port }}{{ $ports = append $ports (dict "name" $kind "targetPort" $kind "protocol" "TCP" "port" (int $port)) }}{{ end }}
  {{- end }}
  {{- $_ := set . "nim" (dict
    "name" .Chart.Name
    "pipeline" (index $chart "nimhelm.dev/pipeline")
    "wave" (index $chart "nimhelm.dev/wave" | default "0" | int)
    "global" $global
    "openshift" (include "nimhelm.v3.openshift" (dict "root" . "global" $global))
    "onCluster" (include "nimhelm.v3.onCluster" . | eq "true")
    "workload" (ternary "InferenceService" (ternary "LeaderWorkerSet" "Deployment" $group) $kserve)
    "account" ($values.serviceAccount.name | default (ternary .Chart.Name "default" $values.serviceAccount.create))
    "ownsService" (not $kserve)
    "knative" (and $kserve (has (get $values.annotations "serving.kserve.io/deploymentMode") (list "Knative" "Serverless")))
    "nodes" (ternary $nodes 1 $group)
    "tensor" (dig "parallelism" "tensor" 0 $values.multiNode | int)
    "ray" $ray
    "mpi" (and $group (not $ray))
    "group" $group
    "role" (ternary "leader" "" $group)
    "revision" ""
    "confined" (ternary (dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL"))) dict $global.restricted)
    "lastWords" (ternary "" "FallbackToLogsOnError" $global.keepOperatorPods)
    "enabled" $enabled
    "hasReplicas" $fixed
    "replicas" $replicas
    "autoscaled" $autoscaled
    "sleeps" (and $autoscaled (or (not $replicas) (and (not $scale.enabled) (hasKey $scale.keda "idleReplicaCount"))))
    "runs" (and $enabled (or (gt $replicas 0) $autoscaled))
    "awaited" false
    "port" (int $values.expose.service.port)
    "ports" $ports
    "hosts" ($router.hosts | default (list (printf "%s.%s.%s" .Chart.Name .Release.Namespace $router.hostDomainName)))) }}
  {{- include "nimhelm.v3.facts.storage" . }}
  {{- include "nimhelm.v3.facts.labels" . }}
  {{- include "nimhelm.v3.facts.probed" . }}
  {{- include "nimhelm.v3.facts.gates" . }}
  {{- include "nimhelm.v3.facts.env" . }}
{{- end }}

{{- /*
Whether Helm renders for a cluster. Every API server serves apiregistration.k8s.io, and the APIs that `helm template`
assumes do not include it.
*/}}
{{- define "nimhelm.v3.onCluster" -}}
  {{- if .Capabilities.APIVersions.Has "apiregistration.k8s.io/v1" }}true{{ end }}
{{- end }}

{{- /*
Whether to render an object of an add-on's kind. Takes api ("group/version/Kind") and remedy (what to do when the
cluster lacks it).
*/}}
{{- define "nimhelm.v3.served" -}}
  {{- $nim := .root.nim }}
  {{- if or (.root.Capabilities.APIVersions.Has .api) (not $nim.onCluster) }}true
  {{- else if not $nim.global.skipMissingKinds }}
    {{- fail (printf "%s needs %s, which this cluster does not serve: %s, or set global.nimhelm.skipMissingKinds=true to leave it out"
      $nim.name .api .remedy) }}
  {{- end }}
{{- end }}
