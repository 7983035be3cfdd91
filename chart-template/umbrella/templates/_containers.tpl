{{- /* The containers of a pod: the NIM, its init containers and its sidecars. */}}

{{- /*
Image and pull policy. The pull policy of the service is the default. Takes root, image ({repository, tag,
pullPolicy}), and noPolicy: true to leave the policy out.
*/}}
{{- define "nimhelm.v3.containerImage" -}}
image: {{ include "nimhelm.v3.image" (dict "global" .root.nim.global "image" .image) | toJson }}
{{- with ternary "" (get .image "pullPolicy" | default .root.Values.image.pullPolicy) (.noPolicy | default false) }}
imagePullPolicy: {{ toJson . }}
{{- end }}
{{- end }}

{{- /* Image and pull policy of the gates, and of other containers that the chart adds. Takes global. */}}
{{- define "nimhelm.v3.waitImage" -}}
image: {{ include "nimhelm.v3.image" (dict "global" .global "reference" .global.waitImage) | toJson }}
imagePullPolicy: {{ toJson .global.waitImagePullPolicy }}
{{- end }}

{{- /* The NIM, in the pod of .nim.role. */}}
{{- define "nimhelm.v3.mainContainer" -}}
{{- $nim := .nim }}
{{- include "nimhelm.v3.env.main" . }}
{{- include "nimhelm.v3.probes" . }}
{{- /* The operator leaves command, args and the pull policy out in a group of nodes. */}}
{{- $left := and $nim.group $nim.global.keepOperatorPods }}
{{- $args := ternary list .Values.args $left }}
{{- $ports := list }}
{{- range $nim.ports }}
  {{- $port := dict "containerPort" .port "name" .name "protocol" "TCP" }}
  {{- if not $nim.knative }}{{ $ports = append $ports $port }}
  {{- else if ne .name "metrics" }}{{ $ports = append $ports (omit $port "name") }}
  {{- end }}
{{- end }}
{{- if and $nim.group $nim.ray }}
  {{- $head := ternary (list "--head" "--port" (toString $nim.ray)) (list "--head-address" (printf "$(LWS_LEADER_ADDRESS):%d" $nim.ray)) (eq $nim.role "leader") }}
  {{- $args = concat (list "nim-serve-ray") $head }}
  {{- $ports = append $ports (dict "containerPort" $nim.ray "name" "ray" "protocol" "TCP") }}
{{- end -}}
- name: {{ ternary (printf "nim-%s" $nim.role) (printf "%s-ctr" $nim.name) $nim.group | toJson }}
  {{- include "nimhelm.v3.containerImage" (dict "root" . "image" .Values.image "noPolicy" $left) | nindent 2 }}
  {{- include "nimhelm.v3.fields" (dict "indent" 2 "fields" (merge (dict
    "command" (ternary list .Values.command $left)
    "args" $args
    "env" $nim.mainEnv
    "envFrom" .Values.envFrom
    "ports" $ports
    "lifecycle" .Values.lifecycle
    "securityContext" (mergeOverwrite (dict) $nim.confined .Values.securityContext)
    "terminationMessagePolicy" $nim.lastWords) $nim.probes)) }}
  {{- include "nimhelm.v3.resources" . | nindent 2 | trimSuffix "\n  " }}
  volumeMounts:
    {{- include "nimhelm.v3.yaml" (concat $nim.mounts .Values.volumeMounts) | nindent 4 }}
    {{- if $nim.mpi }}{{ include "nimhelm.v3.mpi.mounts" . | nindent 4 }}{{ end }}
{{- end }}

{{- /*
All init containers: the gates, the certificates, then the user's own in their order. A download runs before the gates,
while the dependencies start. It needs the certificates.
*/}}
{{- define "nimhelm.v3.initContainers" -}}
  {{- if not .nim.fillsCache }}{{ include "nimhelm.v3.gates" . }}{{ end }}
  {{- if .nim.certificates }}
    {{- include "nimhelm.v3.addCertificates" (dict "root" . "image" (include "nimhelm.v3.containerImage" (dict "root" . "image" .Values.image))
      "env" .nim.env "mounts" .nim.initMounts "kept" .nim.global.keepOperatorPods) }}
  {{- end }}
  {{- if .nim.fillsCache }}
{{ include "nimhelm.v3.fillCache" . }}
    {{- include "nimhelm.v3.gates" . }}
  {{- end }}
  {{- range .Values.initContainers }}
    {{- include "nimhelm.v3.userContainer" (dict "root" $ "container" . "mounts" $.nim.initMounts) | nindent 0 }}
  {{- end }}
{{- end }}

