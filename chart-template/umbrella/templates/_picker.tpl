{{- /* The endpoint picker: a process that tells a gateway which replica gets a request. */}}

{{- define "nimhelm.v3.picker" }}
{{- $nim := .nim }}
{{- $epp := .Values.expose.router.eppConfig }}
{{- $served := dict "root" . "api" "inference.networking.k8s.io/v1/InferencePool" "remedy" "install the Gateway API inference extension" }}
{{- if and $nim.ownsService (dig "containerSpec" "image" "repository" "" $epp) (include "nimhelm.v3.served" $served) }}
{{- $name := printf "%s-epp" $nim.name }}
{{- $metadata := include "nimhelm.v3.metadata" (dict "root" . "name" $name) }}
{{- $ports := $epp.ports | default (list
  (dict "name" "grpc-ext-proc" "containerPort" 9002 "protocol" "TCP")
  (dict "name" "grpc-health" "containerPort" 9003 "protocol" "TCP")
  (dict "name" "http-metrics" "containerPort" 9090 "protocol" "TCP")) }}
{{- $config := $epp.configMapRef }}
{{- if and $epp.config (not $config) }}
{{- $config = dict "name" (printf "%s-config" $name) "key" "default-plugins.yaml" }}
apiVersion: v1
kind: ConfigMap
{{ include "nimhelm.v3.metadata" (dict "root" . "name" $config.name) }}
data:
  default-plugins.yaml: |
    {{- include "nimhelm.v3.yaml" $epp.config | nindent 4 }}
{{- end }}
---
apiVersion: v1
kind: ServiceAccount
{{ $metadata }}
{{- $verbs := list "get" "watch" "list" }}
{{- $pools := list "inferencepools" "inferenceobjectives" }}
{{ include "nimhelm.v3.grant" (dict "root" . "name" $name "account" $name "rules" (list
  (dict "apiGroups" (list "inference.networking.k8s.io") "resources" $pools "verbs" $verbs)
  (dict "apiGroups" (list "inference.networking.x-k8s.io") "resources" $pools "verbs" $verbs)
  (dict "apiGroups" (list "") "resources" (list "pods") "verbs" $verbs))) }}
---
apiVersion: v1
kind: Service
{{ include "nimhelm.v3.metadata" (dict "root" . "name" $name "over" (dict "nimhelm.dev/beside" $nim.name)) }}
spec:
  type: ClusterIP
  selector: {app: {{ toJson $name }}}
  ports:
    {{- range $ports }}
    {{- /* By default all but the one for probes. */}}
    {{- if or $epp.ports (ne .name "grpc-health") }}
    - {{ merge (dict "port" .containerPort "targetPort" .containerPort) (pick . "name" "protocol") (dict "protocol" "TCP") | toJson }}
    {{- end }}
    {{- end }}
---
apiVersion: apps/v1
kind: Deployment
{{ $metadata }}
spec:
  selector: {matchLabels: {app: {{ toJson $name }}}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 25%, maxSurge: 0}}
  {{- $own := dig "podTemplate" "metadata" dict $epp }}
  {{- $annotations := merge (dict) (get $own "annotations" | default dict) $nim.global.commonAnnotations }}
  {{- if and $epp.config (not $nim.global.keepOperatorPods) }}
    {{- /* The picker reads its configuration only at start. */}}
    {{- $_ := set $annotations "nimhelm.dev/config-checksum" (toJson $epp.config | sha256sum) }}
  {{- end }}
  template:
    metadata:
      labels:
        {{- mergeOverwrite (dict) (get $own "labels" | default dict) $nim.stableLabels (dict "app" $name) | include "nimhelm.v3.yaml" | nindent 8 }}
      {{- include "nimhelm.v3.fields" (dict "indent" 6 "fields" (dict "annotations" $annotations)) }}
    spec:
      {{- $spec := include "nimhelm.v3.picker.spec" (dict "root" . "name" $name "ports" $ports "config" $config) }}
      {{- include "nimhelm.v3.overlaid" (dict "spec" $spec "global" $nim.global "own" $epp.podTemplate) | nindent 6 }}
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
{{ include "nimhelm.v3.metadata" (dict "root" .) }}
spec:
  selector: {matchLabels: {{ toJson $nim.selector }}}
  targetPorts: [{number: {{ $nim.port }}}]
  endpointPickerRef: {name: {{ toJson $name }}, port: {number: 9002}}
{{- end }}
{{- end }}

{{- /* The spec of its pod. Takes root, name, ports and config: {name, key} of a ConfigMap, or nothing. */}}
{{- define "nimhelm.v3.picker.spec" -}}
{{- $global := .root.nim.global }}
{{- $epp := .root.Values.expose.router.eppConfig }}
{{- $picker := $epp.containerSpec }}
{{- $args := list "--pool-name" .root.nim.name "--pool-namespace" .root.Release.Namespace "--pool-group" "inference.networking.k8s.io" "--zap-encoder" "json" }}
{{- with .config }}{{ $args = concat $args (list "--config-file" (printf "/config/%s" .key)) }}{{ end }}
{{- $args = concat $args (list "--v" "6" "--model-server-metrics-path" "/v1/metrics") }}
{{- $probe := dict "grpc" (dict "port" 9003) "initialDelaySeconds" 5 "periodSeconds" 10 }}
{{- $box := dict "env" ($picker.env | default list) }}
{{- include "nimhelm.v3.env.last" $box -}}
enableServiceLinks: false
serviceAccountName: {{ toJson .name }}
{{- include "nimhelm.v3.pullSecrets" (dict "global" $global "names" .root.Values.image.pullSecrets) }}
{{- if $global.restricted }}
securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
{{- end }}
containers:
  - name: epp
    {{- include "nimhelm.v3.containerImage" (dict "root" .root "image" (omit $picker.image "pullPolicy")) | nindent 4 }}
    {{- include "nimhelm.v3.fields" (dict "indent" 4 "fields" (dict
      "command" $picker.command
      "args" ($picker.args | default $args)
      "env" $box.env
      "ports" .ports
      "livenessProbe" ($epp.livenessProbe | default $probe)
      "readinessProbe" ($epp.readinessProbe | default $probe)
      "startupProbe" $epp.startupProbe
      "securityContext" (ternary (dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL"))) dict $global.restricted))) }}
    {{- include "nimhelm.v3.givenResources" (dict "given" ($picker.resources | default $global.containerResources)) | nindent 4 | trimSuffix "\n    " }}
    terminationMessagePolicy: FallbackToLogsOnError
    {{- with .config }}
    volumeMounts: [{name: epp-config, mountPath: /config, readOnly: true}]
volumes:
  - name: epp-config
    configMap: {name: {{ toJson .name }}}
    {{- end }}
{{- end }}
