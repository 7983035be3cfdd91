{{- /* One model on several nodes: a LeaderWorkerSet whose leader answers requests. MPI or Ray starts the group. */}}

{{- define "nimhelm.v3.leaderWorkerSet" -}}
{{- include "nimhelm.v3.revision" . -}}
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
{{ include "nimhelm.v3.metadata" (dict "root" . "name" (printf "%s-lws" .nim.name) "annotated" true "workload" true) }}
spec:
  replicas: {{ .nim.replicas }}
  startupPolicy: LeaderCreated
  networkConfig:
    subdomainPolicy: Shared
  rolloutStrategy:
    type: RollingUpdate
    rollingUpdateConfiguration:
      maxUnavailable: 1
      maxSurge: 0
  leaderWorkerTemplate:
    size: {{ .nim.nodes }}
    restartPolicy: RecreateGroupOnPodRestart
    {{- range $role := list "worker" "leader" }}
    {{- $_ := set $.nim "role" $role }}
    {{ $role }}Template:
      {{- include "nimhelm.v3.podTemplate" $ | nindent 6 }}
    {{- end }}
{{- end }}

{{- /* Variables of the group, for all containers and for the NIM of each role. The env of the pipeline wins. */}}
{{- define "nimhelm.v3.group.env" -}}
- {name: NIM_MPI_ALLOW_RUN_AS_ROOT, value: "0"}
- {name: NIM_NUM_COMPUTE_NODES, value: "{{ .nim.nodes }}"}
- {name: NIM_MULTI_NODE, value: "1"}
- {name: NIM_TENSOR_PARALLEL_SIZE, value: "{{ .nim.tensor }}"}
- {name: NIM_PIPELINE_PARALLEL_SIZE, value: "{{ .nim.nodes }}"}
- {name: NIM_NODE_RANK, valueFrom: {fieldRef: {fieldPath: "metadata.labels['leaderworkerset.sigs.k8s.io/worker-index']"}}}
{{- end }}

