{{- /*
Refuses values that the API server would reject, or that would never become ready, and names the value to change.
`nimhelm build` checks the pipeline, but every install can change the values. A problem is one line of text.

A service          nimhelm.v3.problems, from its values alone
The pipeline       nimhelm.v3.pipelineProblems: services, caches and names beside each other, and upgrades
An upgrade         nimhelm.v3.problems.updates: objects that are there beside those that are wanted
*/}}

{{- /* Tells what is wrong. Takes name, which stands for {} in the texts, and texts (text -> whether it is so). */}}
{{- define "nimhelm.v3.problems.told" -}}
  {{- range $text, $isWrong := .texts }}{{ if $isWrong }}{{ replace "{}" $.name $text }}{{ "\n" }}{{ end }}{{ end }}
{{- end }}

{{- /* Every problem of the values of a service. */}}
{{- define "nimhelm.v3.problems" -}}
  {{- $nim := .nim }}
  {{- $values := .Values }}
  {{- $image := $values.image }}
  {{- $nodes := $values.multiNode }}
  {{- $domain := get $nodes "computeDomain" }}
  {{- $router := $values.expose.router }}
  {{- $ingress := $router.ingress.ingressClass }}
  {{- $gateway := $router.gateway.name }}
  {{- $strict := eq $nim.openshift "restricted" }}
  {{- $scc := print "which OpenShift's restricted-v2 forbids: set global.nimhelm.openshift=scc, which needs the right to use the constraint " $nim.scc }}
  {{- include "nimhelm.v3.problems.told" (dict "name" $nim.name "texts" (dict
    "{} has no image: set {}.image.repository" (not $image.repository)
    "{}'s image has no tag: set {}.image.tag" (and $image.repository (not $image.tag))
    "{}'s image has two digests: take one out of {}.image.tag or .image.digest" (and $image.repository $image.tag $image.digest (contains "@" $image.tag))
    "{} has resources.claims, which are not used: list the devices in {}.draResources" $values.resources.claims
    "{} is routed by an Ingress and by a Gateway: empty {}.expose.router.ingress.ingressClass or .gateway.name" (and $ingress $gateway)
    "{} has a route without a host: set {}.expose.router.hostDomainName, or .hosts" (and (or $ingress $gateway) (not $router.hostDomainName) (not $router.hosts))
    "{} has two Ingresses: set {}.expose.ingress.enabled=false, or empty .expose.router.ingress.ingressClass" (and $ingress $values.expose.ingress.enabled)
    "{} has a GRPCRoute to no port: set {}.expose.service.grpcPort, or .expose.router.gateway.grpcRoutesEnabled=false"
      (and $gateway $router.gateway.grpcRoutesEnabled (not $values.expose.service.grpcPort))
    "{} has an endpoint picker without an image: set {}.expose.router.eppConfig.containerSpec"
      (and $router.eppConfig (not (dig "containerSpec" "image" "repository" "" $router.eppConfig)))
    "{} starts its nodes both with MPI and with Ray: leave out {}.multiNode.mpi or .ray" (and (kindIs "map" $nodes.ray) (kindIs "map" $nodes.mpi))
    "{} joins a compute domain whose claim template is not known: set {}.multiNode.computeDomain.claimTemplateName, or .create=true"
      (and $domain (not (get $domain "create")) (not (get $domain "claimTemplateName")))
    "{} cannot run on several nodes with KServe: leave out {}.multiNode, or set .inferencePlatform=standalone"
      (and $nodes.parallelism (eq $nim.workload "InferenceService"))
    "{} runs serverless, where Knative scales and routes: switch off scale, expose.ingress, expose.router and metrics of {}"
      (and $nim.knative (or $ingress $gateway $values.scale.enabled $values.expose.ingress.enabled $values.metrics.enabled))
    (printf "{} adds certificates as root, %s, or change {}.proxy.certConfigMap" $scc) (and $strict $nim.certificates)
    (printf "{} keeps its model in a folder of the node, %s, or change {}.storage" $scc) (and $strict $values.storage.hostPath (not $nim.certificates))
    "the gates of {} run as the user of the mesh's proxy, which OpenShift's restricted-v2 forbids: leave out global.nimhelm.mesh and use native sidecars, or set global.nimhelm.openshift=scc"
      (and $strict $nim.gates $nim.global.mesh))) }}
  {{- include "nimhelm.v3.problems.storage" . }}
  {{- include "nimhelm.v3.problems.scale" . }}
  {{- include "nimhelm.v3.problems.entries" . }}
  {{- if $nim.global.restricted }}
    {{- include "nimhelm.v3.problems.restricted" (dict "title" $nim.name "path" $nim.name "hostPath" $values.storage.hostPath
      "user" (int64 $values.userID) "certificates" $nim.certificates) }}
  {{- end }}
  {{- if or $values.initContainers $values.sidecarContainers $values.volumes $values.volumeMounts (regexMatch "[.]|:cache-" (toString $values.dependencies)) }}
    {{- include "nimhelm.v3.problems.pod" (dict "owner" $nim.name "spec" (include "nimhelm.v3.podSpec" .)) }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v3.problems.storage" -}}
  {{- $storage := .Values.storage }}
  {{- $cache := $storage.nimCache }}
  {{- $pvc := $storage.pvc }}
  {{- $given := list
    (and (or $cache.name $cache.profile) "nimCache")
    (and (or $pvc.create $pvc.name $pvc.size) "pvc")
    (and (kindIs "map" $storage.emptyDir) "emptyDir")
    (and $storage.hostPath "hostPath")
    (and $storage.image.reference "image") | compact }}
  {{- $only := join " " $given }}
  {{- $kubernetes := .Capabilities.KubeVersion.Version }}
  {{- include "nimhelm.v3.problems.told" (dict "name" .Chart.Name "texts" (dict
    "{} has no place for its model: set one of nimCache, pvc, emptyDir, hostPath and image under {}.storage" (not $given)
    (printf "{} keeps its model in several places (%s): leave one of them, and set the others to null ({}.storage.%s=null)" (join ", " $given) (join "=null, {}.storage." $given))
      (gt (len $given) 1)
    "{} asks for a profile of no cache: set {}.storage.nimCache.name" (and (eq $only "nimCache") (not $cache.name))
    "{} names no claim: set {}.storage.pvc.name, or create=true to have one made" (and (eq $only "pvc") (not $pvc.create) (not $pvc.name))
    "{} creates a claim without a size: set {}.storage.pvc.size" (and (eq $only "pvc") $pvc.create (not $pvc.size))
    "{} keeps compiled code beside its model, which is read-only: set {}.storage.compileCache=false"
      (and $storage.compileCache (or $storage.readOnly $storage.image.reference))
    (printf "{} takes its model from an image, which needs Kubernetes 1.33 or newer (this one is %s): change {}.storage" $kubernetes)
      (and $storage.image.reference .nim.onCluster (semverCompare "<1.33.0-0" $kubernetes)))) }}
{{- end }}

{{- define "nimhelm.v3.problems.scale" -}}
  {{- $scale := .Values.scale }}
  {{- $hpa := $scale.hpa }}
  {{- $keda := $scale.keda }}
  {{- $types := list }}
  {{- range $keda.triggers }}{{ $types = append $types .type }}{{ end }}
  {{- include "nimhelm.v3.problems.told" (dict "name" .Chart.Name "texts" (dict
    (printf "{} has a fixed number of replicas and an autoscaler: set {}.replicas=null, or .scale%s.enabled=false" (ternary "" ".keda" $scale.enabled))
      (and .nim.autoscaled .nim.hasReplicas)
    "{} runs on several nodes and cannot be autoscaled: set {}.scale.enabled=false" (and $scale.enabled .Values.multiNode.parallelism)
    "{}'s autoscaler has no upper bound: set {}.scale.hpa.maxReplicas" (and $scale.enabled (lt (int $hpa.maxReplicas) 1))
    (printf "{}'s autoscaler has minReplicas %d above maxReplicas %d: change them under {}.scale.hpa" (int $hpa.minReplicas) (int $hpa.maxReplicas))
      (and $scale.enabled (ge (int $hpa.maxReplicas) 1) (gt (int $hpa.minReplicas) (int $hpa.maxReplicas)))
    "{} has two autoscalers, an HPA and KEDA: set {}.scale.enabled=false, or .scale.keda.enabled=false" (and $keda.enabled $scale.enabled)
    (printf "{} is a %s, which KEDA does not scale here: set {}.scale.keda.enabled=false" .nim.workload) (and $keda.enabled (ne .nim.workload "Deployment"))
    "{}'s autoscaler has no upper bound: set {}.scale.keda.maxReplicaCount" (and $keda.enabled (lt (int $keda.maxReplicaCount) 1))
    (printf "{}'s autoscaler has minReplicaCount %d above maxReplicaCount %d: change them under {}.scale.keda" (int $keda.minReplicaCount) (int $keda.maxReplicaCount))
      (and $keda.enabled (ge (int $keda.maxReplicaCount) 1) (gt (int $keda.minReplicaCount) (int $keda.maxReplicaCount)))
    "{}'s autoscaler has idleReplicaCount 0, not below minReplicaCount 0: leave out {}.scale.keda.idleReplicaCount"
      (and $keda.enabled (hasKey $keda "idleReplicaCount") (not (int $keda.minReplicaCount)))
    "{}'s autoscaler looks at nothing: set {}.scale.keda.triggers" (and $keda.enabled (not $types))
    "{}'s autoscaler scales to zero, where no pod is left whose cpu or memory it could look at: add a trigger of another type to {}.scale.keda.triggers, or set .minReplicaCount=1"
      (and $keda.enabled $types .nim.sleeps (not (without $types "cpu" "memory"))))) }}
{{- end }}

{{- /* Entries of the lists and maps of a service: its dependencies, ports, resources and devices. */}}
{{- define "nimhelm.v3.problems.entries" -}}
  {{- $name := .Chart.Name }}
  {{- $seen := list }}
  {{- range .Values.dependencies }}
    {{- if has .name $seen }}{{ printf "%s lists the dependency %s twice: leave one in its dependencies\n" $name .name }}{{ end }}
    {{- $seen = append $seen .name }}
  {{- end }}
  {{- $seen = list }}
  {{- range .nim.ports }}
    {{- if has .port $seen }}{{ printf "%s has port %d twice: change one of port, grpcPort and metricsPort under %[1]s.expose.service\n" $name .port }}{{ end }}
    {{- $seen = append $seen .port }}
  {{- end }}
  {{- range $key, $limit := .Values.resources.limits }}
    {{- $request := get $.Values.resources.requests $key | default $limit }}
    {{- if and (include "nimhelm.v3.isExtended" $key) (ne (include "nimhelm.v3.count" $request) (include "nimhelm.v3.count" $limit)) }}
      {{- printf "%s requests %v %s but is limited to %v, and Kubernetes wants the two equal: set both under %[1]s.resources\n" $name $request $key $limit }}
    {{- end }}
  {{- end }}
  {{- range $index, $device := .Values.draResources }}
    {{- $hasOne := eq 1 (list .resourceClaimName .resourceClaimTemplateName .claimCreationSpec | compact | len) }}
    {{- include "nimhelm.v3.problems.told" (dict "name" (printf "%s.draResources[%d]" $name $index) "texts" (dict
      "{} is to have one of resourceClaimName, resourceClaimTemplateName and claimCreationSpec" (not $hasOne)
      "{} shares one claim among several replicas: use resourceClaimTemplateName" (and $hasOne .resourceClaimName (or $.nim.autoscaled (gt $.nim.replicas 1))))) }}
  {{- end }}
{{- end }}

{{- /* Takes title (how a message calls the pods), path (of their values), hostPath, user and certificates. */}}
{{- define "nimhelm.v3.problems.restricted" -}}
  {{- $forbids := ", which Pod Security \"restricted\" forbids" }}
  {{- $or := ", or set global.nimhelm.restricted=false" }}
  {{- include "nimhelm.v3.problems.told" (dict "name" .path "texts" (dict
    (print .title " keeps its model in a folder of the node" $forbids ": change {}.storage" $or) .hostPath
    (print .title " runs as root" $forbids ": set {}.userID" $or) (not .user)
    (print .title " adds certificates as root" $forbids ": leave out {}.proxy.certConfigMap" $or) .certificates)) }}
{{- end }}

{{- define "nimhelm.v3.problems.pod" -}}
  {{- $spec := fromYaml .spec }}
  {{- $names := list }}
  {{- range concat (get $spec "initContainers" | default list) $spec.containers }}
    {{- $container := print "container " .name }}
    {{- range ternary list .volumeMounts (has $container $names) }}{{ $names = append $names (print $container "'s mount " .mountPath) }}{{ end }}
    {{- $names = append $names $container }}
  {{- end }}
  {{- range $spec.volumes }}{{ $names = append $names (print "volume " .name) }}{{ end }}
  {{- range $index, $name := $names }}
    {{- if has $name (slice $names 0 $index) }}{{ printf "%s has the %s twice: rename one\n" $.owner $name }}{{ end }}
  {{- end }}
{{- end }}

{{- /* Problems of the pipeline as a whole. The templates above check each service. */}}
{{- define "nimhelm.v3.pipelineProblems" -}}
  {{- $nim := .nim }}
  {{- $global := $nim.global }}
  {{- $built := index (.Chart.Annotations | default dict) "nimhelm.dev/values-digest" }}
  {{- if and $built $global.valuesDigest (ne $built $global.valuesDigest) }}
    {{- print "the values are those of another build of this chart: upgrade with --reset-then-reuse-values instead of --reuse-values, and take global.nimhelm.valuesDigest out of your values files\n" }}
  {{- end }}
  {{- range keys (pick (dig "spec" dict $global.podTemplate) "containers" "initContainers") }}
    {{- printf "global.nimhelm.podTemplate.spec.%s is of all pods, and each has other containers: set <service>.podTemplate.spec.%[1]s\n" . }}
  {{- end }}
  {{- $filled := list }}
  {{- range $nim.services }}{{ if and .nim.runs .nim.fillsCache }}{{ $filled = append $filled .nim.cache }}{{ end }}{{ end }}
  {{- range $name, $service := $nim.byName }}
    {{- range ternary .nim.gates list .nim.enabled }}
      {{- if .dependency }}
        {{- include "nimhelm.v3.problems.dependency" (dict "services" $nim.byName "name" $name "dependency" .dependency) }}
      {{- else if not (hasKey $nim.caches .cache.name) }}
        {{- printf "%s waits for the cache %s, which this release does not fill: set nimCaches.%[2]s.enabled=true, or %[1]s.storage.nimCache.wait.enabled=false\n" $name .cache.name }}
      {{- end }}
    {{- end }}
    {{- $cache := get $nim.caches .nim.cache | default (dict "claim" "" "filledBy" "") }}
    {{- include "nimhelm.v3.problems.told" (dict "name" $name "texts" (dict
      (printf "{} looks for the cache %s in the claim %v, and it is filled in %s: set {}.storage.nimCache.claimName=%[3]s" .nim.cache .nim.claim $cache.claim)
        (and .nim.enabled $cache.claim (ne $cache.claim .nim.claim))
      (printf "{} waits for the cache %s, which a service is to fill, and none does: set nimCaches.%[1]s.filledBy=job, or {}.storage.nimCache.fill.enabled=true" .nim.cache)
        (and .nim.runs (eq $cache.filledBy "service") (not (has .nim.cache $filled)) .Values.storage.nimCache.wait.enabled (not $global.keepOperatorPods)))) }}
    {{- if and .nim.enabled .nim.ownsService }}{{ include "nimhelm.v3.problems.kubernetesService" . }}{{ end }}
  {{- end }}
  {{- range $name, $box := $nim.caches }}
    {{- $path := print "nimCaches." $name }}
    {{- $sources := pick (get .cache "source") "dataStore" "hf" "ngc" | keys | sortAlpha }}
    {{- if gt (len $sources) 1 }}{{ printf "%s.source has several sources (%s): leave one, and set the others to null\n" $path (join ", " $sources) }}{{ end }}
    {{- if $global.restricted }}
      {{- include "nimhelm.v3.problems.restricted" (dict "title" (print "the download of " $name) "path" $path "hostPath" (dig "storage" "hostPath" "" .cache)
        "user" (dig "userID" 1000 .cache | int64) "certificates" (dig "proxy" "certConfigMap" "" .cache)) }}
    {{- end }}
    {{- if get .cache "initContainers" }}{{ include "nimhelm.v3.problems.pod" (dict "owner" $path "spec" (include "nimhelm.v3.cache.podSpec" $box)) }}{{ end }}
  {{- end }}
  {{- include "nimhelm.v3.problems.names" . }}
  {{- if $nim.onCluster }}{{ include "nimhelm.v3.problems.updates" . }}{{ end }}
{{- end }}

{{- /*
A gate on a dependency that can never answer. A dependency without a gate may be missing. `--set` cannot change one
entry of a list, so the way out is to switch off all waits of the service. Takes services (by name), name and
dependency.
*/}}
{{- define "nimhelm.v3.problems.dependency" -}}
  {{- $wait := get .dependency "wait" | default dict }}
  {{- $target := .dependency.name }}
  {{- $port := int .dependency.port }}
  {{- $isKnown := hasKey .services $target }}
  {{- $nim := get (get .services $target | default dict) "nim" | default dict }}
  {{- $ports := list }}
  {{- range get $nim "ports" | default list }}{{ $ports = append $ports .port }}{{ end }}
  {{- if not .dependency.external }}
    {{- /* A gate with its own host or port does not ask the Service. */}}
    {{- include "nimhelm.v3.problems.told" (dict "name" .name "texts" (dict
      (printf "{} depends on %s, which is not a service of this chart: set external=true for it in {}.dependencies, or take it out" $target) (not $isKnown)
      (printf "{} depends on %s, which is disabled: set %[1]s.enabled=true, or {}.wait.enabled=false to start without it" $target)
        (and $isKnown (not $nim.enabled) (not (get $wait "optional")))
      (printf "{} depends on %s, which has no replicas: set %[1]s.replicas, or {}.wait.enabled=false to start without it" $target)
        (and $nim.enabled (not $nim.runs))
      (printf "{} depends on port %d of %s, which serves %s: change the port in {}.dependencies or in %[2]s.expose.service" $port $target (join ", " $ports))
        (and $nim.runs $nim.ownsService (not (has $port $ports)) (not $wait.host) (not $wait.port)))) }}
  {{- end }}
{{- end }}

{{- /* Fields of a Service that its type does not have. */}}
{{- define "nimhelm.v3.problems.kubernetesService" -}}
  {{- $path := print .nim.name ".expose.service" }}
  {{- $spec := dict }}
  {{- include "nimhelm.v3.serviceSpec" (dict "root" . "spec" $spec) }}
  {{- $external := "NodePort or LoadBalancer" }}
  {{- $needs := dict "loadBalancerClass" "LoadBalancer" "loadBalancerSourceRanges" "LoadBalancer" "externalTrafficPolicy" $external "nodePort" $external }}
  {{- range $field, $types := $needs }}
    {{- if and (or (get $spec $field) (and (eq $field "nodePort") (get (first $spec.ports) $field))) (not (contains $spec.type $types)) }}
      {{- printf "%s.%s needs a Service of type %s, and this one is %s: set %[1]s.type=LoadBalancer, or take it out\n" $path $field $types $spec.type }}
    {{- end }}
  {{- end }}
  {{- include "nimhelm.v3.problems.told" (dict "name" $path "texts" (dict
    (printf "the Service %s of type ExternalName names no host: set {}.overlay.externalName" .nim.name)
      (and (eq $spec.type "ExternalName") (not (get $spec "externalName")))
    "{}.overlay.sessionAffinityConfig is of clients that stay with a pod: set {}.sessionAffinity=ClientIP, or take it out"
      (and (get $spec "sessionAffinityConfig") (ne (get $spec "sessionAffinity") "ClientIP")))) }}
{{- end }}

{{- /*
Two objects of one kind and name: Helm stops at the second. The first lines of objects are read: to parse them is slow.
All subcharts share .Release, where the pipelines of one parent find the names.
*/}}
{{- define "nimhelm.v3.problems.names" -}}
  {{- $prefix := include "nimhelm.v3.prefix" . }}
  {{- $made := list }}
  {{- range list "scripts" "nimpipeline" }}{{ $made = append $made (dict "owner" "pipeline" "object" (print ". ConfigMap " $prefix "-" .)) }}{{ end }}
  {{- range .nim.services }}
    {{- $name := .nim.name }}
    {{- if hasKey $.Subcharts $name }}
      {{- range regexFindAll "(?m)^apiVersion: .*\nkind: .*\nmetadata:\n  name: .*$" (include "nimhelm.v3.objects" .) -1 }}
        {{- $words := regexSplit "\\s+" . -1 }}
        {{- $made = append $made (dict "owner" $name "object" (printf "%s %s %s" (index $words 1 | dir) (index $words 3) (last $words | trimAll "\""))) }}
      {{- end }}
      {{- if $.nim.global.networkPolicy.enabled }}{{ $made = append $made (dict "owner" $name "object" (print "networking.k8s.io NetworkPolicy " $name)) }}{{ end }}
    {{- end }}
    {{- if include "nimhelm.v3.hasReadyService" . }}
      {{- $made = append $made (dict "owner" $name "object" (include "nimhelm.v3.readyName" $name | print ". Service ")) }}
    {{- end }}
  {{- end }}
  {{- range .nim.caches }}
    {{- if get .pvc "create" }}{{ $made = append $made (dict "owner" (print "nimCaches." .name) "object" (print ". PersistentVolumeClaim " .claim)) }}{{ end }}
  {{- end }}
  {{- range .Values.extraObjects }}
    {{- if and (not (dig "metadata" "annotations" "helm.sh/hook" "" .)) (has (dig "metadata" "namespace" "" .) (list "" $.Release.Namespace)) }}
      {{- $made = append $made (dict "owner" "extraObjects" "object" (printf "%s %s %s" (dir .apiVersion) .kind .metadata.name)) }}
    {{- end }}
  {{- end }}
  {{- $owners := .Release.nimhelm | default dict }}
  {{- $_ := set .Release "nimhelm" $owners }}
  {{- $here := print .Chart.Name "." }}
  {{- range $made }}
    {{- $other := get $owners .object | trimPrefix $here }}
    {{- if $other }}{{ printf "%s and %s both make the %s: rename one\n" $other .owner (regexReplaceAll "^\\S+ " .object "") }}{{ end }}
    {{- $_ := set $owners .object (print $here .owner) }}
  {{- end }}
{{- end }}

{{- /*
Updates that Kubernetes refuses. They are refused here, before an upgrade applies anything. The place of an object in the
values has path, and what they call its fields.
*/}}
{{- define "nimhelm.v3.problems.updates" -}}
  {{- $claim := dict "kind" "claim" "storageClassName" "storageClass" "accessModes" "volumeAccessMode" "storage" "size"
    "volumeName" "volumeName" "selector" "selector" "dataSource" "dataSource" }}
  {{- range .nim.services }}
    {{- $class := ternary "overlay.loadBalancerClass" "loadBalancerClass" (hasKey .Values.expose.service.overlay "loadBalancerClass") }}
    {{- $place := dict
      "PersistentVolumeClaim" (mergeOverwrite (dict "path" (print .nim.name ".storage.pvc")) $claim)
      "Service" (dict "path" (print .nim.name ".expose.service") "loadBalancerClass" $class
        "clusterIP" "overlay.clusterIP" "ipFamilies" "overlay.ipFamilies" "healthCheckNodePort" "overlay.healthCheckNodePort")
      "ComputeDomain" (dict "path" (print .nim.name ".multiNode") "numNodes" "parallelism.pipeline")
      "InferenceService" (dict "path" (print .nim.name ".annotations") "serving.kserve.io/deploymentMode" "serving.kserve.io/deploymentMode") }}
    {{- $names := list .nim.name .nim.claim }}
    {{- range regexSplit "(?m)^---$" (get .nim "objects") -1 }}
      {{- $kind := regexFind "(?m)^kind: .*" . | trimPrefix "kind: " }}
      {{- if hasKey $place $kind }}
        {{- $new := fromYaml . }}
        {{- if has $new.metadata.name $names }}{{ include "nimhelm.v3.problems.update" (dict "root" $ "new" $new "place" (get $place $kind)) }}{{ end }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- range .nim.caches }}
    {{- if get .pvc "create" }}
      {{- $new := include "nimhelm.v3.claim" (dict "root" $ "name" .claim "pvc" .pvc) | fromYaml }}
      {{- $place := mergeOverwrite (dict "path" (printf "nimCaches.%s.storage.pvc" .name)) $claim }}
      {{- include "nimhelm.v3.problems.update" (dict "root" $ "new" $new "place" $place) }}
    {{- end }}
  {{- end }}
  {{- range .Values.extraObjects }}
    {{- /* Helm makes hooks anew. */}}
    {{- if not (hasKey (dig "metadata" "annotations" dict .) "helm.sh/hook") }}{{ include "nimhelm.v3.problems.update" (dict "root" $ "new" . "place" dict) }}{{ end }}
  {{- end }}
{{- end }}

