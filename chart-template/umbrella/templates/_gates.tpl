{{- /*
Gates: init containers that hold the service back until what it depends on answers. Each has a name,
so that `kubectl get pods` shows how many are still closed and `kubectl logs -c wait-for-...` why.

What a gate asks stands in its pod. How long and how often it asks, and the script itself, are in the ConfigMap of
the pipeline's scripts: to change them is no reason to restart a pod.
*/}}

{{- /* The gates of a pod in the order in which they open. */}}
{{- define "nimhelm.v2.facts.gates" -}}
  {{- $nim := .nim }}
  {{- $wait := .Values.wait }}
  {{- $forAll := coalesce (int $wait.timeoutSeconds) (int $nim.global.waitTimeoutSeconds) }}
  {{- $gates := list }}
  {{- if and $nim.global.waitEnabled (not $nim.global.keepOperatorPods) $wait.enabled }}
    {{- $cache := .Values.storage.nimCache }}
    {{- if and $cache.name $cache.wait.enabled }}
      {{- if and (dig "enabled" false ($cache.fill | default dict)) (ne .Values.imageLayout "native") }}
        {{- $_ := set $nim "fillsCache" true }}
      {{- else }}
        {{- $gates = append $gates (dict
          "name" (printf "wait-for-cache-%s" $cache.name | include "nimhelm.v2.dnsLabel")
          "target" (printf "cache://%s" $cache.name)
          "cache" true
          "timeout" (coalesce $forAll (int $cache.wait.timeoutSeconds) 1800)) }}
      {{- end }}
    {{- end }}
    {{- range .Values.dependencies }}
      {{- $own := .wait | default dict }}
      {{- if dig "enabled" true $own }}
        {{- $gates = append $gates (dict
          "name" (printf "wait-for-%s" .name | include "nimhelm.v2.dnsLabel")
          "target" (include "nimhelm.v2.gate.target" .)
          "headers" (dig "httpHeaders" list $own)
          "text" (dig "text" "" $own)
          "timeout" (coalesce $forAll (dig "timeoutSeconds" 0 $own | int) 1800)) }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- $_ := set $nim "gates" $gates }}
{{- end }}

{{- /*
Fills the cache of the service before the NIM starts. Without a filter a NIM takes the profiles that fit the devices
it sees. Only a pod of the service sees those, and it has them already: there is nothing more to wait for.
*/}}
{{- define "nimhelm.v2.fillCache" -}}
{{- $nim := .nim }}
{{- $cache := .Values.storage.nimCache }}
{{- $main := dict "root" . "role" "" }}
{{- include "nimhelm.v2.env.main" $main }}
{{- $box := dict "env" (concat
  (list
    (dict "name" "CACHE_MARKER" "value" (printf "/model-store/.nimhelm-complete-%s" $cache.name))
    (dict "name" "CACHE_KEY" "value" (include "nimhelm.v2.image" (dict "global" $nim.global "image" .Values.image))))
  (dig "env" list $cache.fill)
  $main.env) }}
{{- include "nimhelm.v2.env.first" $box }}
- name: {{ printf "fill-cache-%s" $cache.name | include "nimhelm.v2.dnsLabel" | toJson }}
  {{- include "nimhelm.v2.containerImage" (dict "root" . "image" .Values.image) | nindent 2 }}
  command: [/bin/sh, /nimhelm-scripts/fill-cache.sh]
  args: [download-to-cache]
  env:
    {{- include "nimhelm.v2.yaml" $box.env | nindent 4 }}
  {{- with include "nimhelm.v2.resources" . }}
  resources:
    {{- . | nindent 4 }}
  {{- end }}
  {{- include "nimhelm.v2.hardening" $nim | nindent 2 | trimSuffix "\n  " }}
  volumeMounts:
    {{- include "nimhelm.v2.yaml" $nim.mounts | nindent 4 }}
    - name: nimhelm-scripts
      mountPath: /nimhelm-scripts
      readOnly: true
{{- end }}

{{- /* What a gate asks: the readiness URL of a dependency, or whether its port accepts connections. */}}
{{- define "nimhelm.v2.gate.target" -}}
  {{- $wait := .wait | default dict }}
  {{- $path := dig "path" "" $wait }}
  {{- $scheme := ternary (dig "scheme" "" $wait | default "HTTP" | lower) "tcp" (not (empty $path)) }}
  {{- printf "%s://%s" $scheme (include "nimhelm.v2.gate.address" .) }}
  {{- if $path }}{{ printf "/%s" (trimPrefix "/" $path) }}{{ end }}
{{- end }}

