{{- /*
Model caches: a claim and a job that fills it. Each cache has the fields of NIMCache.spec. The templates take a
cache of .nim.everyCache: root (the umbrella's), name and cache, and what nimhelm.v2.facts.cache derives from them.
*/}}

{{- define "nimhelm.v2.facts.cache" -}}
  {{- $source := .cache.source }}
  {{- $from := coalesce (get $source "ngc") (get $source "hf") (get $source "dataStore") }}
  {{- /* The imageLayout of its services decides, so that service and job agree. A cache without a service uses its own. */}}
  {{- $_ := set . "native" (eq "native" (get .cache "imageLayout" | default "")) }}
  {{- range .root.nim.services }}
    {{- if and .nim.enabled (eq $.name .nim.cache) (eq .Values.imageLayout "native") }}{{ $_ := set $ "native" true }}{{ end }}
  {{- end }}
  {{- /* A native image has no download command, so the job runs the image itself. A cache on a host path has no claim. */}}
  {{- $pvc := dig "storage" "pvc" dict .cache }}
  {{- $_ := merge . (dict
    "enabled" (dig "enabled" true .cache)
    "filledBy" (ternary "job" (get .cache "filledBy" | default "job") .native)
    "pvc" $pvc
    "claim" (ternary (get $pvc "name" | default (print .name "-pvc")) "" (dig "storage" "hostPath" "" .cache | empty))
    "job" ""
    "source" $from
    "certificates" (dig "proxy" "certConfigMap" "" .cache)
    "puller" (include "nimhelm.v2.image" (dict "global" .root.nim.global "reference" $from.modelPuller))) }}
  {{- $mounts := list }}
  {{- range ternary (list "/model" "/opt/cache") (list "/model-store") .native }}
    {{- $store := dict "name" "nim-cache-volume" "mountPath" . }}
    {{- with get $pvc "subPath" }}{{ $_ := set $store "subPath" . }}{{ end }}
    {{- $mounts = append $mounts $store }}
  {{- end }}
  {{- $_ := set . "store" (first $mounts).mountPath }}
  {{- $mounts = append $mounts (dict "name" "scratch" "mountPath" "/scratch") }}
  {{- with get .cache "certConfig" }}{{ $mounts = append $mounts (dict "name" "cert-volume" "mountPath" .mountPath) }}{{ end }}
  {{- $_ := set . "mounts" $mounts }}
  {{- include "nimhelm.v2.cache.command" . }}
  {{- include "nimhelm.v2.cache.env" . }}
  {{- include "nimhelm.v2.cache.placement" . }}
  {{- if eq .filledBy "job" }}{{ include "nimhelm.v2.cache.job" . }}{{ end }}
{{- end }}

{{- /* The service account of the jobs. */}}
{{- define "nimhelm.v2.cache.account" -}}
  {{- include "nimhelm.v2.prefix" . }}-nim-cache
{{- end }}

