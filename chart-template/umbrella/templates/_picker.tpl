{{- /* The endpoint picker: a process that tells a gateway which replica gets a request. */}}

{{- define "nimhelm.v2.hasPicker" -}}
  {{- if and .nim.ownsService (dig "containerSpec" "image" "repository" "" .Values.expose.router.eppConfig) }}true{{ end }}
{{- end }}

{{- define "nimhelm.v2.picker" }}
{{- if include "nimhelm.v2.hasPicker" . }}
{{- if include "nimhelm.v2.served" (dict "root" . "api" "inference.networking.k8s.io/v1/InferencePool" "remedy" "install the Gateway API inference extension") }}
  {{- $epp := .Values.expose.router.eppConfig }}
  {{- $picker := dict "root" . "name" (printf "%s-epp" .nim.name) "epp" $epp "ports" (list
    (dict "name" "grpc-ext-proc" "containerPort" 9002 "protocol" "TCP")
    (dict "name" "grpc-health" "containerPort" 9003 "protocol" "TCP")
    (dict "name" "http-metrics" "containerPort" 9090 "protocol" "TCP")) }}
  {{- with $epp.ports }}{{ $_ := set $picker "ports" . }}{{ end }}
  {{- if $epp.configMapRef }}
    {{- $_ := set $picker "config" $epp.configMapRef }}
  {{- else if $epp.config }}
    {{- $_ := set $picker "config" (dict "name" (printf "%s-config" $picker.name) "key" "default-plugins.yaml") }}
    {{- include "nimhelm.v2.picker.configMap" $picker }}
  {{- end }}
  {{- include "nimhelm.v2.picker.access" $picker }}
  {{- include "nimhelm.v2.picker.service" $picker }}
  {{- include "nimhelm.v2.picker.deployment" $picker }}
  {{- include "nimhelm.v2.picker.pool" $picker }}
{{- end }}
{{- end }}
{{- end }}

{{- define "nimhelm.v2.picker.configMap" }}
---
apiVersion: v1
kind: ConfigMap
{{ include "nimhelm.v2.metadata" (dict "root" .root "name" .config.name) }}
data:
  default-plugins.yaml: |
    {{- include "nimhelm.v2.yaml" .epp.config | nindent 4 }}
{{- end }}

