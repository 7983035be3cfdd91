{{- /*
What the API server would refuse, or what would never become ready, is refused here, with the value to
change. Values can be changed at every install, after `nimhelm build` checked those of the pipeline.
*/}}

{{- /* Every problem of the values, one a line, or nothing. */}}
{{- define "nimhelm.service.problems" -}}
  {{- include "nimhelm.service.problems.image" . }}
  {{- include "nimhelm.service.problems.storage" . }}
  {{- include "nimhelm.service.problems.resources" . }}
  {{- include "nimhelm.service.problems.expose" . }}
  {{- include "nimhelm.service.problems.scale" . }}
  {{- include "nimhelm.service.problems.platform" . }}
  {{- include "nimhelm.service.problems.dra" . }}
{{- end }}

{{- define "nimhelm.service.problems.image" -}}
  {{- if not .Values.image.repository }}
    {{- printf "%s has no image: set %s.image.repository\n" .Chart.Name .Chart.Name }}
  {{- else if not .Values.image.tag }}
    {{- printf "%s's image has no tag: set %s.image.tag\n" .Chart.Name .Chart.Name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.service.problems.storage" -}}
  {{- $name := .Chart.Name }}
  {{- $storage := .Values.storage }}
  {{- $pvc := $storage.pvc }}
  {{- $given := list }}
  {{- if or $storage.nimCache.name $storage.nimCache.profile }}{{ $given = append $given "nimCache" }}{{ end }}
  {{- if or $pvc.create $pvc.name $pvc.size }}{{ $given = append $given "pvc" }}{{ end }}
  {{- if kindIs "map" $storage.emptyDir }}{{ $given = append $given "emptyDir" }}{{ end }}
  {{- if $storage.hostPath }}{{ $given = append $given "hostPath" }}{{ end }}
  {{- if not $given }}
    {{- printf "%s has no place for its model: set one of nimCache, pvc, emptyDir and hostPath under %s.storage\n" $name $name }}
  {{- else if gt (len $given) 1 }}
    {{- $settings := list }}
    {{- range $given }}{{ $settings = append $settings (printf "%s.storage.%s=null" $name .) }}{{ end }}
    {{- printf "%s keeps its model in several places (%s): leave one of them, and set the others to null (%s)\n" $name (join ", " $given) (join ", " $settings) }}
  {{- else if and $storage.nimCache.profile (not $storage.nimCache.name) }}
    {{- printf "%s asks for a profile of no cache: set %s.storage.nimCache.name\n" $name $name }}
  {{- else if and (has "pvc" $given) (not $pvc.create) (not $pvc.name) }}
    {{- printf "%s names no claim: set %s.storage.pvc.name, or create=true to have one made\n" $name $name }}
  {{- else if and $pvc.create (not $pvc.size) }}
    {{- printf "%s creates a claim without a size: set %s.storage.pvc.size\n" $name $name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.service.problems.resources" -}}
  {{- $name := .Chart.Name }}
  {{- $requests := include "nimhelm.service.quantities" .Values.resources.requests | fromJson }}
  {{- range $key, $limit := include "nimhelm.service.quantities" .Values.resources.limits | fromJson | include "nimhelm.service.extended" | fromJson }}
    {{- $request := dig $key $limit $requests }}
    {{- if ne $request $limit }}
      {{- printf "%s requests %s %s but is limited to %s, and Kubernetes wants the two equal: set both under %s.resources\n" $name $request $key $limit $name }}
    {{- end }}
  {{- end }}
  {{- if .Values.resources.claims }}
    {{- printf "%s has resources.claims, which are not used: list the devices in %s.draResources\n" $name $name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.service.problems.expose" -}}
  {{- $name := .Chart.Name }}
  {{- $expose := .Values.expose }}
  {{- $router := $expose.router }}
  {{- $ingress := $router.ingress.ingressClass }}
  {{- $gateway := $router.gateway.name }}
  {{- if and $ingress $gateway }}
    {{- printf "%s is routed by an Ingress and by a Gateway: empty %s.expose.router.ingress.ingressClass or .gateway.name\n" $name $name }}
  {{- end }}
  {{- if and (or $ingress $gateway) (not $router.hostDomainName) }}
    {{- printf "%s has a route without a host: set %s.expose.router.hostDomainName\n" $name $name }}
  {{- end }}
  {{- if and $expose.ingress.enabled $ingress }}
    {{- printf "%s has two Ingresses: set %s.expose.ingress.enabled=false, or empty .expose.router.ingress.ingressClass\n" $name $name }}
  {{- end }}
  {{- if and $gateway $router.gateway.grpcRoutesEnabled (not $expose.service.grpcPort) }}
    {{- printf "%s has a GRPCRoute to no port: set %s.expose.service.grpcPort, or .expose.router.gateway.grpcRoutesEnabled=false\n" $name $name }}
  {{- end }}
  {{- $taken := dict }}
  {{- range include "nimhelm.service.ports" . | fromJsonArray }}
    {{- $port := int .port | toString }}
    {{- with get $taken $port }}
      {{- printf "%s has port %s twice: change one of port, grpcPort and metricsPort under %s.expose.service\n" $name $port $name }}
    {{- end }}
    {{- $_ := set $taken $port .name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.service.problems.scale" -}}
  {{- $name := .Chart.Name }}
  {{- $scale := .Values.scale }}
  {{- if $scale.enabled }}
    {{- $most := $scale.hpa.maxReplicas | int }}
    {{- if include "nimhelm.service.replicas" . }}
      {{- printf "%s has a fixed number of replicas and an autoscaler: set %s.replicas=null, or .scale.enabled=false\n" $name $name }}
    {{- end }}
    {{- if lt $most 1 }}
      {{- printf "%s's autoscaler has no upper bound: set %s.scale.hpa.maxReplicas\n" $name $name }}
    {{- else if gt (int $scale.hpa.minReplicas) $most }}
      {{- printf "%s's autoscaler has minReplicas %d above maxReplicas %d: change them under %s.scale.hpa\n" $name (int $scale.hpa.minReplicas) $most $name }}
    {{- end }}
    {{- if .Values.multiNode }}
      {{- printf "%s runs on several nodes and cannot be autoscaled: set %s.scale.enabled=false\n" $name $name }}
    {{- end }}
  {{- end }}
{{- end }}

{{- define "nimhelm.service.problems.platform" -}}
  {{- $name := .Chart.Name }}
  {{- if .Values.global.nimhelm.restricted }}
    {{- if .Values.storage.hostPath }}
      {{- printf "%s keeps its model in a folder of the node, which Pod Security \"restricted\" forbids: change %s.storage, or set global.nimhelm.restricted=false\n" $name $name }}
    {{- end }}
    {{- if not (int64 .Values.userID) }}
      {{- printf "%s runs as root, which Pod Security \"restricted\" forbids: set %s.userID, or set global.nimhelm.restricted=false\n" $name $name }}
    {{- end }}
    {{- if include "nimhelm.service.certConfigMap" . }}
      {{- printf "%s adds certificates as root, which Pod Security \"restricted\" forbids: leave out %s.proxy.certConfigMap, or set global.nimhelm.restricted=false\n" $name $name }}
    {{- end }}
  {{- end }}
  {{- if and (kindIs "map" .Values.multiNode.ray) (kindIs "map" .Values.multiNode.mpi) }}
    {{- printf "%s starts its nodes both with MPI and with Ray: leave out %s.multiNode.mpi or .ray\n" $name $name }}
  {{- end }}
  {{- with .Values.multiNode.computeDomain }}
    {{- if not (or (get . "create") (get . "claimTemplateName")) }}
      {{- printf "%s joins a compute domain whose claim template is not known: set %s.multiNode.computeDomain.claimTemplateName, or .create=true\n" $name $name }}
    {{- end }}
  {{- end }}
  {{- if eq .Values.inferencePlatform "kserve" }}
    {{- if .Values.multiNode }}
      {{- printf "%s cannot run on several nodes with KServe: leave out %s.multiNode, or set .inferencePlatform=standalone\n" $name $name }}
    {{- end }}
    {{- if eq (include "nimhelm.service.kserveMode" .) "Knative" }}
      {{- $router := .Values.expose.router }}
      {{- if or .Values.scale.enabled .Values.expose.ingress.enabled $router.ingress.ingressClass $router.gateway.name .Values.metrics.enabled }}
        {{- printf "%s runs serverless, where Knative scales and routes: switch off scale, expose.ingress, expose.router and metrics of %s\n" $name $name }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
