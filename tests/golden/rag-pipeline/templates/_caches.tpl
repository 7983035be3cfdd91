{{- /*
Model caches: a claim, and a job that fills it. Each cache has the fields of NIMCache.spec. The templates take
root (the umbrella's), name and cache; nimhelm.v2.facts.cache adds what is derived from them.
*/}}

{{- define "nimhelm.v2.facts.cache" -}}
  {{- $source := .cache.source }}
  {{- $from := coalesce (get $source "ngc") (get $source "hf") (get $source "dataStore") }}
  {{- $_ := set . "source" $from }}
  {{- $_ := set . "certificates" (dig "proxy" "certConfigMap" "" .cache) }}
  {{- $_ := set . "puller" (include "nimhelm.v2.image" (dict "global" .root.nim.global "reference" $from.modelPuller)) }}
  {{- $store := dict "name" "nim-cache-volume" "mountPath" "/model-store" }}
  {{- with dig "storage" "pvc" "subPath" "" .cache }}{{ $_ := set $store "subPath" . }}{{ end }}
  {{- $mounts := list $store (dict "name" "scratch" "mountPath" "/scratch") }}
  {{- with get .cache "certConfig" }}
    {{- $mounts = append $mounts (dict "name" "cert-volume" "mountPath" .mountPath) }}
  {{- end }}
  {{- $_ := set . "mounts" $mounts }}
  {{- include "nimhelm.v2.cache.command" . }}
  {{- include "nimhelm.v2.cache.env" . }}
  {{- include "nimhelm.v2.cache.placement" . }}
{{- end }}

{{- /* The service account of the jobs. */}}
{{- define "nimhelm.v2.cache.account" -}}
  {{- printf "%s-nim-cache" (include "nimhelm.v2.prefix" (dict "root" . "pipeline" .nim.pipeline)) }}
{{- end }}

{{- /* The claim of a cache, or nothing when a folder of the node holds it. */}}
{{- define "nimhelm.v2.cache.claim" -}}
  {{- if not (dig "storage" "hostPath" "" .cache) }}
    {{- dig "storage" "pvc" "name" "" .cache | default (printf "%s-pvc" .name) }}
  {{- end }}
{{- end }}