{{- /* Host and port that a gate asks; those of the dependency where it has none of its own. */}}
{{- define "nimhelm.v2.gate.address" -}}
  {{- $wait := .wait | default dict }}
  {{- $host := dig "host" "" $wait | default .name }}
  {{- if and (contains ":" $host) (not (hasPrefix "[" $host)) }}
    {{- $host = printf "[%s]" $host }}
  {{- end }}
  {{- printf "%s:%d" $host (dig "port" 0 $wait | default .port | int) }}
{{- end }}

{{- /* A container name has no dots and 63 characters at most; a longer one is cut and made unique by a hash. */}}
{{- define "nimhelm.v2.dnsLabel" -}}
  {{- $name := replace "." "-" . }}
  {{- if gt (len $name) 63 }}
    {{- printf "%s-%s" (trunc 54 $name | trimSuffix "-") (sha256sum . | trunc 8) }}
  {{- else }}
    {{- $name }}
  {{- end }}
{{- end }}

{{- /*
The init containers. NIM images hold many gigabytes; a gate that runs in the service's own image has the
node pull it while the dependencies start. All it takes along is a static busybox, since an image need
not have a shell.
*/}}
{{- define "nimhelm.v2.gates" -}}
  {{- $root := . }}
  {{- $nim := .nim }}
  {{- $global := $nim.global }}
  {{- $waitImage := include "nimhelm.v2.image" (dict "global" $global "reference" $global.waitImage) }}
  {{- $busybox := ternary "/nimhelm/busybox" "/bin/busybox" $global.pullWhileWaiting }}
  {{- if and $nim.gates $global.pullWhileWaiting }}
- name: wait-setup
  image: {{ toJson $waitImage }}
  imagePullPolicy: {{ toJson $global.waitImagePullPolicy }}
  command: ["cp", "/bin/busybox", "/nimhelm/busybox"]
  {{- include "nimhelm.v2.helperContainer" (dict "nim" $nim "user" 65532) | nindent 2 }}
  volumeMounts:
    - name: nimhelm-wait
      mountPath: /nimhelm
  {{- end }}
  {{- range $nim.gates }}
- name: {{ toJson .name }}
    {{- if $global.pullWhileWaiting }}
  {{- include "nimhelm.v2.containerImage" (dict "root" $root "image" $root.Values.image) | nindent 2 }}
    {{- else }}
  image: {{ toJson $waitImage }}
  imagePullPolicy: {{ toJson $global.waitImagePullPolicy }}
    {{- end }}
  command: [{{ $busybox }}, sh, /nimhelm-scripts/wait.sh]
  env:
    - name: WAIT_TARGET
      value: {{ include "nimhelm.v2.yaml" .target }}
    - name: WAIT_SETTINGS
      value: {{ printf "/nimhelm-scripts/%s.%s" $nim.name .name }}
    {{- with .text }}
    - name: WAIT_TEXT
      value: {{ include "nimhelm.v2.yaml" . }}
    {{- end }}
    {{- with .headers }}
    - name: WAIT_HEADERS
      value: {{ include "nimhelm.v2.gate.headers" . | toRawJson | include "nimhelm.v2.escaped" }}
    {{- end }}
    - name: BUSYBOX
      value: {{ $busybox }}
    {{- /* The images of NIMs ask for all GPUs of the node; a gate must see none. */}}
    - name: NVIDIA_VISIBLE_DEVICES
      value: void
  {{- include "nimhelm.v2.helperContainer" (dict "nim" $nim "user" 65532) | nindent 2 }}
  volumeMounts:
    - name: nimhelm-scripts
      mountPath: /nimhelm-scripts
      readOnly: true
    {{- if $global.pullWhileWaiting }}
    - name: nimhelm-wait
      mountPath: /nimhelm
      readOnly: true
    {{- end }}
    {{- if .cache }}
    - name: model-store
      mountPath: /cache
      {{- with $root.Values.storage.nimCache.subPath }}
      subPath: {{ include "nimhelm.v2.yaml" . }}
      {{- end }}
      readOnly: true
    {{- end }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.gate.headers" -}}
  {{- range $index, $header := . -}}
    {{- if $index }}{{ print "\n" }}{{ end -}}
    {{- printf "%s: %s" $header.name $header.value -}}
  {{- end -}}
{{- end }}

{{- /* The settings of a service's gates as the script reads them: seconds until it gives up, seconds between questions. */}}
{{- define "nimhelm.v2.gates.settings" -}}
  {{- $nim := .nim }}
  {{- range $nim.gates }}
{{ printf "%s.%s" $nim.name .name }}: {{ printf "%d %d" .timeout (int $nim.global.waitPeriodSeconds | max 1) | quote }}
  {{- end }}
{{- end }}
