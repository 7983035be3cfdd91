{{- /* The containers of a pod: the NIM, its init containers and its sidecars. */}}

{{- /*
Image and pull policy. The pull policy of the service is the default. Takes root, image ({repository, tag,
pullPolicy}), and noPolicy: true to leave the policy out.
*/}}
{{- define "nimhelm.v2.containerImage" -}}
image: {{ include "nimhelm.v2.image" (dict "global" .root.nim.global "image" .image) | toJson }}
{{- with ternary "" (get .image "pullPolicy" | default .root.Values.image.pullPolicy) (.noPolicy | default false) }}
imagePullPolicy: {{ toJson . }}
{{- end }}
{{- end }}

{{- /* Image and pull policy of the gates, and of other containers that the chart adds. Takes global. */}}
{{- define "nimhelm.v2.waitImage" -}}
image: {{ include "nimhelm.v2.image" (dict "global" .global "reference" .global.waitImage) | toJson }}
imagePullPolicy: {{ toJson .global.waitImagePullPolicy }}
{{- end }}

{{- /* The NIM. Takes role: "" outside a group, leader or worker inside one. */}}
{{- define "nimhelm.v2.mainContainer" -}}
{{- $root := .root }}
{{- $nim := $root.nim }}
{{- $main := dict "root" $root "role" .role }}
{{- include "nimhelm.v2.env.main" $main }}
{{- include "nimhelm.v2.probes" $main }}
{{- $command := $root.Values.command }}
{{- $args := $root.Values.args }}
{{- $image := dict "root" $root "image" $root.Values.image "noPolicy" false }}
{{- if and .role $nim.global.keepOperatorPods }}
  {{- /* The operator leaves these out in a group of nodes. */}}
  {{- $command = "" }}
  {{- $args = "" }}
  {{- $_ := set $image "noPolicy" true }}
{{- end }}
{{- if and .role $nim.ray }}
  {{- $args = list "nim-serve-ray" "--head-address" (printf "$(LWS_LEADER_ADDRESS):%d" $nim.ray) }}
  {{- if eq .role "leader" }}{{ $args = list "nim-serve-ray" "--head" "--port" (toString $nim.ray) }}{{ end }}
{{- end -}}
- name: {{ ternary (printf "nim-%s" .role) (printf "%s-ctr" $nim.name) (not (empty .role)) | toJson }}
  {{- include "nimhelm.v2.containerImage" $image | nindent 2 }}
  {{- with $command }}
  command:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
  {{- with $args }}
  args:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
  env:
    {{- include "nimhelm.v2.yaml" $main.env | nindent 4 }}
  ports:
    {{- range $nim.ports }}
    {{- if not (and $nim.knative (eq .name "metrics")) }}
    - containerPort: {{ .port }}
      {{- if not $nim.knative }}
      name: {{ .name }}
      {{- end }}
      protocol: TCP
    {{- end }}
    {{- end }}
    {{- if and .role $nim.ray }}
    - containerPort: {{ $nim.ray }}
      name: ray
      protocol: TCP
    {{- end }}
  {{- with $main.probes }}
  {{- include "nimhelm.v2.yaml" . | nindent 2 }}
  {{- end }}
  {{- with include "nimhelm.v2.resources" $root }}
  resources:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.envFrom }}
  envFrom:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.lifecycle }}
  lifecycle:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
  {{- include "nimhelm.v2.hardening" (dict "nim" $nim "context" $root.Values.securityContext) | nindent 2 | trimSuffix "\n  " }}
  volumeMounts:
    {{- include "nimhelm.v2.yaml" (concat $nim.mounts $root.Values.volumeMounts) | nindent 4 }}
    {{- if $nim.mpi }}
      {{- include "nimhelm.v2.mpi.mounts" . | nindent 4 }}
    {{- end }}
{{- end }}

