{{- /*
Model caches: a claim and a job that fills it. Each cache has the fields of NIMCache.spec. The templates take a cache of
.nim.everyCache:

  .root, .name, .cache   the umbrella's root; the name and the values of the cache
  .enabled               whether it is on
  .users                 the roots of the services that are on and use it, in start order
  .native                whether its image has the native layout
  .filledBy              job or service
  .source, .fromHub      where the model comes from; whether that is Hugging Face or a data store
  .puller                the image that downloads
  .pvc, .hostPath, .claim
  .certificates          the ConfigMap with certificates, or ""
  .mounts                of all containers of the job
  .job, .jobSpec         name and spec of the job, when a job fills it
*/}}

{{- define "nimhelm.v3.facts.cache" -}}
  {{- $cache := .cache }}
  {{- $source := coalesce $cache.source.ngc $cache.source.hf $cache.source.dataStore }}
  {{- $pvc := dig "storage" "pvc" dict $cache }}
  {{- $hostPath := dig "storage" "hostPath" "" $cache }}
  {{- $users := list }}
  {{- range .root.nim.active }}{{ if eq $.name .nim.cache }}{{ $users = append $users . }}{{ end }}{{ end }}
  {{- /* The imageLayout of its services decides, so that service and job agree. A cache without a service uses its own. */}}
  {{- $native := eq "native" ($cache.imageLayout | default "") }}
  {{- range $users }}{{ $native = or $native (eq "native" .Values.imageLayout) }}{{ end }}
  {{- $mounts := list }}
  {{- range ternary (list "/model" "/opt/cache") (list "/model-store") $native }}
    {{- $mounts = append $mounts (merge (dict "name" "nim-cache-volume" "mountPath" .) (pick $pvc "subPath")) }}
  {{- end }}
  {{- $mounts = append $mounts (dict "name" "scratch" "mountPath" "/scratch") }}
  {{- with $cache.certConfig }}{{ $mounts = append $mounts (dict "name" "cert-volume" "mountPath" .mountPath) }}{{ end }}
  {{- /* A native image has no download command, so the job runs the image itself. A cache on a host path has no claim. */}}
  {{- $_ := merge . (dict
    "enabled" (dig "enabled" true $cache)
    "users" $users
    "native" $native
    "filledBy" (ternary "job" ($cache.filledBy | default "job") $native)
    "source" $source
    "fromHub" (empty $cache.source.ngc)
    "puller" (include "nimhelm.v3.image" (dict "global" .root.nim.global "reference" $source.modelPuller))
    "pvc" $pvc
    "hostPath" $hostPath
    "claim" (ternary ($pvc.name | default (print .name "-pvc")) "" (empty $hostPath))
    "certificates" (dig "proxy" "certConfigMap" "" $cache)
    "mounts" $mounts
    "job" "") }}
  {{- if eq .filledBy "job" }}{{ include "nimhelm.v3.cache.job" . }}{{ end }}
{{- end }}

{{- /* The service account of the jobs. */}}
{{- define "nimhelm.v3.cache.account" -}}
  {{- include "nimhelm.v3.prefix" . }}-nim-cache
{{- end }}

{{- /*
Sets .job and .jobSpec. A job is immutable, so its name ends in a hash of its settings, and an upgrade with other
settings creates a new job. Complete downloads are not repeated. A failed job gets a new name too, because its cause (a
secret, a full volume) can be fixed without a change to the job.
*/}}
{{- define "nimhelm.v3.cache.job" -}}
  {{- $_ := set . "jobSpec" (include "nimhelm.v3.cache.jobSpec" .) }}
  {{- $name := printf "%s-job-%s" (trunc 50 .name | trimAll "-.") (sha256sum .jobSpec | trunc 8) }}
  {{- $failed := list }}
  {{- range ternary (dig "items" list (lookup "batch/v1" "Job" .root.Release.Namespace "")) list .root.nim.onCluster }}
    {{- if regexMatch (printf "^%s(-[a-z0-9]{4})?$" (regexQuoteMeta $name)) .metadata.name }}
      {{- $conditions := dict }}
      {{- range dig "status" "conditions" list . }}{{ $_ := set $conditions .type .status }}{{ end }}
      {{- if eq "True" (get $conditions "Failed") }}{{ $failed = append $failed .metadata.uid }}{{ else }}{{ $_ := set $ "job" .metadata.name }}{{ end }}
    {{- end }}
  {{- end }}
  {{- with $failed }}{{ $name = printf "%s-%s" $name (sortAlpha . | join "," | sha256sum | trunc 4) }}{{ end }}
  {{- $_ := set . "job" (.job | default $name) }}
{{- end }}