{{- /*
Sets .placement: where the job runs. With a ReadWriteOnce claim it runs on the node of the services that use the claim.
Their pods mount it before their gates wait for the job, and only one node can attach it.
*/}}
{{- define "nimhelm.v2.cache.placement" -}}
  {{- $name := .name }}
  {{- $placement := dict }}
  {{- range $key := list "nodeSelector" "tolerations" "runtimeClassName" }}
    {{- with get $.cache $key }}{{ $_ := set $placement $key . }}{{ end }}
  {{- end }}
  {{- $mode := dig "storage" "pvc" "volumeAccessMode" "" .cache | default "ReadWriteOnce" }}
  {{- $services := list }}
  {{- $pickers := list }}
  {{- $tolerations := get $placement "tolerations" | default list }}
  {{- if and .claim (eq $mode "ReadWriteOnce") }}
    {{- range .root.nim.services }}
      {{- if and .nim.runs (eq $name .nim.cache) }}
        {{- $services = append $services .nim.name }}
        {{- $pickers = append $pickers (printf "%s-epp" .nim.name) }}
        {{- $tolerations = concat $tolerations (.Values.tolerations | default list) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- if $services }}
    {{- /* Pickers, downloads and checks of any release may be called like a service. */}}
    {{- $pods := list (dict "key" "app.kubernetes.io/name" "operator" "In" "values" $services) (dict "key" "app" "operator" "NotIn" "values" $pickers) }}
    {{- range list "cache" "check" }}
      {{- $pods = append $pods (dict "key" (print "nimhelm.dev/" .) "operator" "DoesNotExist") }}
    {{- end }}
    {{- $term := dict "labelSelector" (dict "matchExpressions" $pods) "topologyKey" "kubernetes.io/hostname" }}
    {{- $_ := set $placement "affinity" (dict "podAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term))) }}
    {{- with $tolerations }}{{ $_ := set $placement "tolerations" (uniq .) }}{{ end }}
  {{- end }}
  {{- $_ := set . "placement" $placement }}
{{- end }}

{{- /*
The Argo CD wave of a cache. It is the wave of the first service that uses it, because the job may have to run on the
node of that service, and the service waits for the job. A cache without a service comes first.
*/}}
{{- define "nimhelm.v2.cache.wave" -}}
  {{- $name := .name }}
  {{- $waves := list }}
  {{- range .root.nim.services }}
    {{- if and .nim.enabled (eq $name .nim.cache) }}{{ $waves = append $waves (add1 .nim.wave) }}{{ end }}
  {{- end }}
  {{- first (append $waves 0) }}
{{- end }}

{{- /* Sets .command: the command that downloads the model. */}}
{{- define "nimhelm.v2.cache.command" -}}
  {{- $from := .source }}
  {{- $command := list "download-to-cache" }}
  {{- if not (get .cache.source "ngc") }}
    {{- $kind := ternary "model" "dataset" (not (empty (get $from "modelName"))) }}
    {{- $model := printf "%s/%s" (get $from "namespace" | default "default") (get $from "modelName" | default (get $from "datasetName")) }}
    {{- $command = list "huggingface-cli" "download" $model "--local-dir" "/model-store" "--repo-type" $kind }}
    {{- with get $from "revision" }}
      {{- $command = concat $command (list "--revision" .) }}
    {{- end }}
    {{- if get .cache "modelFree" }}
      {{- /* A model-free image carries no manifest. It writes one. */}}
      {{- $command = list "download-to-cache" "--model-uri" (print "hf://" $model) "--manifest-file" "/model-store/model_manifest.json" }}
    {{- end }}
  {{- else if get $from "modelEndpoint" }}
    {{- $command = list "create-model-store" "--model-repo" $from.modelEndpoint "--model-store" "/model-store" }}
  {{- else }}
    {{- $profiles := dig "model" "profiles" list $from }}
    {{- if has "all" $profiles }}
      {{- $command = append $command "--all" }}
    {{- else if $profiles }}
      {{- $command = concat $command (list "--profiles") $profiles }}
    {{- end }}
  {{- end }}
  {{- $_ := set . "command" $command }}
{{- end }}

{{- /*
Sets .env: the environment of the download. The proxy's variables win over those of the cache, and these win over the
rest.
*/}}
{{- define "nimhelm.v2.cache.env" -}}
  {{- $env := list
    (dict "name" "NIM_CACHE_PATH" "value" "/model-store")
    (dict "name" "HF_HOME" "value" "/model-store/huggingface/hub") }}
  {{- if .native }}{{ $env = list (dict "name" "NIM_ENGINE_MODEL_PATH" "value" (printf "/model/%s" .name)) }}{{ end }}
  {{- with get .source "endpoint" }}
    {{- /* Some images set HF_HUB_OFFLINE=1. */}}
    {{- $env = concat $env (list (dict "name" "HF_ENDPOINT" "value" .) (dict "name" "HF_HUB_OFFLINE" "value" "0")) }}
  {{- end }}
  {{- $user := dict "list" (get .cache "env") "named" (get .cache "extraEnv") }}
  {{- include "nimhelm.v2.env.user" $user }}
  {{- $env = concat $env $user.env }}
  {{- with get .cache "proxy" }}
    {{- include "nimhelm.v2.env.proxy" (dict "proxy" . "into" $) }}
    {{- $env = concat $env $.proxyEnv }}
  {{- end }}
  {{- include "nimhelm.v2.cache.selection" . }}
  {{- $env = concat $env .selection }}
  {{- if .native }}{{ $env = append $env (dict "name" "NIM_ENGINE_MODEL_DOWNLOAD_ONLY" "value" "1") }}{{ end }}
  {{- $_ := set . "env" $env }}
  {{- include "nimhelm.v2.env.last" . }}
  {{- $_ := set . "markerEnv" (list
    (dict "name" "CACHE_MARKER" "value" (printf "%s/.nimhelm-complete-%s" .store .name))
    (dict "name" "CACHE_KEY" "value" (toJson .cache.source | sha256sum))
    (dict "name" "CACHE_IMAGE" "value" .puller)) }}
  {{- if get .cache "filled" }}
    {{- $_ := set . "markerEnv" (append .markerEnv (dict "name" "CACHE_FILLED" "value" "yes")) }}
  {{- end }}
{{- end }}

{{- /*
Sets .selection: variables with the filters by which the job selects profiles from the manifest of the image. Empty
when the cache names its profiles or has no filters.
*/}}
{{- define "nimhelm.v2.cache.selection" -}}
  {{- $model := dig "ngc" "model" dict .cache.source }}
  {{- $wanted := dict }}
  {{- range $field, $variable := dict
    "engine" "WANT_ENGINE" "precision" "WANT_PRECISION" "tensorParallelism" "WANT_TP" "qosProfile" "WANT_QOS"
    "lora" "WANT_LORA" "buildable" "WANT_BUILDABLE" }}
    {{- $value := get $model $field }}
    {{- $_ := set $wanted $variable (ternary "" (toString $value) (kindIs "invalid" $value)) }}
  {{- end }}
  {{- $gpus := list }}
  {{- range get $model "gpus" | default list }}
    {{- $gpus = append $gpus (printf "%s:%s" (get . "product" | default "" | replace " " "-") (get . "ids" | default list | join ",")) }}
  {{- end }}
  {{- $_ := set $wanted "WANT_GPUS" (join " " $gpus) }}
  {{- $selection := list }}
  {{- if and (values $wanted | join "") (not (get $model "profiles")) (not .native) }}
    {{- range $variable, $value := merge (dict "CACHE_SELECT" "yes") $wanted }}
      {{- $selection = append $selection (dict "name" $variable "value" $value) }}
    {{- end }}
  {{- end }}
  {{- $_ := set . "selection" $selection }}
{{- end }}

{{- /*
Sets .job and .jobSpec: the name of the job and its spec. A job is immutable, so its name ends in a hash of its settings, and an upgrade with other settings
creates a new job. Complete downloads are not repeated. A failed job gets a new name too, because its cause (a secret,
a full volume) can be fixed without a change to the job.
*/}}
{{- define "nimhelm.v2.cache.job" -}}
  {{- $_ := set . "jobSpec" (include "nimhelm.v2.cache.jobSpec" .) }}
  {{- $name := printf "%s-job-%s" (trunc 50 .name | trimAll "-.") (sha256sum .jobSpec | trunc 8) }}
  {{- $failed := list }}
  {{- range ternary (dig "items" list (lookup "batch/v1" "Job" .root.Release.Namespace "")) list .root.nim.onCluster }}
    {{- if regexMatch (printf "^%s(-[a-z0-9]{4})?$" (regexQuoteMeta $name)) .metadata.name }}
      {{- $conditions := dict }}
      {{- range dig "status" "conditions" list . }}{{ $_ := set $conditions .type .status }}{{ end }}
      {{- if eq "True" (get $conditions "Failed") }}{{ $failed = append $failed .metadata.uid }}{{ else }}{{ $_ := set $ "job" .metadata.name }}{{ end }}
    {{- end }}
  {{- end }}
  {{- $again := ternary (printf "%s-%s" $name (sortAlpha $failed | join "," | sha256sum | trunc 4)) $name (not (empty $failed)) }}
  {{- $_ := set . "job" (.job | default $again) }}
{{- end }}

{{- define "nimhelm.v2.cache.jobSpec" -}}
{{- $nim := .root.nim }}
{{- $extra := dig "podTemplate" "metadata" dict .cache -}}
backoffLimit: 5
{{- with .cache.job }}
{{- include "nimhelm.v2.yaml" . | nindent 0 }}
{{- end }}
{{- /* A job's pod template is immutable. */}}
template:
  metadata:
    labels:
      {{- /* A mesh sidecar would keep the pod from completing. */}}
      {{- $own := dict "app.kubernetes.io/name" .name "nimhelm.dev/cache" .name "sidecar.istio.io/inject" "false" }}
      {{- $own = merge $own (pick $nim.labels "app.kubernetes.io/instance" "app.kubernetes.io/managed-by" "app.kubernetes.io/part-of") }}
      {{- include "nimhelm.v2.helperLabels" (dict "into" $own "users" (list $nim.global.commonLabels (get $extra "labels" | default dict))) }}
      {{- include "nimhelm.v2.yaml" $own | nindent 6 }}
    {{- with include "nimhelm.v2.helperAnnotations" (dict "global" $nim.global "own" $extra.annotations) }}
    annotations:
      {{- . | nindent 6 }}
    {{- end }}
  spec:
    {{- include "nimhelm.v2.overlaid" (dict "spec" (include "nimhelm.v2.cache.podSpec" .) "global" $nim.global "own" .cache.podTemplate) | nindent 4 }}
{{- end }}

{{- define "nimhelm.v2.cache.podSpec" -}}
{{- $nim := .root.nim -}}
restartPolicy: Never
serviceAccountName: {{ include "nimhelm.v2.cache.account" .root | toJson }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with include "nimhelm.v2.pullSecrets" (dict "global" $nim.global "names" (list (get .source "pullSecret") | compact)) | trim }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- with .placement }}
{{- include "nimhelm.v2.yaml" . | nindent 0 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with include "nimhelm.v2.users" (dict "nim" $nim "userID" (dig "userID" 1000 .cache) "groupID" (dig "groupID" 2000 .cache)) }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- /* The OpenShift constraint nonroot refuses pods that set a seccomp profile. */}}
  {{- if ne $nim.openshift "scc" }}
  seccompProfile:
    type: RuntimeDefault
  {{- end }}
{{- with include "nimhelm.v2.cache.initContainers" . | trim }}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
containers:
  {{- if .native }}
  {{- include "nimhelm.v2.cache.marking" . | nindent 2 }}
  {{- else }}
  {{- include "nimhelm.v2.cache.download" . | nindent 2 }}
  {{- end }}