{{- define "nimhelm.v2.picker.access" }}
---
apiVersion: v1
kind: ServiceAccount
{{ include "nimhelm.v2.metadata" (dict "root" .root "name" .name) }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
{{ include "nimhelm.v2.metadata" (dict "root" .root "name" .name) }}
rules:
  {{- range $group := list "inference.networking.k8s.io" "inference.networking.x-k8s.io" }}
  - apiGroups: [{{ $group }}]
    resources: ["inferencepools", "inferenceobjectives"]
    verbs: ["get", "watch", "list"]
  {{- end }}
  - apiGroups: [""]
    resources: ["pods"]
    verbs: ["get", "watch", "list"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
{{ include "nimhelm.v2.metadata" (dict "root" .root "name" .name) }}
{{ include "nimhelm.v2.bindingSpec" (dict "name" .name "namespace" .root.Release.Namespace) }}
{{- end }}

{{- /* Default: all ports except the one for probes. */}}
{{- define "nimhelm.v2.picker.service" }}
---
apiVersion: v1
kind: Service
{{ include "nimhelm.v2.metadata" (dict "root" .root "name" .name "over" (dict "nimhelm.dev/beside" .root.nim.name)) }}
spec:
  type: ClusterIP
  selector:
    app: {{ toJson .name }}
  ports:
    {{- range .ports }}
    {{- if or $.epp.ports (ne .name "grpc-health") }}
    - port: {{ int .containerPort }}
      targetPort: {{ int .containerPort }}
      protocol: {{ .protocol | default "TCP" }}
      {{- with .name }}
      name: {{ toJson . }}
      {{- end }}
    {{- end }}
    {{- end }}
{{- end }}

{{- define "nimhelm.v2.picker.deployment" }}
{{- $root := .root }}
{{- $nim := $root.nim }}
{{- $epp := .epp }}
{{- $extra := dig "podTemplate" "metadata" dict $epp }}
{{- $labels := mergeOverwrite (dict) (get $extra "labels" | default dict) $nim.stableLabels (dict "app" .name) }}
---
apiVersion: apps/v1
kind: Deployment
{{ include "nimhelm.v2.metadata" (dict "root" $root "name" .name) }}
spec:
  selector:
    matchLabels:
      app: {{ toJson .name }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 25%
      maxSurge: 0
  template:
    metadata:
      labels:
        {{- include "nimhelm.v2.yaml" $labels | nindent 8 }}
      {{- $annotations := merge (dict) (get $extra "annotations" | default dict) $nim.global.commonAnnotations }}
      {{- if and $epp.config (not $nim.global.keepOperatorPods) }}
        {{- /* The picker reads its configuration only at start. */}}
        {{- $_ := set $annotations "nimhelm.dev/config-checksum" (toJson $epp.config | sha256sum) }}
      {{- end }}
      {{- with $annotations }}
      annotations:
        {{- include "nimhelm.v2.yaml" . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "nimhelm.v2.overlaid" (dict "spec" (include "nimhelm.v2.picker.spec" .) "global" $nim.global "own" $epp.podTemplate) | nindent 6 }}
{{- end }}

{{- define "nimhelm.v2.picker.spec" -}}
{{- $root := .root }}
{{- $nim := $root.nim }}
{{- $epp := .epp }}
{{- $args := list
  "--pool-name" $nim.name
  "--pool-namespace" $root.Release.Namespace
  "--pool-group" "inference.networking.k8s.io"
  "--zap-encoder" "json" }}
{{- with .config }}
  {{- $args = concat $args (list "--config-file" (printf "/config/%s" .key)) }}
{{- end }}
{{- $args = concat $args (list "--v" "6" "--model-server-metrics-path" "/v1/metrics") }}
{{- $probe := dict "grpc" (dict "port" 9003) "initialDelaySeconds" 5 "periodSeconds" 10 }}
{{- $probes := dict "livenessProbe" ($epp.livenessProbe | default $probe) "readinessProbe" ($epp.readinessProbe | default $probe) }}
{{- with $epp.startupProbe }}{{ $_ := set $probes "startupProbe" . }}{{ end }}
{{- $own := dict "env" (get $epp.containerSpec "env" | default list) }}
{{- include "nimhelm.v2.env.last" $own -}}
enableServiceLinks: false
serviceAccountName: {{ toJson .name }}
{{- with include "nimhelm.v2.pullSecrets" (dict "global" $nim.global "names" $root.Values.image.pullSecrets) | trim }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- if $nim.global.restricted }}
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
{{- end }}
containers:
  - name: epp
    {{- include "nimhelm.v2.containerImage" (dict "root" $root "image" (omit $epp.containerSpec.image "pullPolicy")) | nindent 4 }}
    {{- with $epp.containerSpec.command }}
    command:
      {{- include "nimhelm.v2.yaml" . | nindent 6 }}
    {{- end }}
    args:
      {{- include "nimhelm.v2.yaml" ($epp.containerSpec.args | default $args) | nindent 6 }}
    {{- with $own.env }}
    env:
      {{- include "nimhelm.v2.yaml" . | nindent 6 }}
    {{- end }}
    ports:
      {{- include "nimhelm.v2.yaml" .ports | nindent 6 }}
    {{- include "nimhelm.v2.yaml" $probes | nindent 4 }}
    {{- if $nim.global.restricted }}
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop: ["ALL"]
    {{- end }}
    {{- $given := $epp.containerSpec.resources | default $nim.global.containerResources }}
    {{- include "nimhelm.v2.givenResources" (dict "given" $given) | nindent 4 | trimSuffix "\n    " }}
    terminationMessagePolicy: FallbackToLogsOnError
    {{- with .config }}
    volumeMounts:
      - name: epp-config
        mountPath: /config
        readOnly: true
volumes:
  - name: epp-config
    configMap:
      name: {{ toJson .name }}
    {{- end }}
{{- end }}

{{- define "nimhelm.v2.picker.pool" }}
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
{{ include "nimhelm.v2.metadata" (dict "root" .root) }}
spec:
  selector:
    matchLabels:
      {{- include "nimhelm.v2.yaml" .root.nim.selector | nindent 6 }}
  targetPorts:
    - number: {{ .root.nim.port }}
  endpointPickerRef:
    name: {{ toJson .name }}
    port:
      number: 9002
{{- end }}