{{- /* Takes root, image (text), env, mounts and kept (the pod is the operator's). */}}
{{- define "nimhelm.v3.addCertificates" }}
- name: update-ca-certificates
  {{- .image | nindent 2 }}
  command: [/bin/sh, /nimhelm-scripts/update-ca-certificates.sh]
  {{- include "nimhelm.v3.fields" (dict "indent" 2 "fields" (dict "env" .env "terminationMessagePolicy" (ternary "" "FallbackToLogsOnError" (eq true .kept)))) }}
  {{- /* Only root can write to the certificate folder of the image. */}}
  securityContext:
    runAsNonRoot: false
    runAsUser: 0
  {{- include "nimhelm.v3.givenResources" (dict "given" .root.nim.global.containerResources) | nindent 2 | trimSuffix "\n  " }}
  volumeMounts:
    {{- include "nimhelm.v3.yaml" .mounts | nindent 4 }}
    {{- include "nimhelm.v3.scriptsMount" . | nindent 4 }}
{{- end }}

{{- /*
An init container or sidecar of the pipeline. A sidecar has the mounts and devices of the main container. Takes root,
container, mounts, more (mounts as text) and claims.
*/}}
{{- define "nimhelm.v3.userContainer" -}}
{{- $nim := .root.nim }}
{{- $own := dict "env" (get .container "env" | default list) }}
{{- include "nimhelm.v3.env.last" $own }}
{{- $_ := set $own "env" (concat $own.env $nim.env) }}
{{- include "nimhelm.v3.env.first" $own -}}
- name: {{ toJson .container.name }}
  {{- include "nimhelm.v3.containerImage" (dict "root" .root "image" .container.image) | nindent 2 }}
  {{- $fields := dict "env" $own.env "securityContext" $nim.confined "terminationMessagePolicy" $nim.lastWords }}
  {{- include "nimhelm.v3.fields" (dict "indent" 2 "fields" (merge $fields (pick .container "command" "args" "workingDir"))) }}
  {{- $given := get .container "resources" | default $nim.global.containerResources }}
  {{- include "nimhelm.v3.givenResources" (dict "given" $given "claims" .claims) | nindent 2 | trimSuffix "\n  " }}
  volumeMounts:
    {{- include "nimhelm.v3.yaml" .mounts | nindent 4 }}
    {{- with .more }}{{ . | nindent 4 }}{{ end }}
{{- end }}

{{- /*
Fields of the containers that the chart adds, which pass Pod Security restricted. Takes nim (.global and .openshift) and user.
*/}}
{{- define "nimhelm.v3.helperContainer" -}}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  runAsNonRoot: true
  {{- if and .user (ne .nim.openshift "restricted") }}
  runAsUser: {{ .user }}
  {{- end }}
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities: {drop: ["ALL"]}
  {{- /* The OpenShift constraints nonroot, anyuid and hostmount-anyuid refuse pods that set a seccomp profile. */}}
  {{- if ne .nim.openshift "scc" }}
  seccompProfile: {type: RuntimeDefault}
  {{- end }}
{{- include "nimhelm.v3.givenResources" (dict "given" .nim.global.helperResources) | nindent 0 | trimSuffix "\n" }}
{{- end }}

{{- /* Some clusters refuse containers without probes, or with one twice. A busy node must not end a check. */}}
{{- define "nimhelm.v3.helperProbes" -}}
{{- range $name, $command := dict "livenessProbe" "true" "readinessProbe" "echo" }}
{{ $name }}: {exec: {command: [/bin/busybox, {{ quote $command }}]}, periodSeconds: 60, timeoutSeconds: 60}
{{- end }}
{{- end }}