volumes:
  - name: nim-cache-volume
    {{- with dig "storage" "hostPath" "" .cache }}
    hostPath:
      path: {{ include "nimhelm.v2.yaml" . }}
      type: DirectoryOrCreate
    {{- else }}
    persistentVolumeClaim:
      claimName: {{ toJson .claim }}
    {{- end }}
  - name: scratch
    emptyDir: {}
  - name: nimhelm-scripts
    configMap:
      name: {{ include "nimhelm.v2.scriptsName" .root | toJson }}
  {{- with get .cache "certConfig" }}
  - name: cert-volume
    configMap:
      name: {{ toJson .name }}
  {{- end }}
  {{- with .certificates }}
  - name: ca-cert-volume
    emptyDir: {}
  - name: custom-ca
    configMap:
      name: {{ toJson . }}
  {{- end }}
{{- end }}

{{- /*
The download. A native image runs with its own entrypoint in download-only mode. It may have no shell, so a second
container marks the cache as complete.
*/}}
{{- define "nimhelm.v2.cache.download" -}}
- name: nim-cache-ctr
  image: {{ toJson .puller }}
  {{- if .native }}
  env:
    {{- include "nimhelm.v2.yaml" .env | nindent 4 }}
  {{- else }}
  command: [/bin/sh, /nimhelm-scripts/fill-cache.sh]
  args:
    {{- include "nimhelm.v2.yaml" .command | nindent 4 }}
  env:
    {{- include "nimhelm.v2.yaml" (concat .env .markerEnv) | nindent 4 }}
  {{- end }}
  {{- with get .source "authSecret" }}
  envFrom:
    - secretRef:
        name: {{ toJson . }}
        {{- if and (get $.cache.source "ngc") (not $.root.nim.global.requireKeys) }}
        optional: true
        {{- end }}
  {{- end }}
  {{- /* The resources of the cache are both request and limit. */}}
  {{- $own := pick (get .cache "resources" | default dict) "cpu" "memory" }}
  {{- $given := ternary .root.nim.global.containerResources (dict "requests" $own "limits" $own) (empty $own) }}
  {{- include "nimhelm.v2.givenResources" (dict "given" $given) | nindent 2 | trimSuffix "\n  " }}
  {{- include "nimhelm.v2.cache.confinement" . | nindent 2 }}
  volumeMounts:
    {{- include "nimhelm.v2.yaml" .mounts | nindent 4 }}
    {{- if .certificates }}
    - name: ca-cert-volume
      mountPath: /etc/ssl
    {{- end }}
    {{- include "nimhelm.v2.scriptsMount" . | nindent 4 }}
{{- end }}

