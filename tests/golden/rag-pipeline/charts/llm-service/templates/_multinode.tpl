{{- /* One model over several nodes: a LeaderWorkerSet whose leader answers, started by MPI or by Ray. */}}

{{- define "nimhelm.service.lws.name" -}}
  {{- printf "%s-lws" .Chart.Name }}
{{- end }}

{{- /* The number of nodes of a group, and the number of GPUs on each. */}}
{{- define "nimhelm.service.lws.nodes" -}}
  {{- dig "parallelism" "pipeline" 1 .Values.multiNode | int }}
{{- end }}

{{- define "nimhelm.service.lws.gpusPerNode" -}}
  {{- dig "parallelism" "tensor" 0 .Values.multiNode | int }}
{{- end }}

{{- /* Ray's port when Ray starts the group, nothing when MPI does. */}}
{{- define "nimhelm.service.lws.rayPort" -}}
  {{- if kindIs "map" .Values.multiNode.ray }}
    {{- dig "ray" "rayPort" 6379 .Values.multiNode | int }}
  {{- end }}
{{- end }}

{{- /* Whether there are objects for MPI. */}}
{{- define "nimhelm.service.lws.mpi" -}}
  {{- if and (eq (include "nimhelm.service.workload" .) "LeaderWorkerSet") (not (include "nimhelm.service.lws.rayPort" .)) }}true{{ end }}
{{- end }}

{{- /* The labels of a pod, as YAML; role is leader or worker. Takes (root, role). */}}
{{- define "nimhelm.service.lws.podLabels" -}}
  {{- $root := first . }}
  {{- include "nimhelm.service.overlay" (list
    $root.Values.labels
    (include "nimhelm.service.versionlessLabels" $root | fromJson)
    (dict "app" (include "nimhelm.service.lws.name" $root) "nim-llm-role" (last .))) }}
{{- end }}

{{- /* What both roles know of their group; yields to the pipeline's env. As JSON. */}}
{{- define "nimhelm.service.lws.env.common" -}}
  {{- $nodes := include "nimhelm.service.lws.nodes" . }}
  {{- list
    (dict "name" "NIM_MPI_ALLOW_RUN_AS_ROOT" "value" "0")
    (dict "name" "NIM_NUM_COMPUTE_NODES" "value" $nodes)
    (dict "name" "NIM_MULTI_NODE" "value" "1")
    (dict "name" "NIM_TENSOR_PARALLEL_SIZE" "value" (include "nimhelm.service.lws.gpusPerNode" .))
    (dict "name" "NIM_PIPELINE_PARALLEL_SIZE" "value" $nodes)
    (include "nimhelm.service.lws.env.field" (list "NIM_NODE_RANK" "metadata.labels['leaderworkerset.sigs.k8s.io/worker-index']") | fromJson)
    | toJson }}
{{- end }}

{{- define "nimhelm.service.lws.env.leader" -}}
  {{- list
    (dict "name" "NIM_LEADER_ROLE" "value" "1")
    (dict "name" "OMPI_MCA_orte_keep_fqdn_hostnames" "value" "true")
    (dict "name" "OMPI_MCA_plm_rsh_args" "value" "-o ConnectionAttempts=20")
    (dict "name" "GPUS_PER_NODE" "value" (include "nimhelm.service.lws.gpusPerNode" .))
    (dict "name" "CLUSTER_START_TIMEOUT" "value" (dig "mpi" "mpiStartTimeout" 300 .Values.multiNode | int | toString))
    (include "nimhelm.service.lws.env.field" (list "CLUSTER_SIZE" "metadata.annotations['leaderworkerset.sigs.k8s.io/size']") | fromJson)
    (include "nimhelm.service.lws.env.field" (list "GROUP_INDEX" "metadata.labels['leaderworkerset.sigs.k8s.io/group-index']") | fromJson)
    | toJson }}
{{- end }}

{{- define "nimhelm.service.lws.env.worker" -}}
  {{- list
    (dict "name" "NIM_LEADER_ROLE" "value" "0")
    (include "nimhelm.service.lws.env.field" (list "LEADER_NAME" "metadata.annotations['leaderworkerset.sigs.k8s.io/leader-name']") | fromJson)
    (include "nimhelm.service.lws.env.field" (list "NAMESPACE" "metadata.namespace") | fromJson)
    (include "nimhelm.service.lws.env.field" (list "LWS_NAME" "metadata.labels['leaderworkerset.sigs.k8s.io/name']") | fromJson)
    | toJson }}
{{- end }}

{{- /* Takes (name, field of the pod). */}}
{{- define "nimhelm.service.lws.env.field" -}}
  {{- dict "name" (first .) "valueFrom" (dict "fieldRef" (dict "fieldPath" (last .))) | toJson }}
{{- end }}