{{- /*
Where the job runs, into .placement. That of a ReadWriteOnce claim has to run on the node of the services that use it:
their pods mount the claim before their gates wait for the job, and one node at a time can attach it.
*/}}
{{- define "nimhelm.v2.cache.placement" -}}
  {{- $name := .name }}
  {{- $placement := dict }}
  {{- range $key := list "nodeSelector" "tolerations" "runtimeClassName" }}
    {{- with get $.cache $key }}{{ $_ := set $placement $key . }}{{ end }}
  {{- end }}
  {{- $mode := dig "storage" "pvc" "volumeAccessMode" "" .cache | default "ReadWriteOnce" }}
  {{- $services := list }}
  {{- $tolerations := get $placement "tolerations" | default list }}
  {{- if and (include "nimhelm.v2.cache.claim" .) (eq $mode "ReadWriteOnce") }}
    {{- range .root.nim.services }}
      {{- if and .runs (eq $name (.root.Values.storage.nimCache.name | default "")) }}
        {{- $services = append $services .name }}
        {{- $tolerations = concat $tolerations (.root.Values.tolerations | default list) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- if $services }}
    {{- $pods := dict "matchExpressions" (list (dict "key" "app.kubernetes.io/name" "operator" "In" "values" $services)) }}
    {{- $term := dict "labelSelector" $pods "topologyKey" "kubernetes.io/hostname" }}
    {{- $_ := set $placement "affinity" (dict "podAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term))) }}
    {{- with $tolerations }}{{ $_ := set $placement "tolerations" (uniq .) }}{{ end }}
  {{- end }}
  {{- $_ := set . "placement" $placement }}
{{- end }}

{{- /* The command that downloads the model, into .command. */}}
{{- define "nimhelm.v2.cache.command" -}}
  {{- $from := .source }}
  {{- $command := list "download-to-cache" }}
  {{- if not (get .cache.source "ngc") }}
    {{- $kind := ternary "model" "dataset" (not (empty (get $from "modelName"))) }}
    {{- $name := get $from "modelName" | default (get $from "datasetName") }}
    {{- $command = list
      "huggingface-cli" "download" (printf "%s/%s" (get $from "namespace" | default "default") $name)
      "--local-dir" "/model-store" "--repo-type" $kind }}
    {{- with get $from "revision" }}
      {{- $command = concat $command (list "--revision" .) }}
    {{- end }}
  {{- else if get $from "modelEndpoint" }}
    {{- $command = list "create-model-store" "--model-repo" $from.modelEndpoint "--model-store" "/model-store" }}
  {{- else }}
    {{- $profiles := dig "model" "profiles" list $from }}
    {{- if has "all" $profiles }}
      {{- $command = append $command "--all" }}
    {{- else if $profiles }}
      {{- $command = concat $command (list "--profiles") $profiles }}
    {{- else if dig "model" "lora" false $from }}
      {{- $command = append $command "--lora" }}
    {{- end }}
  {{- end }}
  {{- $_ := set . "command" $command }}
{{- end }}

{{- /* The environment of the download, into .env: the proxy counts before the cache's own, which counts before the rest. */}}
{{- define "nimhelm.v2.cache.env" -}}
  {{- $env := list
    (dict "name" "NIM_CACHE_PATH" "value" "/model-store")
    (dict "name" "HF_HOME" "value" "/model-store/huggingface/hub") }}
  {{- with get .source "endpoint" }}
    {{- $env = append $env (dict "name" "HF_ENDPOINT" "value" .) }}
  {{- end }}
  {{- $env = concat $env (get .cache "env" | default list) }}
  {{- with get .cache "proxy" }}
    {{- include "nimhelm.v2.env.proxy" (dict "proxy" . "into" $) }}
    {{- $env = concat $env $.proxyEnv }}
  {{- end }}
  {{- $_ := set . "env" (concat $env (list
    (dict "name" "CACHE_MARKER" "value" (printf "/model-store/.nimhelm-complete-%s" .name))
    (dict "name" "CACHE_KEY" "value" (toJson .cache.source | sha256sum)))) }}
  {{- include "nimhelm.v2.env.last" . }}
{{- end }}

{{- /*
The name of the job. A job can never change: its name carries a hash of all that it does, so that an upgrade with other
settings makes a new one. What is filled already stays, and is not downloaded again.
*/}}
{{- define "nimhelm.v2.cache.jobName" -}}
  {{- $_ := set . "jobSpec" (include "nimhelm.v2.cache.jobSpec" .) }}
  {{- printf "%s-job-%s" (trunc 50 .name | trimAll "-.") (sha256sum .jobSpec | trunc 8) }}
{{- end }}

{{- define "nimhelm.v2.cache.jobSpec" -}}
{{- include "nimhelm.v2.facts.cache" . }}
{{- $nim := .root.nim -}}
backoffLimit: 5
{{- /* The pod can never change. */}}
template:
  metadata:
    labels:
      {{- include "nimhelm.v2.yaml" (merge (dict "app.kubernetes.io/name" .name "nimhelm.dev/cache" .name) (omit $nim.labels "helm.sh/chart" "nimhelm.dev/pipeline")) | nindent 6 }}
      {{- /* A proxy beside the download would keep the pod from ending. */}}
      sidecar.istio.io/inject: "false"
  spec:
    restartPolicy: Never
    serviceAccountName: {{ include "nimhelm.v2.cache.account" .root | toJson }}
    automountServiceAccountToken: false
    enableServiceLinks: false
    {{- with include "nimhelm.v2.pullSecrets" (dict "global" $nim.global "names" (list (get .source "pullSecret") | compact)) | trim }}
    imagePullSecrets:
      {{- . | nindent 6 }}
    {{- end }}
    {{- with .placement }}
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
    {{- end }}
    securityContext:
      runAsNonRoot: true
      runAsUser: {{ dig "userID" 1000 .cache | int64 }}
      runAsGroup: {{ dig "groupID" 2000 .cache | int64 }}
      fsGroup: {{ dig "groupID" 2000 .cache | int64 }}
      {{- /* OpenShift's nonroot refuses pods that set one. */}}
      {{- if not $nim.openshift }}
      seccompProfile:
        type: RuntimeDefault
      {{- end }}
    {{- with include "nimhelm.v2.cache.initContainers" . | trim }}
    initContainers:
      {{- . | nindent 6 }}
    {{- end }}
    containers:
      - name: nim-cache-ctr
        image: {{ toJson .puller }}
        command: [/bin/sh, /nimhelm-scripts/fill-cache.sh]
        args:
          {{- include "nimhelm.v2.yaml" .command | nindent 10 }}
        env:
          {{- include "nimhelm.v2.yaml" .env | nindent 10 }}
        {{- with get .source "authSecret" }}
        envFrom:
          - secretRef:
              name: {{ toJson . }}
        {{- end }}
        {{- /* What the cache gives is request and limit. */}}
        {{- with pick (get .cache "resources" | default dict) "cpu" "memory" }}
        resources:
          {{- include "nimhelm.v2.yaml" (dict "requests" . "limits" .) | nindent 10 }}
        {{- end }}
        {{- include "nimhelm.v2.cache.confinement" . | nindent 8 }}
        volumeMounts:
          {{- include "nimhelm.v2.yaml" .mounts | nindent 10 }}
          {{- if .certificates }}
          - name: ca-cert-volume
            mountPath: /etc/ssl
          {{- end }}
          - name: nimhelm-scripts
            mountPath: /nimhelm-scripts
            readOnly: true
    volumes:
      - name: nim-cache-volume
        {{- with dig "storage" "hostPath" "" .cache }}
        hostPath:
          path: {{ include "nimhelm.v2.yaml" . }}
          type: DirectoryOrCreate
        {{- else }}
        persistentVolumeClaim:
          claimName: {{ include "nimhelm.v2.cache.claim" . | toJson }}
        {{- end }}
      - name: scratch
        emptyDir: {}
      - name: nimhelm-scripts
        configMap:
          name: {{ include "nimhelm.v2.scriptsName" (dict "root" .root "pipeline" $nim.pipeline) | toJson }}
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

{{- /* What the Pod Security level "restricted" asks of a container. */}}
{{- define "nimhelm.v2.cache.confinement" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: ["ALL"]
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}

{{- /* The containers that run before the download. */}}
{{- define "nimhelm.v2.cache.initContainers" -}}
  {{- if .certificates }}
- name: update-ca-certificates
  image: {{ toJson .puller }}
  command: [/bin/sh, /nimhelm-scripts/update-ca-certificates.sh]
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
    - name: nimhelm-scripts
      mountPath: /nimhelm-scripts
      readOnly: true
  {{- end }}
  {{- range .cache.initContainers }}
    {{- $box := dict "env" (concat $.env (get . "env" | default list)) }}
    {{- include "nimhelm.v2.env.last" $box }}
- name: {{ toJson .name }}
  image: {{ include "nimhelm.v2.image" (dict "global" $.root.nim.global "image" .image) | toJson }}
    {{- $fields := merge (dict "env" $box.env "volumeMounts" $.mounts) (pick . "command" "args" "workingDir") }}
    {{- with get .image "pullPolicy" }}{{ $_ := set $fields "imagePullPolicy" . }}{{ end }}
  {{- include "nimhelm.v2.yaml" $fields | nindent 2 }}
  {{- include "nimhelm.v2.cache.confinement" $ | nindent 2 }}
  {{- end }}
{{- end }}