{{- define "nimhelm.v2.cache.marking" -}}
- name: mark-complete
  {{- include "nimhelm.v2.waitImage" .root.nim | nindent 2 }}
  command: [/bin/busybox, sh, /nimhelm-scripts/fill-cache.sh]
  env:
    {{- include "nimhelm.v2.yaml" .markerEnv | nindent 4 }}
  {{- include "nimhelm.v2.cache.confinement" . | nindent 2 }}
  {{- include "nimhelm.v2.givenResources" (dict "given" .root.nim.global.helperResources) | nindent 2 | trimSuffix "\n  " }}
  volumeMounts:
    {{- include "nimhelm.v2.yaml" (list (first .mounts)) | nindent 4 }}
    {{- include "nimhelm.v2.scriptsMount" . | nindent 4 }}
{{- end }}

{{- /* What the Pod Security level "restricted" requires of a container. */}}
{{- define "nimhelm.v2.cache.confinement" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: ["ALL"]
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}

{{- define "nimhelm.v2.cache.initContainers" -}}
  {{- if .certificates }}
    {{- include "nimhelm.v2.addCertificates" (dict "root" .root "image" (printf "image: %s" (toJson .puller)) "mounts" (list
      (dict "name" "ca-cert-volume" "mountPath" "/ca-certs")
      (dict "name" "custom-ca" "mountPath" "/custom"))) }}
  {{- end }}
  {{- range .cache.initContainers }}
    {{- $box := dict "env" (concat $.env (get . "env" | default list)) }}
    {{- include "nimhelm.v2.env.last" $box }}
- name: {{ toJson .name }}
  image: {{ include "nimhelm.v2.image" (dict "global" $.root.nim.global "image" .image) | toJson }}
    {{- $fields := merge (dict "env" $box.env "volumeMounts" $.mounts) (pick . "command" "args" "workingDir") }}
    {{- with get .image "pullPolicy" }}{{ $_ := set $fields "imagePullPolicy" . }}{{ end }}
  {{- include "nimhelm.v2.yaml" $fields | nindent 2 }}
  {{- include "nimhelm.v2.givenResources" (dict "given" (get . "resources" | default $.root.nim.global.containerResources)) | nindent 2 | trimSuffix "\n  " }}
  {{- include "nimhelm.v2.cache.confinement" $ | nindent 2 }}
  {{- end }}
  {{- if .native }}
{{ include "nimhelm.v2.cache.download" . }}
  {{- end }}
{{- end }}