{{- /*
Sets .nim.probes: the probes of the NIM. A disabled probe is left out. A probe in the values replaces the default as a
whole. In a group only the leader answers, and a worker is ready once Ray runs.

A NIM may need 20 minutes to load its model. Knative waits for five. The start-up probe asks every second and keeps the
operator's total budget, so a ready NIM is noticed at once. The other probes begin when it has passed or is disabled.
*/}}
{{- define "nimhelm.v3.probes" -}}
  {{- $nim := .nim }}
  {{- $kept := $nim.global.keepOperatorPods }}
  {{- $probes := dict }}
  {{- range $name := ternary list (list "livenessProbe" "readinessProbe" "startupProbe") (eq $nim.role "worker") }}
    {{- $setting := get $.Values $name }}
    {{- $probe := dict "timeoutSeconds" 1 "periodSeconds" 10 "successThreshold" 1 "initialDelaySeconds" 15 "failureThreshold" 3 }}
    {{- if and $kept (eq $name "startupProbe") }}
      {{- $probe = mergeOverwrite $probe (dict "initialDelaySeconds" 30 "failureThreshold" (ternary 30 120 $nim.knative)) }}
    {{- else if eq $name "startupProbe" }}
      {{- $probe = mergeOverwrite $probe (dict "periodSeconds" 1 "initialDelaySeconds" 0 "failureThreshold" (ternary 330 1230 $nim.knative)) }}
    {{- else if and (eq $name "readinessProbe") (not $kept) $.Values.startupProbe.enabled }}
      {{- $_ := set $probe "initialDelaySeconds" 0 }}
    {{- end }}
    {{- $grpc := and $nim.knative (int $.Values.expose.service.grpcPort) }}
    {{- if $grpc }}{{ $_ := set $probe "grpc" (dict "port" $grpc) }}
    {{- else }}
      {{- $path := ternary "/v1/health/live" "/v1/health/ready" (eq $name "livenessProbe") }}
      {{- $_ := set $probe "httpGet" (dict "path" $path "port" (ternary $nim.port "api" $nim.knative)) }}
    {{- end }}
    {{- if $setting.enabled }}{{ $_ := set $probes $name ($setting.probe | default $probe) }}{{ end }}
  {{- end }}
  {{- if and (eq $nim.role "worker") $nim.ray }}
    {{- $_ := set $probes "startupProbe" (dict
      "exec" (dict "command" (list "/bin/sh" "-c" "ray status"))
      "initialDelaySeconds" 30 "timeoutSeconds" 5 "periodSeconds" 10 "failureThreshold" 3) }}
  {{- end }}
  {{- $_ := set $nim "probes" $probes }}
{{- end }}

{{- /* The resources of a container. Takes given ({limits, requests}) and claims. */}}
{{- define "nimhelm.v3.givenResources" -}}
{{- $resources := dict }}
{{- range $key, $amounts := pick (.given | default dict) "limits" "requests" }}
  {{- $printed := dict }}
  {{- include "nimhelm.v3.quantities" (dict "into" $printed "from" $amounts) }}
  {{- with $printed }}{{ $_ := set $resources $key . }}{{ end }}
{{- end }}
{{- with .claims }}{{ $_ := set $resources "claims" . }}{{ end }}
{{- with $resources -}}
resources:
  {{- include "nimhelm.v3.yaml" . | nindent 2 }}
{{- end }}
{{- end }}

{{- /*
The resources of the NIM. The API server accepts extended resources (GPUs) and huge pages only when request and limit
are equal, so each is copied to the side that lacks it. A pod taken over from the operator keeps only its limits, and
the API server derives the requests.
*/}}
{{- define "nimhelm.v3.resources" -}}
  {{- $limits := merge (dict) .Values.resources.limits }}
  {{- $requests := merge (dict) .Values.resources.requests }}
  {{- range $name, $quantity := $requests }}
    {{- if and (not (hasKey $limits $name)) (include "nimhelm.v3.isExtended" $name) }}{{ $_ := set $limits $name $quantity }}{{ end }}
  {{- end }}
  {{- range $name, $quantity := ternary dict $limits .nim.global.keepOperatorPods }}
    {{- if and (not (hasKey $requests $name)) (include "nimhelm.v3.isExtended" $name) }}{{ $_ := set $requests $name $quantity }}{{ end }}
  {{- end }}
  {{- include "nimhelm.v3.givenResources" (dict "given" (dict "limits" $limits "requests" $requests) "claims" .nim.containerClaims) }}
{{- end }}

{{- /* Whether a resource cannot be overcommitted: a device or huge pages. */}}
{{- define "nimhelm.v3.isExtended" -}}
  {{- if or (hasPrefix "hugepages-" .) (include "nimhelm.v3.isDevice" .) }}true{{ end }}
{{- end }}

{{- /* Whether a resource is counted in whole devices: its name has a domain other than kubernetes.io. */}}
{{- define "nimhelm.v3.isDevice" -}}
  {{- if and (contains "/" .) (not (contains "kubernetes.io/" .)) }}true{{ end }}
{{- end }}