{{- define "nimhelm.v3.cache.jobSpec" -}}
{{- $labels := dict "app.kubernetes.io/name" .name "nimhelm.dev/cache" .name -}}
{{ merge (dict "backoffLimit" 5) (.cache.job | default dict) | include "nimhelm.v3.yaml" }}
{{- /* A job's pod template is immutable, so it has no version of the chart. */}}
{{ include "nimhelm.v3.helperTemplate" (dict "nim" .root.nim "own" .cache.podTemplate "spec" (include "nimhelm.v3.cache.podSpec" .)
  "labels" (merge $labels (pick .root.nim.labels "app.kubernetes.io/instance" "app.kubernetes.io/managed-by" "app.kubernetes.io/part-of"))) }}
{{- end }}

{{- define "nimhelm.v3.cache.podSpec" -}}
{{- include "nimhelm.v3.cache.env" . -}}
restartPolicy: Never
serviceAccountName: {{ include "nimhelm.v3.cache.account" .root | toJson }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "nimhelm.v3.pullSecrets" (dict "global" .root.nim.global "names" (list .source.pullSecret | compact)) }}
{{- include "nimhelm.v3.cache.placement" . }}
{{- $context := dict "runAsNonRoot" true }}
{{- include "nimhelm.v3.users" (dict "into" $context "nim" .root.nim "userID" (dig "userID" 1000 .cache) "groupID" (dig "groupID" 2000 .cache)) }}
{{- /* The OpenShift constraint nonroot refuses pods that set a seccomp profile. */}}
{{- if ne .root.nim.openshift "scc" }}{{ $_ := set $context "seccompProfile" (dict "type" "RuntimeDefault") }}{{ end }}
securityContext:
  {{- include "nimhelm.v3.yaml" $context | nindent 2 }}
{{- with include "nimhelm.v3.cache.initContainers" . | trim }}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
containers:
  {{- if .native }}{{ include "nimhelm.v3.cache.marking" . | nindent 2 }}{{ else }}{{ include "nimhelm.v3.cache.download" . | nindent 2 }}{{ end }}
volumes:
  - name: nim-cache-volume
    {{- with .hostPath }}
    hostPath:
      path: {{ include "nimhelm.v3.yaml" . }}
      type: DirectoryOrCreate
    {{- else }}
    persistentVolumeClaim: {claimName: {{ toJson .claim }}}
    {{- end }}
  - {name: scratch, emptyDir: {}}
  - {name: nimhelm-scripts, configMap: {name: {{ include "nimhelm.v3.scriptsName" .root | toJson }}}}
  {{- with .cache.certConfig }}
  - {name: cert-volume, configMap: {name: {{ toJson .name }}}}
  {{- end }}
  {{- with .certificates }}
  - {name: ca-cert-volume, emptyDir: {}}
  - {name: custom-ca, configMap: {name: {{ toJson . }}}}
  {{- end }}
{{- end }}

{{- /*
Where the job runs. With a ReadWriteOnce claim it runs on the node of the services that use the claim. Their pods mount
it before their gates wait for the job, and only one node can attach it.
*/}}
{{- define "nimhelm.v3.cache.placement" -}}
{{- $tolerations := .cache.tolerations | default list }}
{{- $services := list }}
{{- $pickers := list }}
{{- $oneNode := and .claim (eq "ReadWriteOnce" (.pvc.volumeAccessMode | default "ReadWriteOnce")) }}
{{- range .users }}
  {{- if and $oneNode .nim.runs }}
    {{- $services = append $services .nim.name }}
    {{- $pickers = append $pickers (printf "%s-epp" .nim.name) }}
    {{- $tolerations = concat $tolerations (.Values.tolerations | default list) }}
  {{- end }}
{{- end }}
{{- include "nimhelm.v3.fields" (dict "indent" 0 "fields" (dict
  "nodeSelector" .cache.nodeSelector "runtimeClassName" .cache.runtimeClassName "tolerations" (uniq $tolerations))) }}
{{- if $services }}
{{- /* Pickers, downloads and checks of any release may be called like a service. */}}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchExpressions:
            - {key: app.kubernetes.io/name, operator: In, values: {{ toJson $services }}}
            - {key: app, operator: NotIn, values: {{ toJson $pickers }}}
            - {key: nimhelm.dev/cache, operator: DoesNotExist}
            - {key: nimhelm.dev/check, operator: DoesNotExist}
{{- end }}
{{- end }}

