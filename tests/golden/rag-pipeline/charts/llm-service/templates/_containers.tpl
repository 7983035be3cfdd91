{{- /* The containers of a pod, in block YAML: the NIM itself, and what runs before and beside it. */}}

{{- /* The NIM of a Deployment or an InferenceService. */}}
{{- define "nimhelm.service.mainContainer" -}}
- name: {{ printf "%s-ctr" .Chart.Name | toJson }}
  image: {{ include "nimhelm.service.image" (list . .Values.image) }}
  {{- with .Values.image.pullPolicy }}
  imagePullPolicy: {{ toJson . }}
  {{- end }}
  {{- with .Values.command }}
  command:
    {{- include "nimhelm.service.yaml" . | nindent 4 }}
  {{- end }}
  {{- with .Values.args }}
  args:
    {{- include "nimhelm.service.yaml" . | nindent 4 }}
  {{- end }}
  env:
    {{- include "nimhelm.service.env" . | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
  ports:
    {{- include "nimhelm.service.containerPorts" . | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
  {{- with include "nimhelm.service.probes" . | fromJson }}
  {{- include "nimhelm.service.yaml" . | nindent 2 }}
  {{- end }}
  {{- with include "nimhelm.service.resources" . | fromJson }}
  resources:
    {{- include "nimhelm.service.yaml" . | nindent 4 }}
  {{- end }}
  {{- with include "nimhelm.service.hardening" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "nimhelm.service.lastWords" . }}
  {{- . | nindent 2 }}
  {{- end }}
  volumeMounts:
    {{- include "nimhelm.service.mounts" . | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
{{- end }}

{{- /* All init containers: the gates, the certificates, then the user's own in their order. Takes (root, env). */}}
{{- define "nimhelm.service.initContainers" -}}
  {{- $root := first . }}
  {{- $env := last . }}
  {{- include "nimhelm.service.gates.containers" $root }}
  {{- if include "nimhelm.service.certConfigMap" $root }}
- name: update-ca-certificates
  image: {{ include "nimhelm.service.image" (list $root $root.Values.image) }}
    {{- with $root.Values.image.pullPolicy }}
  imagePullPolicy: {{ toJson . }}
    {{- end }}
  command: ["/bin/sh", "-c"]
  args:
    - |
      {{- $root.Files.Get "files/update-ca-certificates.sh" | include "nimhelm.service.script" | nindent 6 }}
  env:
    {{- include "nimhelm.service.yaml" $env | nindent 4 }}
  {{- /* Only root may write to the image's certificate folder. */}}
  securityContext:
    runAsNonRoot: false
    runAsUser: 0
  {{- with include "nimhelm.service.lastWords" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  volumeMounts:
    {{- include "nimhelm.service.initMounts" $root | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
  {{- end }}
  {{- range $root.Values.initContainers }}
    {{- include "nimhelm.service.userContainer" (list $root . $env (include "nimhelm.service.initMounts" $root | fromJsonArray) list) }}
  {{- end }}
{{- end }}

{{- /* The sidecars: they see what the main container sees, devices included. Takes (root, env, mounts). */}}
{{- define "nimhelm.service.sidecars" -}}
  {{- $root := index . 0 }}
  {{- $env := index . 1 }}
  {{- $mounts := index . 2 }}
  {{- $claims := include "nimhelm.service.dra.containerClaims" $root | fromJsonArray }}
  {{- range $root.Values.sidecarContainers }}
    {{- include "nimhelm.service.userContainer" (list $root . $env $mounts $claims) }}
  {{- end }}
{{- end }}

{{- /* An init or sidecar container of the pipeline. Takes (root, container, env, mounts, device claims). */}}
{{- define "nimhelm.service.userContainer" -}}
  {{- $root := index . 0 }}
  {{- $container := index . 1 }}
  {{- $own := include "nimhelm.service.env.unique" ($container.env | default list) | fromJsonArray }}
- name: {{ toJson $container.name }}
  image: {{ include "nimhelm.service.image" (list $root $container.image) }}
  {{- with $container.image.pullPolicy | default $root.Values.image.pullPolicy }}
  imagePullPolicy: {{ toJson . }}
  {{- end }}
  {{- with $container.command }}
  command:
    {{- include "nimhelm.service.yaml" . | nindent 4 }}
  {{- end }}
  {{- with $container.args }}
  args:
    {{- include "nimhelm.service.yaml" . | nindent 4 }}
  {{- end }}
  {{- with $container.workingDir }}
  workingDir: {{ include "nimhelm.service.scalar" . }}
  {{- end }}
  env:
    {{- include "nimhelm.service.env.merge" (list (index . 2) $own) | fromJsonArray | include "nimhelm.service.yaml" | nindent 4 }}
  {{- with index . 4 }}
  resources:
    claims:
      {{- include "nimhelm.service.yaml" . | nindent 6 }}
  {{- end }}
  {{- with include "nimhelm.service.hardening" $root | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with include "nimhelm.service.lastWords" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  volumeMounts:
    {{- include "nimhelm.service.yaml" (index . 3) | nindent 4 }}
{{- end }}

{{- /* A container that dies leaves the end of its log in the pod's status, where `nimhelm status` finds it. */}}
{{- define "nimhelm.service.lastWords" -}}
  {{- if not .Values.global.nimhelm.keepOperatorPods }}terminationMessagePolicy: FallbackToLogsOnError{{ end }}
{{- end }}

{{- /* The ports of the main container, as JSON. Knative names ports itself, and has no use for metrics. */}}
{{- define "nimhelm.service.containerPorts" -}}
  {{- $knative := eq (include "nimhelm.service.kserveMode" .) "Knative" }}
  {{- $ports := list }}
  {{- range include "nimhelm.service.ports" . | fromJsonArray }}
    {{- $port := dict "containerPort" .port "protocol" "TCP" }}
    {{- if not $knative }}
      {{- $ports = append $ports (set $port "name" .name) }}
    {{- else if ne .name "metrics" }}
      {{- $ports = append $ports $port }}
    {{- end }}
  {{- end }}
  {{- toJson $ports }}
{{- end }}

{{- /* The ports that the service answers on, as JSON: [{name, port}]. */}}
{{- define "nimhelm.service.ports" -}}
  {{- $service := .Values.expose.service }}
  {{- $ports := list (dict "name" "api" "port" (int $service.port)) }}
  {{- with $service.grpcPort }}
    {{- $ports = append $ports (dict "name" "grpc" "port" (int .)) }}
  {{- end }}
  {{- with $service.metricsPort }}
    {{- $ports = append $ports (dict "name" "metrics" "port" (int .)) }}
  {{- end }}
  {{- toJson $ports }}
{{- end }}

{{- /* With global.nimhelm.restricted: what the Pod Security level of that name asks of a container. */}}
{{- define "nimhelm.service.hardening" -}}
  {{- if .Values.global.nimhelm.restricted }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: ["ALL"]
  {{- end }}
{{- end }}

{{- /* The same ports for a Service, in block YAML. */}}
{{- define "nimhelm.service.servicePorts" -}}
  {{- range include "nimhelm.service.ports" . | fromJsonArray }}
- name: {{ .name }}
  port: {{ int .port }}
  targetPort: {{ .name }}
  protocol: TCP
  {{- end }}
{{- end }}
