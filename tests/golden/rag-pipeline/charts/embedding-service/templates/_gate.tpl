{{- /*
Gates: init containers that hold the service back until what it depends on answers. Each has a name,
so that `kubectl get pods` shows how many are still closed and `kubectl logs -c wait-for-...` why.
*/}}

{{- /* The gates of a pod in the order in which they open, as JSON: [{name, target, timeout, headers}]. */}}
{{- define "nimhelm.service.gates" -}}
  {{- $gates := list }}
  {{- $cache := .Values.storage.nimCache }}
  {{- if and (include "nimhelm.service.gates.on" .) $cache.name $cache.wait.enabled }}
    {{- $gates = append $gates (dict
      "name" (printf "wait-for-cache-%s" $cache.name)
      "target" (printf "cache://%s" $cache.name)
      "timeout" (include "nimhelm.service.gates.timeout" (list . $cache.wait.timeoutSeconds))) }}
  {{- end }}
  {{- if include "nimhelm.service.gates.on" . }}
    {{- range .Values.dependencies }}
      {{- $wait := .wait | default dict }}
      {{- if dig "enabled" true $wait }}
        {{- $gates = append $gates (dict
          "name" (printf "wait-for-%s" .name)
          "target" (include "nimhelm.service.gates.target" .)
          "timeout" (include "nimhelm.service.gates.timeout" (list $ (dig "timeoutSeconds" 1800 $wait)))
          "headers" (dig "httpHeaders" list $wait)) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- toJson $gates }}
{{- end }}

{{- define "nimhelm.service.gates.on" -}}
  {{- $shared := .Values.global.nimhelm }}
  {{- if and $shared.waitEnabled (not $shared.keepOperatorPods) .Values.wait.enabled }}true{{ end }}
{{- end }}

{{- /* What a gate asks: the readiness URL of a dependency, or whether its port accepts connections. */}}
{{- define "nimhelm.service.gates.target" -}}
  {{- $wait := .wait | default dict }}
  {{- $path := dig "path" "" $wait }}
  {{- $scheme := ternary (dig "scheme" "" $wait | default "HTTP" | lower) "tcp" (not (empty $path)) }}
  {{- printf "%s://%s" $scheme (include "nimhelm.service.gates.address" .) }}
  {{- if $path }}{{ printf "/%s" (trimPrefix "/" $path) }}{{ end }}
{{- end }}

{{- /* Host and port that a gate asks; those of the dependency where it has none of its own. */}}
{{- define "nimhelm.service.gates.address" -}}
  {{- $wait := .wait | default dict }}
  {{- $host := dig "host" "" $wait | default .name }}
  {{- if and (contains ":" $host) (not (hasPrefix "[" $host)) }}
    {{- $host = printf "[%s]" $host }}
  {{- end }}
  {{- printf "%s:%d" $host (dig "port" 0 $wait | default .port | int) }}
{{- end }}

{{- /* Seconds until a gate gives up: set for the service, else for the chart, else for the dependency. */}}
{{- define "nimhelm.service.gates.timeout" -}}
  {{- $root := first . }}
  {{- $seconds := coalesce (int $root.Values.wait.timeoutSeconds) (int $root.Values.global.nimhelm.waitTimeoutSeconds) (int (last .)) }}
  {{- $seconds | default 1800 }}
{{- end }}

{{- /* Whether the gates run in the service's own image and need a busybox put beside it. */}}
{{- define "nimhelm.service.gates.toolsNeeded" -}}
  {{- if and .Values.global.nimhelm.pullWhileWaiting (include "nimhelm.service.gates" . | fromJsonArray) }}true{{ end }}
{{- end }}

{{- /*
The init containers. NIM images hold many gigabytes; a gate that runs in the service's own image has the
node pull it while the dependencies start. All it takes along is a static busybox, since an image need
not have a shell.
*/}}
{{- define "nimhelm.service.gates.containers" -}}
  {{- $tools := include "nimhelm.service.gates.toolsNeeded" . }}
  {{- if $tools }}