{{- /* What init containers and sidecars start from, as JSON. */}}
{{- define "nimhelm.service.lws.env.base" -}}
  {{- $common := include "nimhelm.service.lws.env.common" . | fromJsonArray }}
  {{- include "nimhelm.service.env.merge" (list $common (include "nimhelm.service.env.base" . | fromJsonArray)) }}
{{- end }}

{{- /* The environment of a NIM, as JSON. Takes (root, role). */}}
{{- define "nimhelm.service.lws.env" -}}
  {{- $root := first . }}
  {{- $role := include (printf "nimhelm.service.lws.env.%s" (last .)) $root | fromJsonArray }}
  {{- $env := include "nimhelm.service.env.merge" (list $role (include "nimhelm.service.lws.env.base" $root | fromJsonArray)) | fromJsonArray }}
  {{- $cache := $root.Values.storage.nimCache }}
  {{- if and $cache.name (has $cache.source (list "hf" "ngcModelEndpoint")) }}
    {{- $model := dict "name" "NIM_MODEL_NAME" "value" "/model-store" }}
    {{- $env = include "nimhelm.service.env.merge" (list (list $model) $env) | fromJsonArray }}
  {{- end }}
  {{- include "nimhelm.service.env.withProfile" (list $root $env) }}
{{- end }}

{{- /* The volumes of a pod, as JSON. Takes (root, role). */}}
{{- define "nimhelm.service.lws.volumes" -}}
  {{- $root := first . }}
  {{- $name := $root.Chart.Name }}
  {{- $volumes := include "nimhelm.service.volumes" $root | fromJsonArray }}
  {{- if include "nimhelm.service.lws.mpi" $root }}
    {{- if eq (last .) "leader" }}
      {{- $volumes = append $volumes (dict "name" "mpi-config" "configMap" (dict "name" (printf "%s-mpi-config" $name))) }}
    {{- else }}
      {{- $volumes = append $volumes (dict "name" "ssh-confs" "emptyDir" dict) }}
    {{- end }}
    {{- $key := dict "secretName" (include "nimhelm.service.lws.sshSecret" $root) "defaultMode" 256 }}
    {{- $script := dict "name" (printf "%s-mpi-start-script" $name) "defaultMode" 365 }}
    {{- $volumes = concat $volumes (list
      (dict "name" "ssh-dotfiles" "emptyDir" dict)
      (dict "name" "ssh-pk" "secret" $key)
      (dict "name" "start-mpi-script" "configMap" $script)) }}
  {{- end }}
  {{- toJson $volumes }}
{{- end }}

{{- /* The mounts of a NIM, as JSON. Takes (root, role). */}}
{{- define "nimhelm.service.lws.mounts" -}}
  {{- $root := first . }}
  {{- $mounts := include "nimhelm.service.mounts" $root | fromJsonArray }}
  {{- if include "nimhelm.service.lws.mpi" $root }}
    {{- $own := ternary
      (dict "name" "mpi-config" "mountPath" "/etc/mpi")
      (dict "name" "ssh-confs" "mountPath" "/ssh-confs")
      (eq (last .) "leader") }}
    {{- $script := "start-mpi-cluster.sh" }}
    {{- $mounts = concat $mounts (list
      $own
      (dict "name" "ssh-dotfiles" "mountPath" "/opt/nim/llm/.ssh")
      (dict "name" "ssh-pk" "mountPath" "/opt/nim/llm/pk")
      (dict "name" "start-mpi-script" "mountPath" (printf "/opt/nim/%s" $script) "subPath" $script)) }}
  {{- end }}
  {{- toJson $mounts }}
{{- end }}

{{- /* The Secret with the key by which the nodes reach each other: one of the user's, or the one made here. */}}
{{- define "nimhelm.service.lws.sshSecret" -}}
  {{- dig "mpi" "sshSecretName" "" .Values.multiNode | default (printf "%s-ssh-pk" .Chart.Name) }}
{{- end }}

{{- /* The pod of a role, as block YAML. Takes (root, role). */}}
{{- define "nimhelm.service.lws.pod" -}}
  {{- $root := first . }}
  {{- $env := include "nimhelm.service.lws.env.base" $root | fromJsonArray }}
  {{- $mounts := include "nimhelm.service.lws.mounts" . | fromJsonArray }}
metadata:
  labels:
    {{- include "nimhelm.service.lws.podLabels" . | nindent 4 }}
  annotations:
    {{- include "nimhelm.service.annotations" (list $root (include "nimhelm.service.lws.checksum" $root | fromJson)) | nindent 4 }}