{{- /*
A container of the job, with what the Pod Security level "restricted" requires. Takes its fields, the given resources
({limits, requests}), mounts, and more (mounts as text).
*/}}
{{- define "nimhelm.v3.cache.container" -}}
- name: {{ toJson .name }}
  {{- include "nimhelm.v3.fields" (dict "indent" 2 "fields" (omit . "name" "resources" "mounts" "more")) }}
  {{- include "nimhelm.v3.givenResources" (dict "given" .resources) | nindent 2 | trimSuffix "\n  " }}
  securityContext:
    allowPrivilegeEscalation: false
    capabilities: {drop: [ALL]}
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    {{- include "nimhelm.v3.yaml" .mounts | nindent 4 }}
    {{- with .more }}{{ . | nindent 4 }}{{ end }}
{{- end }}

{{- define "nimhelm.v3.cache.initContainers" -}}
  {{- $global := .root.nim.global }}
  {{- if .certificates }}
    {{- include "nimhelm.v3.addCertificates" (dict "root" .root "image" (printf "image: %s" (toJson .puller)) "mounts" (list
      (dict "name" "ca-cert-volume" "mountPath" "/ca-certs")
      (dict "name" "custom-ca" "mountPath" "/custom"))) }}
  {{- end }}
  {{- range .cache.initContainers }}
    {{- $own := dict "env" (concat $.env (.env | default list)) }}
    {{- include "nimhelm.v3.env.last" $own }}
    {{- include "nimhelm.v3.cache.container" (merge (pick . "name" "command" "args" "workingDir") (dict
      "image" (include "nimhelm.v3.image" (dict "global" $global "image" .image))
      "imagePullPolicy" .image.pullPolicy
      "env" $own.env
      "resources" (.resources | default $global.containerResources)
      "mounts" $.mounts)) | nindent 0 }}
  {{- end }}
  {{- if .native }}{{ include "nimhelm.v3.cache.download" . | nindent 0 }}{{ end }}
{{- end }}

{{- /* The download. A native image runs with its own entrypoint in download-only mode. */}}
{{- define "nimhelm.v3.cache.download" -}}
  {{- $global := .root.nim.global }}
  {{- $mounts := .mounts }}
  {{- if .certificates }}{{ $mounts = append $mounts (dict "name" "ca-cert-volume" "mountPath" "/etc/ssl") }}{{ end }}
  {{- /* The resources of the cache are both request and limit. */}}
  {{- $container := dict
    "name" "nim-cache-ctr"
    "image" .puller
    "env" .env
    "resources" (ternary $global.containerResources (dict "requests" .cache.resources "limits" .cache.resources) (empty .cache.resources))
    "mounts" $mounts
    "more" (include "nimhelm.v3.scriptsMount" .) }}
  {{- if not .native }}
    {{- include "nimhelm.v3.cache.command" . }}
    {{- $_ := mergeOverwrite $container (dict
      "command" (list "/bin/sh" "/nimhelm-scripts/fill-cache.sh") "args" .command "env" (concat .env .markerEnv)) }}
  {{- end }}
  {{- with .source.authSecret }}
    {{- $secret := dict "name" . }}
    {{- if not (or $.fromHub $global.requireKeys) }}{{ $_ := set $secret "optional" true }}{{ end }}
    {{- $_ := set $container "envFrom" (list (dict "secretRef" $secret)) }}
  {{- end }}
  {{- include "nimhelm.v3.cache.container" $container }}
{{- end }}

{{- /* A native image may have no shell, so another container marks the cache as complete. */}}
{{- define "nimhelm.v3.cache.marking" -}}
  {{- $global := .root.nim.global }}
  {{- include "nimhelm.v3.cache.container" (dict
    "name" "mark-complete"
    "image" (include "nimhelm.v3.image" (dict "global" $global "reference" $global.waitImage))
    "imagePullPolicy" $global.waitImagePullPolicy
    "command" (list "/bin/busybox" "sh" "/nimhelm-scripts/fill-cache.sh")
    "env" .markerEnv
    "resources" $global.helperResources
    "mounts" (list (first .mounts))
    "more" (include "nimhelm.v3.scriptsMount" .)) }}
{{- end }}