{{- define "nimhelm.v3.group.roleEnv" -}}
{{- if eq .nim.role "leader" -}}
- {name: NIM_LEADER_ROLE, value: "1"}
- {name: OMPI_MCA_orte_keep_fqdn_hostnames, value: "true"}
- {name: OMPI_MCA_plm_rsh_args, value: "-o ConnectionAttempts=20"}
- {name: GPUS_PER_NODE, value: "{{ .nim.tensor }}"}
- {name: CLUSTER_START_TIMEOUT, value: "{{ dig "mpi" "mpiStartTimeout" 300 .Values.multiNode | int }}"}
- {name: CLUSTER_SIZE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['leaderworkerset.sigs.k8s.io/size']"}}}
- {name: GROUP_INDEX, valueFrom: {fieldRef: {fieldPath: "metadata.labels['leaderworkerset.sigs.k8s.io/group-index']"}}}
{{- else -}}
- {name: NIM_LEADER_ROLE, value: "0"}
- {name: LEADER_NAME, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['leaderworkerset.sigs.k8s.io/leader-name']"}}}
- {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: LWS_NAME, valueFrom: {fieldRef: {fieldPath: "metadata.labels['leaderworkerset.sigs.k8s.io/name']"}}}
{{- end }}
{{- end }}

{{- define "nimhelm.v3.mpi.mounts" -}}
- {{ ternary "{name: mpi-config, mountPath: /etc/mpi}" "{name: ssh-confs, mountPath: /ssh-confs}" (eq .nim.role "leader") }}
- {name: ssh-dotfiles, mountPath: /opt/nim/llm/.ssh}
- {name: ssh-pk, mountPath: /opt/nim/llm/pk}
- {name: start-mpi-script, mountPath: /opt/nim/start-mpi-cluster.sh, subPath: start-mpi-cluster.sh}
{{- end }}

{{- /* The Secret with the SSH key: the user's, or the one that the chart creates. */}}
{{- define "nimhelm.v3.mpi.secretName" -}}
  {{- dig "mpi" "sshSecretName" "" .Values.multiNode | default (printf "%s-ssh-pk" .nim.name) }}
{{- end }}

{{- define "nimhelm.v3.mpi.script" -}}
#!/bin/bash
# Starts the API server of the leader once MPI has brought up every node.
python=/opt/nim/llm/.venv/bin/python3
server=nim_llm_sdk.entrypoints.openai.api_server
packer=nim_llm_sdk.logging.pack_all_logs_into_json
if [ "${NIM_JSONL_LOGGING:-0}" = "1" ] && "$python" -c "import $packer" 2> /dev/null; then
  "$python" -m "$server" |& "$python" -m "$packer"
else
  "$python" -m "$server"
fi
{{- end }}

{{- /* The objects that a LeaderWorkerSet needs. */}}
{{- define "nimhelm.v3.multinode" }}
{{- $nim := .nim }}
{{- if $nim.mpi }}
{{- $lws := printf "%s-lws" $nim.name }}
apiVersion: v1
kind: ConfigMap
{{ include "nimhelm.v3.metadata" (dict "root" . "name" (printf "%s-mpi-config" $nim.name)) }}
data:
  {{- /* A host file for each group: the leader first, then the workers. */}}
  {{- range $group := until $nim.replicas }}
  hostfile-{{ $group }}: |
    localhost slots={{ $nim.tensor }}
    {{- range $worker := untilStep 1 $nim.nodes 1 }}
    {{ $lws }}-{{ $group }}-{{ $worker }}.{{ $lws }}.{{ $.Release.Namespace }}.svc slots={{ $nim.tensor }}
    {{- end }}
  {{- end }}
---
apiVersion: v1
kind: ConfigMap
{{ include "nimhelm.v3.metadata" (dict "root" . "name" (printf "%s-mpi-start-script" $nim.name)) }}
data:
  start-mpi-cluster.sh: |
    {{- include "nimhelm.v3.mpi.script" . | nindent 4 }}
{{- $key := include "nimhelm.v3.mpi.secretName" . }}
{{- if eq $key (printf "%s-ssh-pk" $nim.name) }}
---
{{- /* Created at install. An upgrade reads it from the cluster, because running and new nodes must share it. */}}
apiVersion: v1
kind: Secret
{{ include "nimhelm.v3.metadata" (dict "root" . "name" $key) }}
type: Opaque
data:
  private.key: {{ dig "data" "private.key" "" (lookup "v1" "Secret" .Release.Namespace $key) | default (genPrivateKey "rsa" | b64enc) | toJson }}
{{- end }}
{{- end }}
{{- /* The compute domain joins the nodes through NVLink. */}}
{{- if and $nim.group (dig "computeDomain" "create" false .Values.multiNode) }}
{{- if include "nimhelm.v3.served" (dict "root" . "api" "resource.nvidia.com/v1beta1/ComputeDomain" "remedy" "install the NVIDIA DRA driver") }}
---
apiVersion: resource.nvidia.com/v1beta1
kind: ComputeDomain
{{ include "nimhelm.v3.metadata" (dict "root" . "annotated" true) }}
spec:
  numNodes: {{ $nim.nodes }}
  channel:
    resourceClaimTemplate:
      name: {{ include "nimhelm.v3.computeDomain.template" . | toJson }}
    allocationMode: Single
{{- end }}
{{- end }}
{{- end }}

{{- /* The claim template of the compute domain: of the one that the chart creates, or of an existing one. */}}
{{- define "nimhelm.v3.computeDomain.template" -}}
  {{- $domain := .Values.multiNode.computeDomain }}
  {{- if get $domain "create" }}cd-claimtemplate-{{ include "nimhelm.v3.shortHash" .nim.name }}{{ else }}{{ get $domain "claimTemplateName" }}{{ end }}
{{- end }}