{{- /*
The update of one object. Takes root, new (the object that is wanted) and place: see above; empty for an object of
extraObjects. files/immutable.json has the fields that stay, by group and kind. The API server takes a `default` for one that is
left out, or fills in "parts" of it, or the "whole". "later": anybody may set it. "once": an update may set it. One may change while
that of `unless` is set, and one of an Indexed job if it stays equal to that of `tandem`.
*/}}
{{- define "nimhelm.v3.problems.update" -}}
  {{- $new := .new }}
  {{- $place := .place }}
  {{- $name := $new.metadata.name }}
  {{- $namespace := ternary "" (dig "metadata" "namespace" .root.Release.Namespace $new) (regexMatch "^Cluster|Class$|^PersistentVolume$" $new.kind) }}
  {{- $what := printf "the %s %s%s" (get $place "kind" | default $new.kind) $name (ternary " of extraObjects" "" (empty $place)) }}
  {{- $else := printf "delete it first with kubectl delete %s %s%s" (lower $new.kind) $name (ternary "" (print " -n " $namespace) (empty $namespace)) }}
  {{- if get $place "kind" }}{{ $else = printf "choose another %s.name for a new claim, or delete the claim %s and its data first" $place.path $name }}{{ end }}
  {{- $live := dict }}
  {{- if .root.Capabilities.APIVersions.Has (print $new.apiVersion "/" $new.kind) }}{{ $live = lookup $new.apiVersion $new.kind $namespace $name }}{{ end }}
  {{- $fixed := ternary (.root.Files.Get "files/immutable.json") "{}" (not (empty $live)) | fromJson }}
  {{- $kind := print (dir $new.apiVersion) "/" $new.kind | trimPrefix "./" }}
  {{- if hasKey $fixed $kind }}
    {{- $rules := get $fixed $kind }}
    {{- include "nimhelm.v3.liveRules" (dict "kind" $kind "live" $live "new" $new "rules" $rules "isOwn" (not (empty $place))) }}
    {{- range $path, $rule := $rules }}
      {{- $has := $live }}
      {{- $wanted := $new }}
      {{- $keys := splitList " " $path }}
      {{- range $keys }}
        {{- $has = index ($has | default dict) . }}
        {{- $wanted = index ($wanted | default dict) . }}
      {{- end }}
      {{- if get $rule "first" }}{{ $has = first ($has | default list) }}{{ $wanted = first $wanted }}{{ end }}
      {{- $filled := get $rule "filled" }}
      {{- $may := or (and (kindIs "invalid" $wanted) (has $filled (list "whole" "later"))) (and (kindIs "invalid" $has) (has $filled (list "later" "once"))) }}
      {{- with get $rule "unless" }}{{ $may = dig "spec" . false $live }}{{ end }}
      {{- if kindIs "invalid" $has }}{{ $has = index $rule "default" }}{{ end }}
      {{- if kindIs "invalid" $wanted }}{{ $wanted = index $rule "default" }}{{ end }}
      {{- with get $rule "tandem" }}
        {{- $may = and (eq "Indexed" (dig "spec" "completionMode" "" $live)) (eq (toString $wanted) (dig "spec" . 1 $new | toString)) }}
      {{- end }}
      {{- $same := include "nimhelm.v3.covers" (dict "has" $has "wanted" $wanted "exact" (not $filled)) }}
      {{- if or (get $rule "why") (not (or $may $same)) }}
        {{- $was := toJson $has }}
        {{- $why := print "cannot change its " (last $keys) }}
        {{- if not (contains "{" (print $was (toJson $wanted))) }}
          {{- /* "-" is an empty class in the values, too. */}}
          {{- $was = regexReplaceAll "[]\"[]" $was "" | default "-" }}
          {{- $why = printf "%s from %s to %s" $why $was (regexReplaceAll "[]\"[]" (toJson $wanted) "" | default "-") }}
        {{- end }}
        {{- $back := get $rule "back" | default "set it back" }}
        {{- with get $place (last $keys) }}{{ $back = printf "set %s.%s=%s" $place.path . $was }}{{ end }}
        {{- printf "%s %s: %s, or %s\n" $what (get $rule "why" | default $why) $back $else }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
Adds rules that depend on the object that is there. One with `why` says what is refused. Takes kind (with its group), live, new,
rules, and isOwn (whether the chart makes the object).
*/}}
{{- define "nimhelm.v3.liveRules" -}}
  {{- $rules := .rules }}
  {{- $old := get .live "spec" | default dict }}
  {{- $spec := get .new "spec" | default dict }}
  {{- if eq .kind "Service" }}
    {{- $types := list (get $old "type") (get $spec "type") }}
    {{- /* A headless Service stays headless. What else is left out stays as it is. */}}
    {{- range $field, $stays := dict
      "clusterIP" (or (get $spec "clusterIP") (eq "None" (get $old "clusterIP")))
      "healthCheckNodePort" (and (get $spec "healthCheckNodePort") (get $old "healthCheckNodePort"))
      "ipFamilies" (and (kindIs "slice" (get $spec "ipFamilies")) (get $spec "ipFamilies"))
      "loadBalancerClass" (not (without $types "LoadBalancer")) }}
      {{- if and $stays (not (has "ExternalName" $types)) }}{{ $_ := set $rules (print "spec " $field) (dict "first" (eq $field "ipFamilies")) }}{{ end }}
    {{- end }}
  {{- else if eq .kind "PersistentVolumeClaim" }}
    {{- /* What the values gave cannot be left out. Kubernetes fills in the class and the volume that it finds. */}}
    {{- if dig "metadata" "annotations" "nimhelm.dev/storage-class" "" .live }}{{ $_ := set $rules "spec storageClassName" dict }}{{ end }}
    {{- range ternary (dig "metadata" "managedFields" list .live) list .isOwn }}
      {{- if and (ne .manager "kube-controller-manager") (hasKey (dig "fieldsV1" "f:spec" dict .) "f:volumeName") }}{{ $_ := set $rules "spec volumeName" dict }}{{ end }}
    {{- end }}
    {{- $has := dig "resources" "requests" "storage" "0" $old }}
    {{- $wanted := dig "resources" "requests" "storage" "" $spec }}
    {{- $more := subf (include "nimhelm.v3.quantity" $wanted) (include "nimhelm.v3.quantity" $has) }}
    {{- $isBound := eq "Bound" (dig "status" "phase" "" .live) }}
    {{- $why := ternary "has %s and cannot shrink to %v" (ternary "" "has %s and cannot grow to %v before it is bound" $isBound) (lt $more 0.0) }}
    {{- if and $why $more }}{{ $_ := set $rules "spec resources requests storage" (dict "why" (printf $why $has $wanted)) }}{{ end }}
  {{- else if get .live "immutable" }}
    {{- $data := mergeOverwrite dict (get .new "binaryData" | default dict) (get .new "data" | default dict) }}
    {{- range $key, $text := get .new "stringData" | default dict }}{{ $_ := set $data $key (b64enc $text) }}{{ end }}
    {{- $has := mergeOverwrite dict (get .live "binaryData" | default dict) (get .live "data" | default dict) }}
    {{- if not (and (get .new "immutable") (eq (toJson $has) (toJson $data))) }}
      {{- $_ := set $rules "data" (dict "why" "is immutable, and its data would change" "back" "give it another name") }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
Whether an object that is there has all that is wanted. What is not wanted may be there, and a quantity may be written
another way, but for "exact". Takes has, wanted and exact.
*/}}
{{- define "nimhelm.v3.covers" -}}
  {{- $has := .has }}
  {{- /* An empty string is a value, such as that of no storage class. */}}
  {{- $covers := or (eq (toJson $has) (toJson .wanted)) (and (empty $has) (empty .wanted) (not (kindIs "string" $has))) }}
  {{- $areMaps := and (kindIs "map" .wanted) (kindIs "map" $has) }}
  {{- if .exact }}
  {{- else if or $areMaps (and (kindIs "slice" .wanted) (kindIs "slice" $has) (eq (len .wanted) (len $has))) }}
    {{- $covers = true }}
    {{- range $key, $value := .wanted }}
      {{- $covers = and $covers (or (kindIs "invalid" $value) (include "nimhelm.v3.covers" (dict "has" (index $has $key) "wanted" $value "exact" false))) }}
    {{- end }}
  {{- else if regexMatch "^[0-9.]+[a-zA-Z]* [0-9.]+[a-zA-Z]*$" (printf "%v %v" $has .wanted) }}
    {{- $covers = eq (include "nimhelm.v3.quantity" $has) (include "nimhelm.v3.quantity" .wanted) }}
  {{- end }}
  {{- if $covers }}true{{ end }}
{{- end }}