{{- /* Sets .command: the command that downloads the model. */}}
{{- define "nimhelm.v3.cache.command" -}}
  {{- $from := .source }}
  {{- $profiles := dig "model" "profiles" list $from }}
  {{- $model := printf "%s/%s" ($from.namespace | default "default") ($from.modelName | default $from.datasetName | default "") }}
  {{- $command := list "download-to-cache" }}
  {{- if $from.modelEndpoint }}
    {{- $command = list "create-model-store" "--model-repo" $from.modelEndpoint "--model-store" "/model-store" }}
  {{- else if has "all" $profiles }}
    {{- $command = append $command "--all" }}
  {{- else if $profiles }}
    {{- $command = concat $command (list "--profiles") $profiles }}
  {{- else if and .fromHub .cache.modelFree }}
    {{- /* A model-free image carries no manifest. It writes one. */}}
    {{- $command = concat $command (list "--model-uri" (print "hf://" $model) "--manifest-file" "/model-store/model_manifest.json") }}
  {{- else if .fromHub }}
    {{- $command = list "huggingface-cli" "download" $model "--local-dir" "/model-store" "--repo-type" (ternary "dataset" "model" (empty $from.modelName)) }}
    {{- with $from.revision }}{{ $command = concat $command (list "--revision" .) }}{{ end }}
  {{- end }}
  {{- $_ := set . "command" $command }}
{{- end }}

{{- /*
Sets .env, the environment of the download, and .markerEnv, with which the cache is marked as complete. The proxy's
variables win over those of the cache, and these win over the rest.
*/}}
{{- define "nimhelm.v3.cache.env" -}}
  {{- $env := list
    (dict "name" "NIM_CACHE_PATH" "value" "/model-store")
    (dict "name" "HF_HOME" "value" "/model-store/huggingface/hub") }}
  {{- if .native }}{{ $env = list (dict "name" "NIM_ENGINE_MODEL_PATH" "value" (printf "/model/%s" .name)) }}{{ end }}
  {{- with .source.endpoint }}
    {{- /* Some images set HF_HUB_OFFLINE=1. */}}
    {{- $env = concat $env (list (dict "name" "HF_ENDPOINT" "value" .) (dict "name" "HF_HUB_OFFLINE" "value" "0")) }}
  {{- end }}
  {{- $box := dict "list" .cache.env "named" .cache.extraEnv "proxyEnv" list }}
  {{- include "nimhelm.v3.env.user" $box }}
  {{- with .cache.proxy }}{{ include "nimhelm.v3.env.proxy" (dict "proxy" . "into" $box) }}{{ end }}
  {{- include "nimhelm.v3.cache.selection" . }}
  {{- $last := ternary (list (dict "name" "NIM_ENGINE_MODEL_DOWNLOAD_ONLY" "value" "1")) .selection .native }}
  {{- $_ := set . "env" (concat $env $box.env $box.proxyEnv $last) }}
  {{- include "nimhelm.v3.env.last" . }}
  {{- $marker := list
    (dict "name" "CACHE_MARKER" "value" (printf "%s/.nimhelm-complete-%s" (first .mounts).mountPath .name))
    (dict "name" "CACHE_KEY" "value" (toJson .cache.source | sha256sum))
    (dict "name" "CACHE_IMAGE" "value" .puller) }}
  {{- if .cache.filled }}{{ $marker = append $marker (dict "name" "CACHE_FILLED" "value" "yes") }}{{ end }}
  {{- $_ := set . "markerEnv" $marker }}
{{- end }}

{{- /*
Sets .selection: variables with the filters by which the job selects profiles from the manifest of the image. Empty
when the cache names its profiles or has no filters.
*/}}
{{- define "nimhelm.v3.cache.selection" -}}
  {{- $model := dig "ngc" "model" dict .cache.source }}
  {{- $gpus := list }}
  {{- range $model.gpus }}{{ $gpus = append $gpus (printf "%s:%s" (.product | default "" | replace " " "-") (.ids | default list | join ",")) }}{{ end }}
  {{- $wanted := dict "WANT_GPUS" (join " " $gpus) }}
  {{- range $field, $variable := dict
    "engine" "WANT_ENGINE" "precision" "WANT_PRECISION" "tensorParallelism" "WANT_TP" "qosProfile" "WANT_QOS"
    "lora" "WANT_LORA" "buildable" "WANT_BUILDABLE" }}
    {{- $_ := set $wanted $variable (get $model $field | toString) }}
  {{- end }}
  {{- $selects := and (values $wanted | join "") (not $model.profiles) }}
  {{- $box := dict "named" (ternary (merge (dict "CACHE_SELECT" "yes") $wanted) dict (not (empty $selects))) }}
  {{- include "nimhelm.v3.env.user" $box }}
  {{- $_ := set . "selection" $box.env }}
{{- end }}
