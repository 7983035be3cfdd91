{{- /* Model caches: a claim, and a job that fills it. Each cache has the fields of NIMCache.spec. */}}

{{- /* The caches that are on, as JSON: {name: cache}. */}}
{{- define "nimhelm.umbrella.caches" -}}
  {{- $caches := dict }}
  {{- range $name, $cache := .Values.nimCaches }}
    {{- if dig "enabled" true $cache }}{{ $_ := set $caches $name $cache }}{{ end }}
  {{- end }}
  {{- toJson $caches }}
{{- end }}

{{- /* The service account of their jobs. */}}
{{- define "nimhelm.umbrella.cache.account" -}}
  {{- printf "%s-nim-cache" .Release.Name }}
{{- end }}

{{- /* The claim of a cache, or nothing when a folder of the node holds it. Takes (name, cache). */}}
{{- define "nimhelm.umbrella.cache.claim" -}}
  {{- if not (dig "storage" "hostPath" "" (last .)) }}
    {{- dig "storage" "pvc" "name" "" (last .) | default (printf "%s-pvc" (first .)) }}
  {{- end }}
{{- end }}

{{- /*
Where the job of a ReadWriteOnce claim has to run: on the node of the services that use it, as JSON. Their pods mount the
claim before their gates wait for the job, and one node at a time can attach it. Takes (root, name, cache).
*/}}
{{- define "nimhelm.umbrella.cache.company" -}}
  {{- $root := index . 0 }}
  {{- $name := index . 1 }}
  {{- $cache := index . 2 }}
  {{- $services := list }}
  {{- $tolerations := get $cache "tolerations" | default list }}
  {{- if and (include "nimhelm.umbrella.cache.claim" (rest .)) (eq "ReadWriteOnce" (dig "storage" "pvc" "volumeAccessMode" "" $cache | default "ReadWriteOnce")) }}
    {{- range include "nimhelm.umbrella.waves" $root | fromJsonArray }}
      {{- range . }}
        {{- $service := index $root.Values . | default dict }}
        {{- $runs := and (include "nimhelm.umbrella.enabled" $service) (ne (include "nimhelm.umbrella.replicas" $service) "0") }}
        {{- if and $runs (eq $name (dig "storage" "nimCache" "name" "" $service)) }}
          {{- $services = append $services . }}
          {{- $tolerations = concat $tolerations (get $service "tolerations" | default list) }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- if $services }}
    {{- $pods := dict "matchExpressions" (list (dict "key" "app.kubernetes.io/name" "operator" "In" "values" $services)) }}
    {{- $term := dict "labelSelector" $pods "topologyKey" "kubernetes.io/hostname" }}
    {{- $affinity := dict "podAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) }}
    {{- dict "affinity" $affinity "tolerations" (uniq $tolerations) | toJson }}
  {{- else }}
    {{- dict | toJson }}
  {{- end }}
{{- end }}

{{- /* Where a cache gets its model: the ngc, hf or dataStore part of its source, as JSON. */}}
{{- define "nimhelm.umbrella.cache.source" -}}
  {{- coalesce (get .source "ngc") (get .source "hf") (get .source "dataStore") | toJson }}
{{- end }}

{{- /* The command that downloads the model, as JSON. */}}
{{- define "nimhelm.umbrella.cache.command" -}}
  {{- $ngc := get .source "ngc" }}
  {{- if not $ngc }}
    {{- include "nimhelm.umbrella.cache.hubCommand" (coalesce (get .source "hf") (get .source "dataStore")) }}
  {{- else if get $ngc "modelEndpoint" }}
    {{- list "create-model-store" "--model-repo" $ngc.modelEndpoint "--model-store" "/model-store" | toJson }}
  {{- else }}
    {{- $profiles := dig "model" "profiles" list $ngc }}
    {{- $command := list "download-to-cache" }}
    {{- if has "all" $profiles }}
      {{- $command = append $command "--all" }}
    {{- else if $profiles }}
      {{- $command = concat $command (list "--profiles") $profiles }}
    {{- else if dig "model" "lora" false $ngc }}
      {{- $command = append $command "--lora" }}
    {{- end }}
    {{- toJson $command }}
  {{- end }}
{{- end }}

{{- /* The same for a hub that speaks the protocol of Hugging Face. */}}
{{- define "nimhelm.umbrella.cache.hubCommand" -}}
  {{- $kind := ternary "model" "dataset" (not (empty (get . "modelName"))) }}
  {{- $name := get . "modelName" | default (get . "datasetName") }}
  {{- $command := list
    "huggingface-cli" "download" (printf "%s/%s" (get . "namespace" | default "default") $name)
    "--local-dir" "/model-store" "--repo-type" $kind }}
  {{- with get . "revision" }}
    {{- $command = concat $command (list "--revision" .) }}
  {{- end }}
  {{- toJson $command }}
{{- end }}

{{- /* The environment of the download, as JSON: each name once, the proxy over the cache's own over the rest. Takes (name, cache). */}}
{{- define "nimhelm.umbrella.cache.env" -}}
  {{- $cache := last . }}
  {{- $env := list
    (dict "name" "NIM_CACHE_PATH" "value" "/model-store")
    (dict "name" "HF_HOME" "value" "/model-store/huggingface/hub") }}
  {{- with dig "endpoint" "" (include "nimhelm.umbrella.cache.source" $cache | fromJson) }}
    {{- $env = append $env (dict "name" "HF_ENDPOINT" "value" .) }}
  {{- end }}
  {{- $env = concat $env (get $cache "env" | default list) }}
  {{- with get $cache "proxy" }}
    {{- $env = append $env (dict "name" "NIM_SDK_USE_NATIVE_TLS" "value" "1") }}
    {{- range $variable, $field := dict "HTTPS_PROXY" "httpsProxy" "HTTP_PROXY" "httpProxy" "NO_PROXY" "noProxy" }}
      {{- $value := get $cache.proxy $field }}
      {{- $env = concat $env (list (dict "name" $variable "value" $value) (dict "name" (lower $variable) "value" $value)) }}
    {{- end }}
  {{- end }}
  {{- $env = concat $env (list
    (dict "name" "CACHE_MARKER" "value" (printf "/model-store/.nimhelm-complete-%s" (first .)))
    (dict "name" "CACHE_KEY" "value" (toJson $cache.source | sha256sum))) }}
  {{- include "nimhelm.umbrella.cache.unique" $env }}
{{- end }}

{{- /* A list of variables with each name once: the last entry of a name counts. As JSON. */}}
{{- define "nimhelm.umbrella.cache.unique" -}}
  {{- $result := list }}
  {{- $taken := dict }}
  {{- range reverse . }}
    {{- if not (hasKey $taken .name) }}
      {{- $_ := set $taken .name true }}
      {{- $result = prepend $result . }}
    {{- end }}
  {{- end }}
  {{- toJson $result }}
{{- end }}

{{- /* The volumes of the job's pod, as JSON. Takes (name, cache). */}}
{{- define "nimhelm.umbrella.cache.volumes" -}}
  {{- $cache := last . }}
  {{- $store := dict "name" "nim-cache-volume" "persistentVolumeClaim" (dict "claimName" (include "nimhelm.umbrella.cache.claim" .)) }}
  {{- with dig "storage" "hostPath" "" $cache }}
    {{- $store = dict "name" "nim-cache-volume" "hostPath" (dict "path" . "type" "DirectoryOrCreate") }}
  {{- end }}
  {{- $volumes := list $store (dict "name" "scratch" "emptyDir" dict) }}
  {{- with get $cache "certConfig" }}
    {{- $volumes = append $volumes (dict "name" "cert-volume" "configMap" (dict "name" .name)) }}
  {{- end }}
  {{- with dig "proxy" "certConfigMap" "" $cache }}
    {{- $volumes = append $volumes (dict "name" "ca-cert-volume" "emptyDir" dict) }}
    {{- $volumes = append $volumes (dict "name" "custom-ca" "configMap" (dict "name" .)) }}
  {{- end }}
  {{- toJson $volumes }}
{{- end }}

{{- /* The mounts of all its containers, as JSON. */}}
{{- define "nimhelm.umbrella.cache.mounts" -}}
  {{- $store := dict "name" "nim-cache-volume" "mountPath" "/model-store" }}
  {{- with dig "storage" "pvc" "subPath" "" . }}{{ $_ := set $store "subPath" . }}{{ end }}
  {{- $mounts := list $store (dict "name" "scratch" "mountPath" "/scratch") }}
  {{- with get . "certConfig" }}
    {{- $mounts = append $mounts (dict "name" "cert-volume" "mountPath" .mountPath) }}
  {{- end }}
  {{- toJson $mounts }}
{{- end }}

{{- /* The resources of the download, as JSON: what the cache gives is request and limit. */}}
{{- define "nimhelm.umbrella.cache.resources" -}}
  {{- with pick (get . "resources" | default dict) "cpu" "memory" }}
    {{- dict "requests" . "limits" . | toJson }}
  {{- else }}
    {{- dict | toJson }}
  {{- end }}
{{- end }}

{{- /* What the Pod Security level "restricted" asks of a container. */}}
{{- define "nimhelm.umbrella.cache.confinement" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: ["ALL"]
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}

{{- /* The containers that run before the download, in block YAML. Takes (root, name, cache). */}}
{{- define "nimhelm.umbrella.cache.initContainers" -}}
  {{- $root := index . 0 }}
  {{- $cache := index . 2 }}
  {{- $env := include "nimhelm.umbrella.cache.env" (rest .) | fromJsonArray }}
  {{- $mounts := include "nimhelm.umbrella.cache.mounts" $cache | fromJsonArray }}
  {{- if dig "proxy" "certConfigMap" "" $cache }}
    {{- $source := include "nimhelm.umbrella.cache.source" $cache | fromJson }}
- name: update-ca-certificates
  image: {{ include "nimhelm.umbrella.imageReference" (list $root $source.modelPuller) | toJson }}
  command: ["/bin/sh", "-c"]
  args:
    - |
      {{- $root.Files.Get "files/update-ca-certificates.sh" | include "nimhelm.umbrella.script" | nindent 6 }}
  {{- /* Only root may write to the image's certificate folder. */}}
  securityContext:
    runAsNonRoot: false
    runAsUser: 0
  terminationMessagePolicy: FallbackToLogsOnError
  volumeMounts:
    - name: ca-cert-volume
      mountPath: /ca-certs
    - name: custom-ca
      mountPath: /custom
  {{- end }}
  {{- range $cache.initContainers }}
- name: {{ toJson .name }}
  image: {{ include "nimhelm.umbrella.imageReference" (list $root (printf "%s:%s" .image.repository .image.tag)) | toJson }}
    {{- $fields := pick . "command" "args" "workingDir" }}
    {{- with dig "image" "pullPolicy" "" . }}{{ $_ := set $fields "imagePullPolicy" . }}{{ end }}
    {{- $_ := set $fields "env" (include "nimhelm.umbrella.cache.unique" (concat $env (.env | default list)) | fromJsonArray) }}
    {{- $_ := set $fields "volumeMounts" $mounts }}
  {{- include "nimhelm.umbrella.yaml" $fields | nindent 2 }}
  {{- include "nimhelm.umbrella.cache.confinement" . | nindent 2 }}
  {{- end }}
{{- end }}