- name: wait-setup
  image: {{ include "nimhelm.service.waitImage" . }}
  imagePullPolicy: {{ toJson .Values.global.nimhelm.waitImagePullPolicy }}
  command: ["cp", "/bin/busybox", "/nimhelm/busybox"]
  {{- include "nimhelm.service.gates.confinement" . | nindent 2 }}
  volumeMounts:
    - name: nimhelm-wait
      mountPath: /nimhelm
  {{- end }}
  {{- range include "nimhelm.service.gates" . | fromJsonArray }}
- name: {{ include "nimhelm.service.gates.containerName" .name | toJson }}
    {{- if $tools }}
  image: {{ include "nimhelm.service.image" (list $ $.Values.image) }}
      {{- with $.Values.image.pullPolicy }}
  imagePullPolicy: {{ toJson . }}
      {{- end }}
  command: ["/nimhelm/busybox", "sh", "-c"]
    {{- else }}
  image: {{ include "nimhelm.service.waitImage" $ }}
  imagePullPolicy: {{ toJson $.Values.global.nimhelm.waitImagePullPolicy }}
  command: ["/bin/busybox", "sh", "-c"]
    {{- end }}
  args:
    - |
      {{- $.Files.Get "files/wait.sh" | include "nimhelm.service.script" | nindent 6 }}
  env:
    - name: WAIT_TARGET
      value: {{ include "nimhelm.service.scalar" .target }}
    - name: WAIT_TIMEOUT
      value: {{ .timeout | quote }}
    - name: WAIT_PERIOD
      value: {{ $.Values.global.nimhelm.waitPeriodSeconds | int | max 1 | quote }}
    {{- if .headers }}
    - name: WAIT_HEADERS
      value: {{ include "nimhelm.service.gates.headers" .headers | include "nimhelm.service.scalar" }}
    {{- end }}
    - name: BUSYBOX
      value: {{ ternary "/nimhelm/busybox" "/bin/busybox" (not (empty $tools)) }}
    {{- /* The images of NIMs ask for all GPUs of the node; a gate must see none. */}}
    - name: NVIDIA_VISIBLE_DEVICES
      value: void
  {{- include "nimhelm.service.gates.confinement" $ | nindent 2 }}
    {{- with include "nimhelm.service.gates.mounts" (list $ .target) | fromJsonArray }}
  volumeMounts:
      {{- include "nimhelm.service.yaml" . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* A container name has no dots and 63 characters at most; a longer one is cut and made unique by a hash. */}}
{{- define "nimhelm.service.gates.containerName" -}}
  {{- $name := replace "." "-" . }}
  {{- if gt (len $name) 63 }}
    {{- printf "%s-%s" (trunc 54 $name | trimSuffix "-") (sha256sum . | trunc 8) }}
  {{- else }}
    {{- $name }}
  {{- end }}
{{- end }}

{{- define "nimhelm.service.gates.headers" -}}
  {{- range $index, $header := . -}}
    {{- if $index }}{{ print "\n" }}{{ end -}}
    {{- printf "%s: %s" $header.name $header.value -}}
  {{- end -}}
{{- end }}

{{- define "nimhelm.service.gates.mounts" -}}
  {{- $root := first . }}
  {{- $mounts := list }}
  {{- if $root.Values.global.nimhelm.pullWhileWaiting }}
    {{- $mounts = append $mounts (dict "name" "nimhelm-wait" "mountPath" "/nimhelm" "readOnly" true) }}
  {{- end }}
  {{- if hasPrefix "cache://" (last .) }}
    {{- $mount := dict "name" "model-store" "mountPath" "/cache" "readOnly" true }}
    {{- with $root.Values.storage.nimCache.subPath }}{{ $_ := set $mount "subPath" . }}{{ end }}
    {{- $mounts = append $mounts $mount }}
  {{- end }}
  {{- toJson $mounts }}
{{- end }}

{{- /* A gate needs next to nothing, and passes the Pod Security level "restricted". */}}
{{- define "nimhelm.service.gates.confinement" -}}
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities:
    drop: ["ALL"]
  {{- /* OpenShift's nonroot, anyuid and hostmount-anyuid refuse pods that set one. */}}
  {{- if not (.Capabilities.APIVersions.Has "security.openshift.io/v1") }}
  seccompProfile:
    type: RuntimeDefault
  {{- end }}
resources:
  requests:
    cpu: 10m
    memory: 16Mi
  limits:
    cpu: 100m
    memory: 64Mi
{{- end }}
