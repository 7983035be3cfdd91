{{- /* The volume of the model, and the other volumes of a pod. */}}

{{- define "nimhelm.v3.facts.storage" -}}
  {{- $storage := .Values.storage }}
  {{- $cache := $storage.nimCache }}
  {{- $from := ternary $storage.pvc $cache (empty $cache.name) }}
  {{- $certificates := dig "certConfigMap" "" (.Values.proxy | default dict) }}
  {{- /* Containers of a pod exchange files in /scratch. */}}
  {{- $shares := or .Values.initContainers .Values.sidecarContainers | empty | not }}
  {{- $claim := get $cache "claimName" | default (printf "%s-pvc" $cache.name) }}
  {{- if not $cache.name }}{{ $claim = ternary ($storage.pvc.name | default (printf "%s-pvc" .nim.name)) "" (or $storage.pvc.create $storage.pvc.name | empty | not) }}{{ end }}
  {{- $init := list }}
  {{- /* An image with the native layout has another path for its model. */}}
  {{- range ternary (list "/model" "/opt/cache") (list "/model-store") (eq .Values.imageLayout "native") }}
    {{- $init = append $init (merge (dict "name" "model-store" "mountPath" .) (ternary (pick $from "subPath") dict (not (empty $from.subPath)))) }}
  {{- end }}
  {{- $mounts := append $init (dict "name" "dshm" "mountPath" "/dev/shm") }}
  {{- if $shares }}
    {{- $scratch := dict "name" "scratch" "mountPath" "/scratch" }}
    {{- $mounts = append $mounts $scratch }}
    {{- $init = append $init $scratch }}
  {{- end }}
  {{- if $certificates }}
    {{- $mounts = append $mounts (dict "name" "ca-cert-volume" "mountPath" "/etc/ssl") }}
    {{- $init = concat $init (list (dict "name" "ca-cert-volume" "mountPath" "/ca-certs") (dict "name" "custom-ca" "mountPath" "/custom")) }}
  {{- end }}
  {{- $_ := merge .nim (dict
    "certificates" $certificates
    "needsScratch" $shares
    "scc" (ternary "anyuid" (ternary "hostmount-anyuid" "nonroot" (not (empty $storage.hostPath))) (not (empty $certificates)))
    "cache" ($cache.name | default "")
    "claim" $claim
    "mounts" $mounts
    "initMounts" $init) }}
{{- end }}

{{- /* Where a container finds the scripts of the chart. */}}
{{- define "nimhelm.v3.scriptsMount" -}}
- {name: nimhelm-scripts, mountPath: /nimhelm-scripts, readOnly: true}
{{- end }}