spec:
  {{- include "nimhelm.service.podSettings" $root | fromJson | include "nimhelm.service.yaml" | nindent 2 }}
  {{- with include "nimhelm.service.initContainers" (list $root $env) | trim }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    {{- include "nimhelm.service.lws.container" . | trim | nindent 4 }}
    {{- with include "nimhelm.service.sidecars" (list $root $env $mounts) | trim }}
      {{- . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "nimhelm.service.lws.volumes" . | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
{{- end }}

{{- /*
An annotation that changes with the host files and the start script, which are read once, as JSON. More groups
mean more host files, but are no reason to restart the ones that run.
*/}}
{{- define "nimhelm.service.lws.checksum" -}}
  {{- $annotations := dict }}
  {{- if and (include "nimhelm.service.lws.mpi" .) (not .Values.global.nimhelm.keepOperatorPods) }}
    {{- $read := list (.Files.Get "files/start-mpi-cluster.sh") (include "nimhelm.service.lws.nodes" .) (include "nimhelm.service.lws.gpusPerNode" .) }}
    {{- $_ := set $annotations "nimhelm.dev/config-checksum" (join "\n" $read | sha256sum) }}
  {{- end }}
  {{- toJson $annotations }}
{{- end }}

{{- /* The NIM of a role. Takes (root, role). */}}
{{- define "nimhelm.service.lws.container" -}}
  {{- $root := first . }}
  {{- $role := last . }}
- name: {{ printf "nim-%s" $role }}
  image: {{ include "nimhelm.service.image" (list $root $root.Values.image) }}
  {{- with $root.Values.image.pullPolicy }}
  imagePullPolicy: {{ toJson . }}
  {{- end }}
  {{- with $root.Values.command }}
  command:
    {{- include "nimhelm.service.yaml" . | nindent 4 }}
  {{- end }}
  {{- with include "nimhelm.service.lws.args" . | fromJsonArray }}
  args:
    {{- include "nimhelm.service.yaml" . | nindent 4 }}
  {{- end }}
  env:
    {{- include "nimhelm.service.lws.env" . | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
  ports:
    {{- include "nimhelm.service.containerPorts" $root | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
    {{- with include "nimhelm.service.lws.rayPort" $root }}
    - name: ray
      containerPort: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with include "nimhelm.service.lws.probes" . | fromJson }}
  {{- include "nimhelm.service.yaml" . | nindent 2 }}
  {{- end }}
  {{- with include "nimhelm.service.resources" $root | fromJson }}
  resources:
    {{- include "nimhelm.service.yaml" . | nindent 4 }}
  {{- end }}
  {{- with include "nimhelm.service.hardening" $root | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "nimhelm.service.lastWords" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  volumeMounts:
    {{- include "nimhelm.service.lws.mounts" . | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
{{- end }}

{{- /* The arguments of a NIM: Ray's, or the pipeline's. Takes (root, role). */}}
{{- define "nimhelm.service.lws.args" -}}
  {{- $root := first . }}
  {{- $port := include "nimhelm.service.lws.rayPort" $root }}
  {{- if not $port }}
    {{- toJson $root.Values.args }}
  {{- else if eq (last .) "leader" }}
    {{- list "nim-serve-ray" "--head" "--port" $port | toJson }}
  {{- else }}
    {{- list "nim-serve-ray" "--head-address" (printf "$(LWS_LEADER_ADDRESS):%s" $port) | toJson }}
  {{- end }}
{{- end }}

{{- /* The probes of a NIM, as JSON. Only the leader answers; a worker is there once Ray is. Takes (root, role). */}}
{{- define "nimhelm.service.lws.probes" -}}
  {{- $root := first . }}
  {{- if eq (last .) "leader" }}
    {{- include "nimhelm.service.probes" $root }}
  {{- else if include "nimhelm.service.lws.rayPort" $root }}
    {{- dict "startupProbe" (dict
      "exec" (dict "command" (list "/bin/sh" "-c" "ray status"))
      "initialDelaySeconds" 30 "timeoutSeconds" 5 "periodSeconds" 10 "failureThreshold" 3) | toJson }}
  {{- else }}
    {{- dict | toJson }}
  {{- end }}
{{- end }}

{{- /* The device claim that puts the nodes into one NVLink domain, as JSON; beside draResources. */}}
{{- define "nimhelm.service.computeDomainClaims" -}}
  {{- $claims := list }}
  {{- if and .Values.multiNode.computeDomain (eq (include "nimhelm.service.workload" .) "LeaderWorkerSet") }}
    {{- $claims = list (dict "resourceClaimTemplateName" (include "nimhelm.service.computeDomain.template" .) "kind" "2") }}
  {{- end }}
  {{- toJson $claims }}
{{- end }}

{{- /* The claim template of the compute domain: that of the one made here, or of an existing one. */}}
{{- define "nimhelm.service.computeDomain.template" -}}
  {{- $domain := .Values.multiNode.computeDomain }}
  {{- if get $domain "create" }}
    {{- printf "cd-claimtemplate-%s" (include "nimhelm.service.shortHash" .Chart.Name) }}
  {{- else }}
    {{- get $domain "claimTemplateName" }}
  {{- end }}
{{- end }}
