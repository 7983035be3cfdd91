{{- /* Where the model is kept, and the other volumes of a pod. Lists are JSON. */}}

{{- /* The volume source of the model store. */}}
{{- define "nimhelm.service.modelStore" -}}
  {{- $storage := .Values.storage }}
  {{- $claim := include "nimhelm.service.claimName" . }}
  {{- if $claim }}
    {{- $source := dict "claimName" $claim }}
    {{- if $storage.readOnly }}{{ $_ := set $source "readOnly" true }}{{ end }}
    {{- dict "persistentVolumeClaim" $source | toJson }}
  {{- else if kindIs "map" $storage.emptyDir }}
    {{- $source := dict }}
    {{- with get $storage.emptyDir "sizeLimit" }}
      {{- $_ := set $source "sizeLimit" (include "nimhelm.service.quantity" .) }}
    {{- end }}
    {{- dict "emptyDir" $source | toJson }}
  {{- else }}
    {{- dict "hostPath" (dict "path" $storage.hostPath "type" "DirectoryOrCreate") | toJson }}
  {{- end }}
{{- end }}

{{- /* The mounts of the model store. An image with the native layout looks for it elsewhere. */}}
{{- define "nimhelm.service.modelMounts" -}}
  {{- $storage := .Values.storage }}
  {{- $subPath := ternary $storage.nimCache.subPath $storage.pvc.subPath (not (empty $storage.nimCache.name)) }}
  {{- $paths := ternary (list "/model" "/opt/cache") (list "/model-store") (eq .Values.imageLayout "native") }}
  {{- $mounts := list }}
  {{- range $path := $paths }}
    {{- $mount := dict "name" "model-store" "mountPath" $path }}
    {{- if $subPath }}{{ $_ := set $mount "subPath" $subPath }}{{ end }}
    {{- $mounts = append $mounts $mount }}
  {{- end }}
  {{- toJson $mounts }}
{{- end }}

{{- /* The volumes of every pod of the service. */}}
{{- define "nimhelm.service.volumes" -}}
  {{- $shared := dict "medium" "Memory" }}
  {{- with .Values.storage.sharedMemorySizeLimit }}
    {{- $_ := set $shared "sizeLimit" (include "nimhelm.service.quantity" .) }}
  {{- end }}
  {{- $volumes := list (dict "name" "dshm" "emptyDir" $shared) }}
  {{- if include "nimhelm.service.needsScratch" . }}
    {{- $volumes = append $volumes (dict "name" "scratch" "emptyDir" dict) }}
  {{- end }}
  {{- $volumes = append $volumes (include "nimhelm.service.modelStore" . | fromJson | merge (dict "name" "model-store")) }}
  {{- with include "nimhelm.service.certConfigMap" . }}
    {{- $volumes = append $volumes (dict "name" "ca-cert-volume" "emptyDir" dict) }}
    {{- $volumes = append $volumes (dict "name" "custom-ca" "configMap" (dict "name" .)) }}
  {{- end }}
  {{- if include "nimhelm.service.gates.toolsNeeded" . }}
    {{- $volumes = append $volumes (dict "name" "nimhelm-wait" "emptyDir" (dict "sizeLimit" "16Mi")) }}
  {{- end }}
  {{- toJson $volumes }}
{{- end }}

{{- /* The mounts of the main container and of the sidecars. */}}
{{- define "nimhelm.service.mounts" -}}
  {{- $mounts := include "nimhelm.service.modelMounts" . | fromJsonArray }}
  {{- $mounts = append $mounts (dict "name" "dshm" "mountPath" "/dev/shm") }}
  {{- if include "nimhelm.service.needsScratch" . }}
    {{- $mounts = append $mounts (dict "name" "scratch" "mountPath" "/scratch") }}
  {{- end }}
  {{- if include "nimhelm.service.certConfigMap" . }}
    {{- $mounts = append $mounts (dict "name" "ca-cert-volume" "mountPath" "/etc/ssl") }}
  {{- end }}
  {{- toJson $mounts }}
{{- end }}

{{- /* The mounts of the init containers. */}}
{{- define "nimhelm.service.initMounts" -}}
  {{- $mounts := include "nimhelm.service.modelMounts" . | fromJsonArray }}
  {{- if include "nimhelm.service.needsScratch" . }}
    {{- $mounts = append $mounts (dict "name" "scratch" "mountPath" "/scratch") }}
  {{- end }}
  {{- if include "nimhelm.service.certConfigMap" . }}
    {{- $mounts = append $mounts (dict "name" "ca-cert-volume" "mountPath" "/ca-certs") }}
    {{- $mounts = append $mounts (dict "name" "custom-ca" "mountPath" "/custom") }}
  {{- end }}
  {{- toJson $mounts }}
{{- end }}

{{- /* Containers of one pod hand files to each other in /scratch: only of use with containers beside the NIM's own. */}}
{{- define "nimhelm.service.needsScratch" -}}
  {{- if or .Values.initContainers .Values.sidecarContainers }}true{{ end }}
{{- end }}

{{- define "nimhelm.service.certConfigMap" -}}
  {{- dig "certConfigMap" "" (.Values.proxy | default dict) }}
{{- end }}