{{- /*
All init containers: the gates, the certificates, then the user's own in their order. A download runs before the gates,
while the dependencies start. It needs the certificates.
*/}}
{{- define "nimhelm.v2.initContainers" -}}
  {{- if .nim.fillsCache }}
    {{- include "nimhelm.v2.updateCertificates" . }}
{{ include "nimhelm.v2.fillCache" . }}
    {{- include "nimhelm.v2.gates" . }}
  {{- else }}
    {{- include "nimhelm.v2.gates" . }}
    {{- include "nimhelm.v2.updateCertificates" . }}
  {{- end }}
  {{- range .Values.initContainers }}
    {{- include "nimhelm.v2.userContainer" (dict "root" $ "container" . "mounts" $.nim.initMounts) | nindent 0 }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.updateCertificates" -}}
  {{- if .nim.certificates }}
    {{- include "nimhelm.v2.addCertificates" (dict "root" . "image" (include "nimhelm.v2.containerImage" (dict "root" . "image" .Values.image))
      "env" .nim.env "mounts" .nim.initMounts "kept" .nim.global.keepOperatorPods) }}
  {{- end }}
{{- end }}

{{- /* Takes root, image (text), env, mounts and kept (the pod is the operator's). */}}
{{- define "nimhelm.v2.addCertificates" }}
- name: update-ca-certificates
  {{- .image | nindent 2 }}
  command: [/bin/sh, /nimhelm-scripts/update-ca-certificates.sh]
  {{- with .env }}
  env:
    {{- include "nimhelm.v2.yaml" . | nindent 4 }}
  {{- end }}
  {{- /* Only root can write to the certificate folder of the image. */}}
  securityContext:
    runAsNonRoot: false
    runAsUser: 0
  {{- include "nimhelm.v2.givenResources" (dict "given" .root.nim.global.containerResources) | nindent 2 | trimSuffix "\n  " }}
  {{- if not .kept }}
  terminationMessagePolicy: FallbackToLogsOnError
  {{- end }}
  volumeMounts:
    {{- include "nimhelm.v2.yaml" .mounts | nindent 4 }}
    {{- include "nimhelm.v2.scriptsMount" . | nindent 4 }}
{{- end }}

{{- /*
An init container or sidecar of the pipeline. A sidecar has the mounts and devices of the main container. Takes root,
container, mounts, more (mounts as text) and claims.
*/}}
{{- define "nimhelm.v2.userContainer" -}}
{{- $root := .root }}
{{- $nim := $root.nim }}
{{- $own := dict "env" (get .container "env" | default list) }}
{{- include "nimhelm.v2.env.last" $own }}
{{- $_ := set $own "env" (concat $own.env $nim.env) }}
{{- include "nimhelm.v2.env.first" $own -}}
- name: {{ toJson .container.name }}
  {{- include "nimhelm.v2.containerImage" (dict "root" $root "image" .container.image) | nindent 2 }}
  {{- $fields := dict }}
  {{- range $key := list "command" "args" "workingDir" }}
    {{- with get $.container $key }}{{ $_ := set $fields $key . }}{{ end }}
  {{- end }}
  {{- with $fields }}
  {{- include "nimhelm.v2.yaml" . | nindent 2 }}
  {{- end }}
  env:
    {{- include "nimhelm.v2.yaml" $own.env | nindent 4 }}
  {{- $given := get .container "resources" | default $nim.global.containerResources }}
  {{- include "nimhelm.v2.givenResources" (dict "given" $given "claims" .claims) | nindent 2 | trimSuffix "\n  " }}
  {{- include "nimhelm.v2.hardening" (dict "nim" $nim) | nindent 2 | trimSuffix "\n  " }}
  volumeMounts:
    {{- include "nimhelm.v2.yaml" .mounts | nindent 4 }}
    {{- with .more }}
      {{- . | nindent 4 }}
    {{- end }}
{{- end }}

{{- /*
Fields that the NIM and the user's containers share. With global.nimhelm.restricted they get the security context that
the Pod Security level requires, below the one in the values (context). A container that fails puts the end of its log
into its status, where `nimhelm status` reads it.
*/}}
{{- define "nimhelm.v2.hardening" -}}
{{- $context := dict }}
{{- if .nim.global.restricted }}
  {{- $context = dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) }}
{{- end }}
{{- range $key, $value := .context }}{{ $_ := set $context $key $value }}{{ end }}
{{- with $context -}}
securityContext:
  {{- include "nimhelm.v2.yaml" . | nindent 2 }}
{{ end }}
{{- if not .nim.global.keepOperatorPods -}}
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}
{{- end }}

{{- /*
Fields of the containers that the chart adds, which pass Pod Security restricted. Takes nim (.global and .openshift) and user.
*/}}
{{- define "nimhelm.v2.helperContainer" -}}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  runAsNonRoot: true
  {{- if and .user (ne .nim.openshift "restricted") }}
  runAsUser: {{ .user }}
  {{- end }}
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities:
    drop: ["ALL"]
  {{- /* The OpenShift constraints nonroot, anyuid and hostmount-anyuid refuse pods that set a seccomp profile. */}}
  {{- if ne .nim.openshift "scc" }}
  seccompProfile:
    type: RuntimeDefault
  {{- end }}
{{- include "nimhelm.v2.givenResources" (dict "given" .nim.global.helperResources) | nindent 0 | trimSuffix "\n" }}
{{- end }}

{{- /* Some clusters refuse containers without probes, or with one twice. A busy node must not end a check. */}}
{{- define "nimhelm.v2.helperProbes" -}}
{{- range $name, $command := dict "livenessProbe" "true" "readinessProbe" "echo" }}
{{ $name }}:
  exec:
    command: [/bin/busybox, {{ quote $command }}]
  periodSeconds: 60
  timeoutSeconds: 60
{{- end }}
{{- end }}

{{- /* The resources of a container other than the NIM. Takes given ({limits, requests}) and claims. */}}
{{- define "nimhelm.v2.givenResources" -}}
{{- $resources := dict }}
{{- range $key, $amounts := pick (.given | default dict) "limits" "requests" }}
  {{- $printed := dict }}
  {{- include "nimhelm.v2.quantities" (dict "into" $printed "from" $amounts) }}
  {{- with $printed }}{{ $_ := set $resources $key . }}{{ end }}
{{- end }}
{{- with .claims }}{{ $_ := set $resources "claims" . }}{{ end }}
{{- with $resources -}}
resources:
  {{- include "nimhelm.v2.yaml" . | nindent 2 }}
{{- end }}
{{- end }}

