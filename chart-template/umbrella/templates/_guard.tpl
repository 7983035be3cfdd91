{{- /*
Refuses values that the API server would reject, or that would never become ready, and names the value to change.
`nimhelm build` checks the pipeline, but every install can change the values.
*/}}

{{- /* Every problem of the values, one per line. */}}
{{- define "nimhelm.v2.problems" -}}
  {{- include "nimhelm.v2.problems.image" . }}
  {{- include "nimhelm.v2.problems.storage" . }}
  {{- include "nimhelm.v2.problems.resources" . }}
  {{- include "nimhelm.v2.problems.expose" . }}
  {{- include "nimhelm.v2.problems.scale" . }}
  {{- include "nimhelm.v2.problems.platform" . }}
  {{- include "nimhelm.v2.problems.dra" . }}
  {{- $listed := dict }}
  {{- range .Values.dependencies }}
    {{- if hasKey $listed .name }}{{ printf "%s lists the dependency %s twice: leave one in its dependencies\n" $.Chart.Name .name }}{{ end }}
    {{- $_ := set $listed .name true }}
  {{- end }}
  {{- if or .Values.initContainers .Values.sidecarContainers .Values.volumes .Values.volumeMounts (regexMatch "[.]|:cache-" (toString .Values.dependencies)) }}
    {{- include "nimhelm.v2.problems.pod" (dict "owner" .Chart.Name "spec" (include "nimhelm.v2.podSpec" .)) }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.problems.image" -}}
  {{- if not .Values.image.repository }}
    {{- printf "%s has no image: set %s.image.repository\n" .Chart.Name .Chart.Name }}
  {{- else if not .Values.image.tag }}
    {{- printf "%s's image has no tag: set %s.image.tag\n" .Chart.Name .Chart.Name }}
  {{- else if and .Values.image.digest (contains "@" .Values.image.tag) }}
    {{- printf "%s's image has two digests: take one out of %s.image.tag or .image.digest\n" .Chart.Name .Chart.Name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.problems.storage" -}}
  {{- $name := .Chart.Name }}
  {{- $storage := .Values.storage }}
  {{- $pvc := $storage.pvc }}
  {{- $given := list
    (and (or $storage.nimCache.name $storage.nimCache.profile) "nimCache")
    (and (or $pvc.create $pvc.name $pvc.size) "pvc")
    (and (kindIs "map" $storage.emptyDir) "emptyDir")
    (and $storage.hostPath "hostPath")
    (and $storage.image.reference "image") | compact }}
  {{- if and $storage.image.reference .nim.onCluster (semverCompare "<1.33.0-0" .Capabilities.KubeVersion.Version) }}
    {{- printf "%s takes its model from an image, which needs Kubernetes 1.33 or newer (this one is %s): change %s.storage\n" $name .Capabilities.KubeVersion.Version $name }}
  {{- end }}
  {{- if and $storage.compileCache (or $storage.readOnly $storage.image.reference) }}
    {{- printf "%s keeps compiled code beside its model, which is read-only: set %s.storage.compileCache=false\n" $name $name }}
  {{- end }}
  {{- if not $given }}
    {{- printf "%s has no place for its model: set one of nimCache, pvc, emptyDir, hostPath and image under %s.storage\n" $name $name }}
  {{- else if gt (len $given) 1 }}
    {{- printf "%s keeps its model in several places (%s): leave one of them, and set the others to null (%s.storage.%s=null)\n" $name (join ", " $given) $name (join (printf "=null, %s.storage." $name) $given) }}
  {{- else if and $storage.nimCache.profile (not $storage.nimCache.name) }}
    {{- printf "%s asks for a profile of no cache: set %s.storage.nimCache.name\n" $name $name }}
  {{- else if and (has "pvc" $given) (not $pvc.create) (not $pvc.name) }}
    {{- printf "%s names no claim: set %s.storage.pvc.name, or create=true to have one made\n" $name $name }}
  {{- else if and $pvc.create (not $pvc.size) }}
    {{- printf "%s creates a claim without a size: set %s.storage.pvc.size\n" $name $name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.problems.resources" -}}
  {{- $name := .Chart.Name }}
  {{- range $key, $limit := .Values.resources.limits }}
    {{- if include "nimhelm.v2.isExtended" $key }}
      {{- $request := get $.Values.resources.requests $key | default $limit }}
      {{- $same := eq (toString $request) (toString $limit) }}
      {{- if include "nimhelm.v2.isDevice" $key }}
        {{- $same = eq (include "nimhelm.v2.count" $request) (include "nimhelm.v2.count" $limit) }}
      {{- end }}
      {{- if not $same }}
        {{- printf "%s requests %v %s but is limited to %v, and Kubernetes wants the two equal: set both under %s.resources\n" $name $request $key $limit $name }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- if .Values.resources.claims }}
    {{- printf "%s has resources.claims, which are not used: list the devices in %s.draResources\n" $name $name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.problems.expose" -}}
  {{- $name := .Chart.Name }}
  {{- $expose := .Values.expose }}
  {{- $router := $expose.router }}
  {{- $ingress := $router.ingress.ingressClass }}
  {{- $gateway := $router.gateway.name }}
  {{- if and $ingress $gateway }}
    {{- printf "%s is routed by an Ingress and by a Gateway: empty %s.expose.router.ingress.ingressClass or .gateway.name\n" $name $name }}
  {{- end }}
  {{- if and (or $ingress $gateway) (not $router.hostDomainName) (not $router.hosts) }}
    {{- printf "%s has a route without a host: set %s.expose.router.hostDomainName, or .hosts\n" $name $name }}
  {{- end }}
  {{- if and $expose.ingress.enabled $ingress }}
    {{- printf "%s has two Ingresses: set %s.expose.ingress.enabled=false, or empty .expose.router.ingress.ingressClass\n" $name $name }}
  {{- end }}
  {{- if and $gateway $router.gateway.grpcRoutesEnabled (not $expose.service.grpcPort) }}
    {{- printf "%s has a GRPCRoute to no port: set %s.expose.service.grpcPort, or .expose.router.gateway.grpcRoutesEnabled=false\n" $name $name }}
  {{- end }}
  {{- if and $router.eppConfig (not (dig "containerSpec" "image" "repository" "" $router.eppConfig)) }}
    {{- printf "%s has an endpoint picker without an image: set %s.expose.router.eppConfig.containerSpec\n" $name $name }}
  {{- end }}
  {{- $taken := dict }}
  {{- range .nim.ports }}
    {{- $port := toString .port }}
    {{- with get $taken $port }}
      {{- printf "%s has port %s twice: change one of port, grpcPort and metricsPort under %s.expose.service\n" $name $port $name }}
    {{- end }}
    {{- $_ := set $taken $port .name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.problems.scale" -}}
  {{- $name := .Chart.Name }}
  {{- $scale := .Values.scale }}
  {{- if and .nim.autoscaled .nim.hasReplicas }}
    {{- printf "%s has a fixed number of replicas and an autoscaler: set %s.replicas=null, or .scale%s.enabled=false\n" $name $name (ternary "" ".keda" $scale.enabled) }}
  {{- end }}
  {{- if $scale.keda.enabled }}
    {{- include "nimhelm.v2.problems.keda" . }}
  {{- end }}
  {{- if $scale.enabled }}
    {{- $least := int $scale.hpa.minReplicas }}
    {{- $most := int $scale.hpa.maxReplicas }}
    {{- if lt $most 1 }}
      {{- printf "%s's autoscaler has no upper bound: set %s.scale.hpa.maxReplicas\n" $name $name }}
    {{- else if gt $least $most }}
      {{- printf "%s's autoscaler has minReplicas %d above maxReplicas %d: change them under %s.scale.hpa\n" $name $least $most $name }}
    {{- end }}
    {{- if .Values.multiNode.parallelism }}
      {{- printf "%s runs on several nodes and cannot be autoscaled: set %s.scale.enabled=false\n" $name $name }}
    {{- end }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.problems.keda" -}}
  {{- $name := .Chart.Name }}
  {{- $keda := .Values.scale.keda }}
  {{- $least := int $keda.minReplicaCount }}
  {{- $most := int $keda.maxReplicaCount }}
  {{- if .Values.scale.enabled }}
    {{- printf "%s has two autoscalers, an HPA and KEDA: set %s.scale.enabled=false, or .scale.keda.enabled=false\n" $name $name }}
  {{- end }}
  {{- if ne .nim.workload "Deployment" }}
    {{- printf "%s is a %s, which KEDA does not scale here: set %s.scale.keda.enabled=false\n" $name .nim.workload $name }}
  {{- end }}
  {{- if lt $most 1 }}
    {{- printf "%s's autoscaler has no upper bound: set %s.scale.keda.maxReplicaCount\n" $name $name }}
  {{- else if gt $least $most }}
    {{- printf "%s's autoscaler has minReplicaCount %d above maxReplicaCount %d: change them under %s.scale.keda\n" $name $least $most $name }}
  {{- end }}
  {{- if and (hasKey $keda "idleReplicaCount") (not $least) }}
    {{- printf "%s's autoscaler has idleReplicaCount 0, not below minReplicaCount 0: leave out %s.scale.keda.idleReplicaCount\n" $name $name }}
  {{- end }}
  {{- $types := list }}
  {{- range $keda.triggers }}{{ $types = append $types .type }}{{ end }}
  {{- if not $types }}
    {{- printf "%s's autoscaler looks at nothing: set %s.scale.keda.triggers\n" $name $name }}
  {{- else if and .nim.sleeps (not (without $types "cpu" "memory")) }}
    {{- printf "%s's autoscaler scales to zero, where no pod is left whose cpu or memory it could look at: add a trigger of another type to %s.scale.keda.triggers, or set .minReplicaCount=1\n" $name $name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.problems.platform" -}}
  {{- $name := .Chart.Name }}
  {{- if and (eq .nim.openshift "restricted") (or .nim.certificates .Values.storage.hostPath) }}
    {{- printf "%s %s, which OpenShift's restricted-v2 forbids: set global.nimhelm.openshift=scc, which needs the right to use the constraint %s, or change %s.%s\n"
      $name (ternary "adds certificates as root" "keeps its model in a folder of the node" (not (empty .nim.certificates))) .nim.scc
      $name (ternary "proxy.certConfigMap" "storage" (not (empty .nim.certificates))) }}
  {{- end }}
  {{- if and .nim.global.mesh .nim.gates (eq .nim.openshift "restricted") }}
    {{- printf "the gates of %s run as the user of the mesh's proxy, which OpenShift's restricted-v2 forbids: leave out global.nimhelm.mesh and use native sidecars, or set global.nimhelm.openshift=scc\n" $name }}
  {{- end }}
  {{- if .Values.global.nimhelm.restricted }}
    {{- include "nimhelm.v2.problems.restricted" (dict "title" $name "path" $name "hostPath" .Values.storage.hostPath "user" (int64 .Values.userID) "certificates" .nim.certificates) }}
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
    {{- if .Values.multiNode.parallelism }}
      {{- printf "%s cannot run on several nodes with KServe: leave out %s.multiNode, or set .inferencePlatform=standalone\n" $name $name }}
    {{- end }}
    {{- if .nim.knative }}
      {{- $router := .Values.expose.router }}
      {{- if or .Values.scale.enabled .Values.expose.ingress.enabled $router.ingress.ingressClass $router.gateway.name .Values.metrics.enabled }}
        {{- printf "%s runs serverless, where Knative scales and routes: switch off scale, expose.ingress, expose.router and metrics of %s\n" $name $name }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* Takes title (how a message calls the pods), path (of their values), hostPath, user and certificates. */}}
{{- define "nimhelm.v2.problems.restricted" -}}
  {{- $why := printf ", which Pod Security \"restricted\" forbids: %%s %s.%%s, or set global.nimhelm.restricted=false\n" .path }}
  {{- if .hostPath }}{{ printf (print .title " keeps its model in a folder of the node" $why) "change" "storage" }}{{ end }}
  {{- if not .user }}{{ printf (print .title " runs as root" $why) "set" "userID" }}{{ end }}
  {{- if .certificates }}{{ printf (print .title " adds certificates as root" $why) "leave out" "proxy.certConfigMap" }}{{ end }}
{{- end }}

{{- define "nimhelm.v2.problems.dra" -}}
  {{- $name := .Chart.Name }}
  {{- $single := or .nim.autoscaled (gt .nim.replicas 1) }}
  {{- range $index, $resource := .Values.draResources }}
    {{- if ne 1 (list .resourceClaimName .resourceClaimTemplateName .claimCreationSpec | compact | len) }}
      {{- printf "%s.draResources[%d] is to have one of resourceClaimName, resourceClaimTemplateName and claimCreationSpec\n" $name $index }}
    {{- else if and $single .resourceClaimName }}
      {{- printf "%s.draResources[%d] shares one claim among several replicas: use resourceClaimTemplateName\n" $name $index }}
    {{- end }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.problems.pod" -}}
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
{{- define "nimhelm.v2.pipelineProblems" -}}
  {{- $nim := .nim }}
  {{- $digest := $nim.global.valuesDigest }}
  {{- $built := index (.Chart.Annotations | default dict) "nimhelm.dev/values-digest" | default "" }}
  {{- if and $digest $built (ne $digest $built) }}
    {{- printf "the values are those of another build of this chart: upgrade with --reset-then-reuse-values instead of --reuse-values, and take global.nimhelm.valuesDigest out of your values files\n" }}
  {{- end }}
  {{- range keys (pick (dig "spec" dict $nim.global.podTemplate) "containers" "initContainers") }}
    {{- printf "global.nimhelm.podTemplate.spec.%s is of all pods, and each has other containers: set <service>.podTemplate.spec.%s\n" . . }}
  {{- end }}
  {{- $filled := dict }}
  {{- range $name, $service := $nim.byName }}
    {{- if $service.nim.enabled }}
      {{- range $service.nim.gates }}
        {{- if .dependency }}
          {{- include "nimhelm.v2.problems.dependency" (dict "services" $nim.byName "name" $name "dependency" .dependency) }}
        {{- else if not (hasKey $nim.caches .cache.name) }}
          {{- printf "%s waits for the cache %s, which this release does not fill: set nimCaches.%s.enabled=true, or %s.storage.nimCache.wait.enabled=false\n" $name .cache.name .cache.name $name }}
        {{- end }}
      {{- end }}
      {{- $cache := $service.nim.cache }}
      {{- if and $service.nim.runs $service.nim.fillsCache }}{{ $_ := set $filled $cache true }}{{ end }}
      {{- with get $nim.caches $cache }}
        {{- $kept := .claim }}
        {{- if and $kept (ne $kept $service.nim.claim) }}
          {{- printf "%s looks for the cache %s in the claim %s, and it is filled in %s: set %s.storage.nimCache.claimName=%s\n" $name $cache $service.nim.claim $kept $name $kept }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- range $name, $box := $nim.caches }}
    {{- $path := print "nimCaches." $name }}
    {{- $cache := .cache }}
    {{- $pvc := .pvc }}
    {{- if get $pvc "create" }}
      {{- include "nimhelm.v2.problems.claim" (dict "root" $ "claim" .claim "pvc" $pvc "path" (print $path ".storage.pvc")) }}
    {{- end }}
    {{- if $nim.global.restricted }}
      {{- include "nimhelm.v2.problems.restricted" (dict "title" (print "the download of " $name) "path" $path
        "hostPath" (dig "storage" "hostPath" "" $cache) "user" (dig "userID" 1000 $cache | int64) "certificates" (dig "proxy" "certConfigMap" "" $cache)) }}
    {{- end }}
    {{- $sources := pick (get $cache "source") "dataStore" "hf" "ngc" | keys }}
    {{- if gt (len $sources) 1 }}
      {{- printf "nimCaches.%s.source has several sources (%s): leave one, and set the others to null\n" $name (sortAlpha $sources | join ", ") }}
    {{- end }}
    {{- if get $cache "initContainers" }}
      {{- include "nimhelm.v2.problems.pod" (dict "owner" $path "spec" (include "nimhelm.v2.cache.podSpec" $box)) }}
    {{- end }}
    {{- if and (eq "service" .filledBy) (not (hasKey $filled $name)) (not $nim.global.keepOperatorPods) }}
      {{- range $user, $service := $nim.byName }}
        {{- if and $service.nim.runs (eq $name $service.nim.cache) $service.Values.storage.nimCache.wait.enabled }}
          {{- printf "%s waits for the cache %s, which a service is to fill, and none does: set nimCaches.%s.filledBy=job, or %s.storage.nimCache.fill.enabled=true\n" $user $name $name $user }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- range $nim.services }}
    {{- if and .nim.enabled .Values.storage.pvc.create (not .nim.cache) }}
      {{- include "nimhelm.v2.problems.claim" (dict "root" $ "claim" .nim.claim "pvc" .Values.storage.pvc "path" (printf "%s.storage.pvc" .nim.name)) }}
    {{- end }}
    {{- if .nim.enabled }}{{ include "nimhelm.v2.problems.controllers" (dict "root" $ "service" .) }}{{ end }}
    {{- if and .nim.enabled .nim.ownsService }}{{ include "nimhelm.v2.problems.kubernetesService" . }}{{ end }}
  {{- end }}
  {{- include "nimhelm.v2.problems.names" . }}
  {{- include "nimhelm.v2.problems.extraObjects" . }}
{{- end }}

{{- /*
Changes of an existing claim that Kubernetes refuses. They are refused here, before the upgrade applies anything. Takes
root, claim (its name), pvc (its values) and path (of these values).
*/}}
{{- define "nimhelm.v2.problems.claim" -}}
  {{- with lookup "v1" "PersistentVolumeClaim" .root.Release.Namespace .claim }}
    {{- $claim := . }}
    {{- $refused := dict }}
    {{- $size := dig "spec" "resources" "requests" "storage" "0" . }}
    {{- with include "nimhelm.v2.sizeRefused" (dict "claim" . "new" (get $.pvc "size")) }}
      {{- $_ := set $refused "size" (list . $size) }}
    {{- end }}
    {{- $class := get $.pvc "storageClass" | default $.root.nim.global.storageClass }}
    {{- $live := dig "spec" "storageClassName" "" . | default "-" }}
    {{- $is := printf "is of the storage class %s" $live }}
    {{- if and $class (ne $class $live) }}
      {{- $_ := set $refused "storageClass" (list (printf "%s and cannot change to %s" $is $class) $live) }}
    {{- else if and (not $class) (dig "metadata" "annotations" "nimhelm.dev/storage-class" "" .) }}
      {{- $_ := set $refused "storageClass" (list (printf "%s, which cannot be left out" $is) $live) }}
    {{- end }}
    {{- $mode := get $.pvc "volumeAccessMode" | default "ReadWriteOnce" }}
    {{- $modes := dig "spec" "accessModes" list . }}
    {{- if and $modes (ne (list $mode | toJson) (toJson $modes)) }}
      {{- $_ := set $refused "volumeAccessMode" (list (printf "has the access mode %s and cannot change to %s" (join ", " $modes) $mode) (first $modes)) }}
    {{- end }}
    {{- range $field := list "volumeName" "selector" "dataSource" }}
      {{- $has := dig "spec" $field "" $claim }}
      {{- $wanted := get $.pvc $field | default "" }}
      {{- /* The volume of a claim without one is open, and one that the values leave out may have been found. */}}
      {{- $open := and (eq $field "volumeName") (or (not $has) (and (not $wanted) (not (include "nimhelm.v2.namedVolume" $claim)))) }}
      {{- if not (or $open (or (eq (toJson $has) (toJson $wanted)) (and (eq $field "dataSource") (include "nimhelm.v2.covers" (dict "has" $has "wanted" $wanted))))) }}
        {{- $back := ternary (toJson $has | trimAll "\"") "null" (not (empty $has)) }}
        {{- $_ := set $refused $field (list (printf "has the %s %s, which cannot change" $field $back) $back) }}
      {{- end }}
    {{- end }}
    {{- range $field, $said := $refused }}
      {{- printf "the claim %s %s: set %s.%s=%s, or choose another %s.name for a new claim, or delete the claim %s and its data first\n"
        $.claim (first $said) $.path $field (last $said) $.path $.claim }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* Why a claim cannot have another size, or nothing. Takes claim, which is there, and new. */}}
{{- define "nimhelm.v2.sizeRefused" -}}
  {{- $old := dig "spec" "resources" "requests" "storage" "0" .claim }}
  {{- $one := include "nimhelm.v2.quantity" $old | float64 }}
  {{- $two := include "nimhelm.v2.quantity" .new | float64 }}
  {{- if lt $two $one }}
    {{- printf "has %s and cannot shrink to %v" $old .new }}
  {{- else if and (gt $two $one) (ne "Bound" (dig "status" "phase" "" .claim)) }}
    {{- printf "has %s and cannot grow to %v before it is bound" $old .new }}
  {{- end }}
{{- end }}

{{- /* Whether somebody named the volume of a claim. Kubernetes fills in the one that it finds. */}}
{{- define "nimhelm.v2.namedVolume" -}}
  {{- range dig "metadata" "managedFields" list . }}
    {{- if and (ne .manager "kube-controller-manager") (hasKey (dig "fieldsV1" "f:spec" dict .) "f:volumeName") }}true{{ end }}
  {{- end }}
{{- end }}

{{- /*
Two objects of one kind and name: Helm stops at the second. The first lines of objects are read: to parse them is slow.
All subcharts share .Release, where the pipelines of one parent find the names.
*/}}
{{- define "nimhelm.v2.problems.names" -}}
  {{- $object := "\napiVersion: %s\nkind: %s\nmetadata:\n  name: %s" }}
  {{- $text := include "nimhelm.v2.scriptsName" . | printf $object "v1" "ConfigMap" }}
  {{- $texts := dict "pipeline" (print $text (trimSuffix "scripts" $text) "nimpipeline") }}
  {{- range .nim.services }}
    {{- $text := "" }}
    {{- if hasKey $.Subcharts .nim.name }}
      {{- $text = include "nimhelm.v2.objects" . }}
      {{- if $.nim.global.networkPolicy.enabled }}{{ $text = print $text (printf $object "networking.k8s.io/v1" "NetworkPolicy" .nim.name) }}{{ end }}
    {{- end }}
    {{- if include "nimhelm.v2.hasReadyService" . }}{{ $text = print $text (include "nimhelm.v2.readyName" .nim.name | printf $object "v1" "Service") }}{{ end }}
    {{- $_ := set $texts .nim.name $text }}
  {{- end }}
  {{- range .nim.caches }}
    {{- if get .pvc "create" }}{{ $_ := set $texts (print "nimCaches." .name) (printf $object "v1" "PersistentVolumeClaim" .claim) }}{{ end }}
  {{- end }}
  {{- $made := list }}
  {{- range $owner, $text := $texts }}
    {{- range regexFindAll "(?m)^apiVersion: .*\nkind: .*\nmetadata:\n  name: .*$" $text -1 }}
      {{- $words := regexSplit "\\s+" . -1 }}
      {{- $made = append $made (dict "owner" $owner "apiVersion" (index $words 1) "kind" (index $words 3) "name" (last $words | trimAll "\"")) }}
    {{- end }}
  {{- end }}
  {{- range .Values.extraObjects }}
    {{- if and (not (dig "metadata" "annotations" "helm.sh/hook" "" .)) (has (dig "metadata" "namespace" "" .) (list "" $.Release.Namespace)) }}
      {{- $made = append $made (merge (dict "owner" "extraObjects" "name" (dig "metadata" "name" "" .)) .) }}
    {{- end }}
  {{- end }}
  {{- $owners := .Release.nimhelm | default dict }}
  {{- $_ := set .Release "nimhelm" $owners }}
  {{- range $made }}
    {{- $key := print (get . "apiVersion" | default "" | dir) " " (get . "kind") " " .name }}
    {{- $here := print $.Chart.Name "." }}
    {{- if and .name (hasKey $owners $key) }}
      {{- printf "%s and %s both make the %s %s: rename one\n" (get $owners $key | trimPrefix $here) .owner .kind .name }}
    {{- end }}
    {{- $_ := set $owners $key (print $here .owner) }}
  {{- end }}
{{- end }}

{{- /*
Changes of the user's objects that Kubernetes refuses. files/immutable.json has the fields by group and kind. The API
server takes a `default`, or fills in "parts" of a field or the "whole"; "later", anybody may set it. A
field may change while that of `unless` is set, and one of an Indexed job if it stays equal to that of `tandem`.
*/}}
{{- define "nimhelm.v2.problems.extraObjects" -}}
  {{- $fixed := .Files.Get "files/immutable.json" | fromJson }}
  {{- range $new := .Values.extraObjects }}
    {{- $name := dig "metadata" "name" "" . }}
    {{- $namespace := dig "metadata" "namespace" $.Release.Namespace . }}
    {{- if or (hasPrefix "Cluster" .kind) (hasSuffix "Class" .kind) (eq .kind "PersistentVolume") }}{{ $namespace = "" }}{{ end }}
    {{- $kind := printf "%s/%s" (regexReplaceAll "/?[^/]*$" .apiVersion "") .kind | trimPrefix "/" }}
    {{- $served := $.Capabilities.APIVersions.Has (printf "%s/%s" .apiVersion .kind) }}
    {{- /* Helm makes hooks anew. */}}
    {{- if and $name $served (hasKey $fixed $kind) (not (hasKey (dig "metadata" "annotations" dict .) "helm.sh/hook")) }}
      {{- with lookup .apiVersion .kind $namespace $name }}
        {{- $live := . }}
        {{- $what := printf "the %s %s of extraObjects" .kind $name }}
        {{- $delete := printf "delete it first with kubectl delete %s %s%s" (lower .kind) $name (ternary "" (printf " -n %s" $namespace) (empty $namespace)) }}
        {{- range $path, $rule := get $fixed $kind }}
          {{- $has := $live }}
          {{- $wanted := $new }}
          {{- $keys := splitList " " $path }}
          {{- range $keys }}
            {{- $has = index ($has | default dict) . }}
            {{- $wanted = index ($wanted | default dict) . }}
          {{- end }}
          {{- $filled := get $rule "filled" }}
          {{- $may := or (and (kindIs "invalid" $wanted) (has $filled (list "whole" "later"))) (and (kindIs "invalid" $has) (eq $filled "later")) }}
          {{- if kindIs "invalid" $wanted }}{{ $wanted = get $rule "default" }}{{ end }}
          {{- with get $rule "unless" }}{{ $may = dig "spec" . false $live }}{{ end }}
          {{- with get $rule "tandem" }}
            {{- $may = and (eq "Indexed" (dig "spec" "completionMode" "" $live)) (eq (toString $wanted) (dig "spec" . 1 $new | toString)) }}
          {{- end }}
          {{- $same := eq (toJson $has) (toJson $wanted) }}
          {{- if $filled }}{{ $same = include "nimhelm.v2.covers" (dict "has" $has "wanted" $wanted) }}{{ end }}
          {{- if not (or $may $same (and (empty $has) (empty $wanted))) }}
            {{- $now := ternary "" (printf " from %s" (toJson $has | trimAll "\"")) (kindIs "map" $has) }}
            {{- printf "%s cannot change its %s%s: set it back, or %s\n" $what (last $keys) $now $delete }}
          {{- end }}
        {{- end }}
        {{- if eq $kind "Service" }}
          {{- include "nimhelm.v2.problems.liveService" (dict "live" .spec "spec" $new.spec "what" $what "path" "extraObjects" "delete" (printf "or %s" $delete)) }}
        {{- else if eq $kind "PersistentVolumeClaim" }}
          {{- with include "nimhelm.v2.sizeRefused" (dict "claim" . "new" (dig "spec" "resources" "requests" "storage" "" $new)) }}
            {{- printf "%s %s: set it back, or %s\n" $what . $delete }}
          {{- end }}
        {{- else if get . "immutable" }}
          {{- $given := deepCopy (get $new "data" | default dict) }}
          {{- range $key, $text := get $new "stringData" | default dict }}{{ $_ := set $given $key (b64enc $text) }}{{ end }}
          {{- $_ := merge $given (get $new "binaryData" | default dict) }}
          {{- $has := merge dict (get . "data" | default dict) (get . "binaryData" | default dict) }}
          {{- if not (and (get $new "immutable") (eq (toJson $has) (toJson $given))) }}
            {{- printf "%s is immutable, and its data would change: give it another name, or %s\n" $what $delete }}
          {{- end }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
Whether an object that is there has all that is wanted. What is not wanted may be there, and a quantity may be written
another way. Takes has and wanted.
*/}}
{{- define "nimhelm.v2.covers" -}}
  {{- $has := .has }}
  {{- $covers := or (eq (toJson $has) (toJson .wanted)) (and (empty $has) (empty .wanted)) }}
  {{- if and (kindIs "map" .wanted) (kindIs "map" $has) }}
    {{- $covers = true }}
    {{- range $key, $value := .wanted }}
      {{- if not (or (kindIs "invalid" $value) (include "nimhelm.v2.covers" (dict "has" (get $has $key) "wanted" $value))) }}{{ $covers = false }}{{ end }}
    {{- end }}
  {{- else if and (kindIs "slice" .wanted) (kindIs "slice" $has) (eq (len .wanted) (len $has)) }}
    {{- $covers = true }}
    {{- range $index, $value := .wanted }}
      {{- if not (include "nimhelm.v2.covers" (dict "has" (index $has $index) "wanted" $value)) }}{{ $covers = false }}{{ end }}
    {{- end }}
  {{- else if regexMatch "^[0-9.]+[a-zA-Z]* [0-9.]+[a-zA-Z]*$" (printf "%v %v" $has .wanted) }}
    {{- $covers = eq (include "nimhelm.v2.quantity" $has) (include "nimhelm.v2.quantity" .wanted) }}
  {{- end }}
  {{- if $covers }}true{{ end }}
{{- end }}

{{- /*
A Service that Kubernetes refuses: fields that its type does not have, and changes of the Service that is there.
*/}}
{{- define "nimhelm.v2.problems.kubernetesService" -}}
  {{- $name := .nim.name }}
  {{- $path := printf "%s.expose.service" .Chart.Name }}
  {{- $spec := dict }}
  {{- include "nimhelm.v2.serviceSpec" (dict "root" . "spec" $spec) }}
  {{- $external := "NodePort or LoadBalancer" }}
  {{- $needs := dict "loadBalancerClass" "LoadBalancer" "loadBalancerSourceRanges" "LoadBalancer" "externalTrafficPolicy" $external "nodePort" $external }}
  {{- range $key, $types := $needs }}
    {{- if and (or (get $spec $key) (and (eq $key "nodePort") (get (first $spec.ports) $key))) (not (contains $spec.type $types)) }}
      {{- printf "%s.%s needs a Service of type %s, and this one is %s: set %s.type=LoadBalancer, or take it out\n" $path $key $types $spec.type $path }}
    {{- end }}
  {{- end }}
  {{- if and (eq $spec.type "ExternalName") (not (get $spec "externalName")) }}
    {{- printf "the Service %s of type ExternalName names no host: set %s.overlay.externalName\n" $name $path }}
  {{- end }}
  {{- if and (get $spec "sessionAffinityConfig") (ne (get $spec "sessionAffinity") "ClientIP") }}
    {{- printf "%s.overlay.sessionAffinityConfig is of clients that stay with a pod: set %s.sessionAffinity=ClientIP, or take it out\n" $path $path }}
  {{- end }}
  {{- with lookup "v1" "Service" .Release.Namespace $name }}
    {{- $delete := printf "or delete it first with kubectl delete service %s -n %s" $name $.Release.Namespace }}
    {{- $own := $.Values.expose.service }}
    {{- include "nimhelm.v2.problems.liveService" (dict "live" .spec "spec" $spec "own" $own "what" (printf "the Service %s" $name) "path" $path "delete" $delete) }}
  {{- end }}
{{- end }}

{{- /*
Changes of a Service that is there. Takes live and spec (what is there and what is wanted), what (how a message calls it),
path and own (the block of values that it is made from; no own when it is whole there), and delete (how to delete it).
*/}}
{{- define "nimhelm.v2.problems.liveService" -}}
  {{- $refused := list }}
  {{- if not (or (eq .live.type "ExternalName") (eq (get .spec "type") "ExternalName")) }}
    {{- $refused = list "clusterIP" "ipFamilies" }}
    {{- if and (eq .live.type "LoadBalancer") (eq (get .spec "type") "LoadBalancer") }}{{ $refused = append $refused "loadBalancerClass" }}{{ end }}
    {{- if get .live "healthCheckNodePort" }}{{ $refused = append $refused "healthCheckNodePort" }}{{ end }}
  {{- end }}
  {{- range $field := $refused }}
    {{- $wanted := get $.spec $field }}
    {{- $has := get $.live $field }}
    {{- if kindIs "slice" $wanted }}{{ $wanted = first $wanted }}{{ end }}
    {{- if kindIs "slice" $has }}{{ $has = first $has }}{{ end }}
    {{- /* A headless Service stays headless. What else is left out stays as it is. */}}
    {{- $counts := or $wanted (eq $field "loadBalancerClass") (and (eq $field "clusterIP") (eq $has "None")) }}
    {{- if and $counts (ne (toString ($wanted | default "")) (toString ($has | default ""))) }}
      {{- $to := ternary "be left out" (printf "change to %v" $wanted) (empty $wanted) }}
      {{- $back := ternary (printf "take %s out" $field) (printf "set %s=%v" $field $has) (empty $has) }}
      {{- $place := printf " in %s%s" $.path (ternary "" ".overlay" (or (not $.own) (hasKey ($.own | default dict) $field))) }}
      {{- printf "%s has %s %v, which cannot %s: %s%s, %s\n" $.what $field ($has | default "unset") $to $back $place $.delete }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
Changes of existing objects that the controllers of add-ons refuse. Takes root and service (the root of its chart).
*/}}
{{- define "nimhelm.v2.problems.controllers" -}}
  {{- $root := .service }}
  {{- $name := $root.nim.name }}
  {{- $namespace := .root.Release.Namespace }}
  {{- if and (dig "computeDomain" "create" false $root.Values.multiNode) (.root.Capabilities.APIVersions.Has "resource.nvidia.com/v1beta1/ComputeDomain") }}
    {{- with lookup "resource.nvidia.com/v1beta1" "ComputeDomain" $namespace $name }}
      {{- $nodes := dig "spec" "numNodes" 0 . | int }}
      {{- if ne $nodes (int $root.nim.nodes) }}
        {{- printf "the compute domain %s has %d nodes and cannot change to %d: set %s.multiNode.parallelism.pipeline=%d, or delete it first with kubectl delete computedomain %s -n %s\n"
          $name $nodes (int $root.nim.nodes) $name $nodes $name $namespace }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- if and (eq $root.nim.workload "InferenceService") (.root.Capabilities.APIVersions.Has "serving.kserve.io/v1beta1/InferenceService") }}
    {{- with lookup "serving.kserve.io/v1beta1" "InferenceService" $namespace $name }}
      {{- $key := "serving.kserve.io/deploymentMode" }}
      {{- $live := dig "metadata" "annotations" $key "" . }}
      {{- $wanted := get $root.Values.annotations $key | default "" }}
      {{- if and $live $wanted (ne $live $wanted) }}
        {{- printf "the InferenceService %s has the deployment mode %s and cannot change to %s: delete it first with kubectl delete inferenceservice %s -n %s\n"
          $name $live $wanted $name $namespace }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
A gate on a dependency that can never answer. A dependency without a gate may be missing. `--set` cannot change one
entry of a list, so the way out is to switch off all waits of the service. Takes services (by name), name and
dependency.
*/}}
{{- define "nimhelm.v2.problems.dependency" -}}
  {{- $name := .name }}
  {{- $target := .dependency.name }}
  {{- $port := int .dependency.port }}
  {{- if .dependency.external }}
  {{- else if not (hasKey .services $target) }}
    {{- printf "%s depends on %s, which is not a service of this chart: set external=true for it in %s.dependencies, or take it out\n" $name $target $name }}
  {{- else }}
    {{- $service := get .services $target }}
    {{- $nim := $service.nim }}
    {{- $ports := list }}
    {{- range $nim.ports }}{{ $ports = append $ports .port }}{{ end }}
    {{- if not $service.nim.enabled }}
      {{- if not (dig "wait" "optional" false .dependency) }}
        {{- printf "%s depends on %s, which is disabled: set %s.enabled=true, or %s.wait.enabled=false to start without it\n" $name $target $target $name }}
      {{- end }}
    {{- else if not $service.nim.runs }}
      {{- printf "%s depends on %s, which has no replicas: set %s.replicas, or %s.wait.enabled=false to start without it\n" $name $target $target $name }}
    {{- /* A gate with its own host or port does not ask the Service. */}}
    {{- else if and $nim.ownsService (not (has $port $ports)) (not .dependency.wait.host) (not .dependency.wait.port) }}
      {{- printf "%s depends on port %d of %s, which serves %s: change the port in %s.dependencies or in %s.expose.service\n"
        $name $port $target ($ports | join ", ") $name $target }}
    {{- end }}
  {{- end }}
{{- end }}