{{- /* The volumes of a pod of .nim.role. */}}
{{- define "nimhelm.v3.volumes" -}}
{{- $nim := .nim }}
{{- $storage := .Values.storage -}}
- name: dshm
  emptyDir:
    medium: Memory
    {{- with $storage.sharedMemorySizeLimit }}
    sizeLimit: {{ include "nimhelm.v3.yaml" (toString .) }}
    {{- end }}
{{- if $nim.needsScratch }}
- {name: scratch, emptyDir: {}}
{{- end }}
- name: model-store
  {{- if $nim.claim }}
  persistentVolumeClaim:
    claimName: {{ toJson $nim.claim }}
    {{- include "nimhelm.v3.fields" (dict "indent" 4 "fields" (dict "readOnly" $storage.readOnly)) }}
  {{- else if $storage.image.reference }}
  image:
    reference: {{ include "nimhelm.v3.image" (dict "global" $nim.global "reference" $storage.image.reference) | toJson }}
    {{- include "nimhelm.v3.fields" (dict "indent" 4 "fields" (pick $storage.image "pullPolicy")) }}
  {{- else if kindIs "map" $storage.emptyDir }}
  emptyDir: {{ with get $storage.emptyDir "sizeLimit" }}{sizeLimit: {{ toString . | toJson }}}{{ else }}{}{{ end }}
  {{- else }}
  hostPath:
    path: {{ include "nimhelm.v3.yaml" $storage.hostPath }}
    type: DirectoryOrCreate
  {{- end }}
{{- with $nim.certificates }}
- {name: ca-cert-volume, emptyDir: {}}
- {name: custom-ca, configMap: {name: {{ toJson . }}}}
{{- end }}
{{- if or $nim.gates $nim.certificates $nim.fillsCache }}
- {name: nimhelm-scripts, configMap: {name: {{ include "nimhelm.v3.scriptsName" . | toJson }}}}
{{- end }}
{{- if and $nim.gates $nim.global.pullWhileWaiting }}
- {name: nimhelm-wait, emptyDir: {sizeLimit: 16Mi}}
{{- end }}
{{- if $nim.mpi }}
{{- if eq .nim.role "leader" }}
- {name: mpi-config, configMap: {name: {{ printf "%s-mpi-config" .nim.name }}}}
{{- else }}
- {name: ssh-confs, emptyDir: {}}
{{- end }}
- {name: ssh-dotfiles, emptyDir: {}}
- {name: ssh-pk, secret: {secretName: {{ include "nimhelm.v3.mpi.secretName" . | toJson }}, defaultMode: 256}}
- name: start-mpi-script
  configMap:
    name: {{ printf "%s-mpi-start-script" .nim.name }}
    {{- if not .nim.global.keepOperatorPods }}
    defaultMode: 365
    {{- end }}
{{- end }}
{{- with .Values.volumes }}
{{ include "nimhelm.v3.yaml" . }}
{{- end }}
{{- end }}

{{- define "nimhelm.v3.storage" }}
{{- if and .Values.storage.pvc.create (not .nim.cache) }}
{{- include "nimhelm.v3.claim" (dict "root" . "name" .nim.claim "pvc" .Values.storage.pvc) }}
{{- end }}
{{- end }}

{{- /*
Adds the annotations of a claim to `into`. One records the storage class of the values: the guard refuses an upgrade
that leaves a class out, and the claim alone does not show whether its class was the default. Takes into, pvc and
global.
*/}}
{{- define "nimhelm.v3.claimAnnotations" -}}
  {{- if .global.keepClaims }}{{ $_ := set .into "helm.sh/resource-policy" "keep" }}{{ end }}
  {{- with get .pvc "storageClass" | default .global.storageClass }}{{ $_ := set $.into "nimhelm.dev/storage-class" . }}{{ end }}
  {{- $_ := mergeOverwrite .into (get .pvc "annotations" | default dict) }}
{{- end }}

{{- /* A claim. Takes root, name, pvc, labels (over those of the values), and order (annotations). */}}
{{- define "nimhelm.v3.claim" }}
{{- $global := .root.nim.global }}
{{- $annotations := dict }}
{{- include "nimhelm.v3.claimAnnotations" (dict "into" $annotations "pvc" .pvc "global" $global) }}
{{- $_ := mergeOverwrite $annotations (.order | default dict) }}
apiVersion: v1
kind: PersistentVolumeClaim
{{ include "nimhelm.v3.metadata" (dict "root" .root "name" .name "under" .pvc.labels "over" .labels "annotations" $annotations) }}
spec:
  accessModes:
    - {{ get .pvc "volumeAccessMode" | default "ReadWriteOnce" | toJson }}
  {{- with get .pvc "storageClass" | default $global.storageClass }}
  storageClassName: {{ ternary "" . (eq . "-") | toJson }}
  {{- end }}
  resources:
    requests:
      storage: {{ get .pvc "size" | toString | toJson }}
  {{- with pick .pvc "dataSource" "selector" "volumeName" }}
  {{- include "nimhelm.v3.yaml" . | nindent 2 }}
  {{- end }}
{{- end }}