{{- /*
Sets .probes: the probes of the NIM. A disabled probe is left out. A probe in the values replaces the default as a
whole. In a group only the leader answers, and a worker is ready once Ray runs. Takes root and role.
*/}}
{{- define "nimhelm.v2.probes" -}}
  {{- $box := . }}
  {{- $nim := .root.nim }}
  {{- $probes := dict }}
  {{- if ne .role "worker" }}
    {{- range $name := list "livenessProbe" "readinessProbe" "startupProbe" }}
      {{- $setting := get $box.root.Values $name }}
      {{- if $setting.enabled }}
        {{- if $setting.probe }}
          {{- $_ := set $probes $name $setting.probe }}
        {{- else }}
          {{- /*
          A NIM may need 20 minutes to load its model. Knative waits for five. The start-up probe asks every
          second and keeps the operator's total budget, so a ready NIM is noticed at once. The other probes begin when it has passed or is disabled.
          */}}
          {{- $starting := eq $name "startupProbe" }}
          {{- $probe := dict "timeoutSeconds" 1 "periodSeconds" 10 "successThreshold" 1 "initialDelaySeconds" 15 "failureThreshold" 3 }}
          {{- if $nim.global.keepOperatorPods }}
            {{- if $starting }}
              {{- $_ := set $probe "initialDelaySeconds" 30 }}
              {{- $_ := set $probe "failureThreshold" (ternary 30 120 $nim.knative) }}
            {{- end }}
          {{- else if $starting }}
            {{- $probe = dict "timeoutSeconds" 1 "periodSeconds" 1 "successThreshold" 1 "initialDelaySeconds" 0 "failureThreshold" (ternary 330 1230 $nim.knative) }}
          {{- else if and (eq $name "readinessProbe") $box.root.Values.startupProbe.enabled }}
            {{- $_ := set $probe "initialDelaySeconds" 0 }}
          {{- end }}
          {{- if and $nim.knative $box.root.Values.expose.service.grpcPort }}
            {{- $_ := set $probe "grpc" (dict "port" (int $box.root.Values.expose.service.grpcPort)) }}
          {{- else }}
            {{- $path := ternary "/v1/health/live" "/v1/health/ready" (eq $name "livenessProbe") }}
            {{- $_ := set $probe "httpGet" (dict "path" $path "port" (ternary $nim.port "api" $nim.knative)) }}
          {{- end }}
          {{- $_ := set $probes $name $probe }}
        {{- end }}
      {{- end }}
    {{- end }}
  {{- else if $nim.ray }}
    {{- $_ := set $probes "startupProbe" (dict
      "exec" (dict "command" (list "/bin/sh" "-c" "ray status"))
      "initialDelaySeconds" 30 "timeoutSeconds" 5 "periodSeconds" 10 "failureThreshold" 3) }}
  {{- end }}
  {{- $_ := set $box "probes" $probes }}
{{- end }}

{{- /*
The resources of the NIM. The API server accepts extended resources (GPUs) and huge pages only when request and limit
are equal, so each is copied to the side that lacks it. A pod taken over from the operator keeps only its limits, and
the API server derives the requests.
*/}}
{{- define "nimhelm.v2.resources" -}}
  {{- $given := .Values.resources }}
  {{- $limits := dict }}
  {{- include "nimhelm.v2.quantities" (dict "into" $limits "from" $given.limits) }}
  {{- $requests := dict }}
  {{- include "nimhelm.v2.quantities" (dict "into" $requests "from" $given.requests) }}
  {{- range $name, $quantity := $requests }}
    {{- if and (not (hasKey $limits $name)) (include "nimhelm.v2.isExtended" $name) }}{{ $_ := set $limits $name $quantity }}{{ end }}
  {{- end }}
  {{- if not .nim.global.keepOperatorPods }}
    {{- range $name, $quantity := $limits }}
      {{- if and (not (hasKey $requests $name)) (include "nimhelm.v2.isExtended" $name) }}{{ $_ := set $requests $name $quantity }}{{ end }}
    {{- end }}
  {{- end }}
  {{- $resources := dict }}
  {{- include "nimhelm.v2.claims" . }}
  {{- range $key, $value := dict "limits" $limits "requests" $requests "claims" .nim.containerClaims }}
    {{- if $value }}{{ $_ := set $resources $key $value }}{{ end }}
  {{- end }}
  {{- with $resources }}{{ include "nimhelm.v2.yaml" . }}{{ end }}
{{- end }}

{{- /* Whether a resource cannot be overcommitted: a device or huge pages. */}}
{{- define "nimhelm.v2.isExtended" -}}
  {{- if or (hasPrefix "hugepages-" .) (include "nimhelm.v2.isDevice" .) }}true{{ end }}
{{- end }}

{{- /* Whether a resource is counted in whole devices: its name has a domain other than kubernetes.io. */}}
{{- define "nimhelm.v2.isDevice" -}}
  {{- if and (contains "/" .) (not (contains "kubernetes.io/" .)) }}true{{ end }}
{{- end }}
