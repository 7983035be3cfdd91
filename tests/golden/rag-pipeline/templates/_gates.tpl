{{- /*
Gates: init containers that hold a service back until what it depends on answers. Each has a name, so that
`kubectl get pods` shows how many are still closed and `kubectl logs -c wait-for-...` why.

A pod names its gates alone. What a gate asks, how long and how often are in the ConfigMap with the scripts, so a change
restarts no pod, and a gate that waits reads it.

After an upgrade, the old pods of a dependency still answer for a while. So a gate asks the Service <dependency>-ready,
which selects the pods of the dependency's present revision: Helm changes its selector together with the pods. The label
nimhelm.dev/revision of a pod is a hash of its template.
*/}}

{{- /* Sets .nim.gates: the gates of a pod in the order in which they run: [{name, cache or dependency}], and .nim.fillsCache. */}}
{{- define "nimhelm.v3.facts.gates" -}}
  {{- $global := .nim.global }}
  {{- $cache := .Values.storage.nimCache }}
  {{- $gates := list }}
  {{- $waits := and $global.waitEnabled .Values.wait.enabled (not $global.keepOperatorPods) }}
  {{- $cached := and $waits $cache.name $cache.wait.enabled }}
  {{- $fills := and $cached (dig "fill" "enabled" false $cache) (ne .Values.imageLayout "native") }}
  {{- if and $cached (not $fills) }}
    {{- $gates = append $gates (dict "name" (printf "wait-for-cache-%s" $cache.name | include "nimhelm.v3.dnsLabel") "cache" $cache) }}
  {{- end }}
  {{- range ternary .Values.dependencies list $waits }}
    {{- /* A tool that orders the services itself needs gates only for dependencies outside the pipeline. */}}
    {{- if and (dig "wait" "enabled" true .) (or .external (not $global.orderFor)) }}
      {{- $gates = append $gates (dict "name" (printf "wait-for-%s" .name | include "nimhelm.v3.dnsLabel") "dependency" .) }}
    {{- end }}
  {{- end }}
  {{- $_ := set .nim "gates" $gates }}
  {{- $_ := set .nim "fillsCache" $fills }}
{{- end }}

{{- /* Sets .nim.probed: what the readiness probe asks at the API port, empty when it is no HTTP request. */}}
{{- define "nimhelm.v3.facts.probed" -}}
  {{- $setting := .Values.readinessProbe }}
  {{- $probe := ternary $setting.probe nil $setting.enabled | default (dict "httpGet" (dict "path" "/v1/health/ready")) }}
  {{- $probed := dict }}
  {{- with get $probe "httpGet" }}
    {{- if has (get . "port" | default "api" | toString) (list "api" (toString $.nim.port)) }}
      {{- $probed = merge (pick . "path" "scheme" "httpHeaders") (dict "path" "/" "scheme" "HTTP" "httpHeaders" list) }}
    {{- end }}
  {{- end }}
  {{- $_ := set .nim "probed" $probed }}
{{- end }}

{{- /*
Fills the cache of the service before the NIM starts. Without a filter a NIM selects the profiles that fit its GPUs,
and only a pod of the service sees those GPUs. The pod has them already, so the download cannot deadlock.
*/}}
{{- define "nimhelm.v3.fillCache" -}}
{{- $nim := .nim }}
{{- $cache := .Values.storage.nimCache }}
{{- include "nimhelm.v3.env.main" . }}
{{- $box := dict "env" (concat (list
  (dict "name" "CACHE_MARKER" "value" (printf "/model-store/.nimhelm-complete-%s" $cache.name))
  (dict "name" "CACHE_KEY" "value" (include "nimhelm.v3.image" (dict "global" $nim.global "image" .Values.image))))
  (dig "env" list $cache.fill) $nim.mainEnv) }}
{{- include "nimhelm.v3.env.first" $box -}}
- name: {{ printf "fill-cache-%s" $cache.name | include "nimhelm.v3.dnsLabel" | toJson }}
  {{- include "nimhelm.v3.containerImage" (dict "root" . "image" .Values.image) | nindent 2 }}
  command: [/bin/sh, /nimhelm-scripts/fill-cache.sh]
  args: [download-to-cache]
  {{- include "nimhelm.v3.fields" (dict "indent" 2 "fields" (dict
    "env" $box.env "securityContext" $nim.confined "terminationMessagePolicy" $nim.lastWords)) }}
  {{- include "nimhelm.v3.resources" . | nindent 2 | trimSuffix "\n  " }}
  volumeMounts:
    {{- include "nimhelm.v3.yaml" $nim.mounts | nindent 4 }}
    {{- include "nimhelm.v3.scriptsMount" . | nindent 4 }}
{{- end }}

{{- /* The name of a container has no dots and at most 63 characters. A longer name is cut and gets a hash. */}}
{{- define "nimhelm.v3.dnsLabel" -}}
  {{- $name := replace "." "-" . }}
  {{- if gt (len $name) 63 }}
    {{- printf "%s-%s" (trunc 54 $name | trimSuffix "-") (sha256sum . | trunc 8) }}
  {{- else }}
    {{- $name }}
  {{- end }}
{{- end }}

{{- /* A container that puts a static busybox where the other containers of the pod find it. Takes the facts of the service. */}}
{{- define "nimhelm.v3.busybox" -}}
{{- include "nimhelm.v3.waitImage" . }}
command: ["cp", "/bin/busybox", "/nimhelm/busybox"]
{{- include "nimhelm.v3.helperContainer" (dict "nim" . "user" 65532) | nindent 0 }}
volumeMounts:
  - name: nimhelm-wait
    mountPath: /nimhelm
{{- end }}

{{- /*
The gates as init containers. NIM images are many gigabytes large. A gate that runs in the image of its service makes
the node pull that image while the dependencies start. It brings a static busybox, because the image may have no shell.
*/}}
{{- define "nimhelm.v3.gates" -}}
  {{- $nim := .nim }}
  {{- $pulls := $nim.global.pullWhileWaiting }}
  {{- /* The proxy of a mesh lets the traffic of its own user alone. */}}
  {{- $user := get (dict "istio" 1337 "linkerd" 2102) $nim.global.mesh | default 65532 }}
  {{- $busybox := ternary "/nimhelm/busybox" "/bin/busybox" $pulls }}
  {{- $image := ternary (include "nimhelm.v3.containerImage" (dict "root" . "image" .Values.image)) (include "nimhelm.v3.waitImage" $nim) $pulls }}
  {{- if and $nim.gates $pulls }}
- name: wait-setup
  {{- include "nimhelm.v3.busybox" $nim | nindent 2 }}
  {{- end }}
  {{- range $nim.gates }}
- name: {{ toJson .name }}
  {{- $image | nindent 2 }}
  command: [{{ $busybox }}, sh, /nimhelm-scripts/wait.sh]
  args: [{{ printf "/nimhelm-scripts/%s.%s" $nim.name .name | toJson }}]
  env:
    - {name: BUSYBOX, value: {{ $busybox }}}
    {{- /* NIM images ask for all GPUs of the node. A gate must see none. */}}
    - {name: NVIDIA_VISIBLE_DEVICES, value: void}
  {{- include "nimhelm.v3.helperContainer" (dict "nim" $nim "user" $user) | nindent 2 }}
  volumeMounts:
    {{- include "nimhelm.v3.scriptsMount" . | nindent 4 }}
    {{- if $pulls }}
    - {name: nimhelm-wait, mountPath: /nimhelm, readOnly: true}
    {{- end }}
    {{- with .cache }}
    - name: model-store
      mountPath: /cache
      readOnly: true
      {{- include "nimhelm.v3.fields" (dict "indent" 6 "fields" (pick . "subPath")) }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
The settings of all gates of a service, as entries of a ConfigMap. files/wait.sh describes each line. Takes nim (the
umbrella's facts) and service (the root of its chart).
*/}}
{{- define "nimhelm.v3.gates.settings" -}}
  {{- $byName := .nim.byName }}
  {{- $root := .service }}
  {{- range $root.nim.gates }}
    {{- $box := dict "byName" $byName "root" $root "gate" . }}
    {{- include "nimhelm.v3.gate.settings" $box }}
{{ printf "%s.%s" $root.nim.name .name }}: |
    {{- range $box.lines }}
      {{- /* A line break in a value would start another setting. */}}
  {{ regexReplaceAll `[\x00-\x1F\x{7F}-\x{9F}\x{2028}\x{2029}\x{FEFF}\x{FFFE}\x{FFFF}]` . "" }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
Sets .lines: the settings of one gate. It asks as the values say, else as the readiness probe of the dependency. For a
service of the pipeline it asks the pods of the current revision first. `any`, `peer` and `patience` say what else opens
the gate. A host in the values is asked directly. So is a Knative service, because its routes lead to the latest ready
revision. Takes byName, root and gate.
*/}}
{{- define "nimhelm.v3.gate.settings" -}}
  {{- $root := .root }}
  {{- $dependency := .gate.dependency }}
  {{- $lines := list
    (printf "period=%d" (int $root.nim.global.waitPeriodSeconds | max 1))
    (printf "timeout=%s" (include "nimhelm.v3.gate.timeout" .)) }}
  {{- if .gate.sleeps }}
    {{- $lines = list (printf "asleep=%s" $dependency.name) }}
  {{- else if .gate.cache }}
    {{- $lines = append $lines (printf "target=cache://%s" .gate.cache.name) }}
  {{- else }}
    {{- $wait := $dependency.wait | default dict }}
    {{- $target := ternary dict (get .byName $dependency.name | default dict) (eq true $dependency.external) }}
    {{- if and $target (not (hasKey $wait "path")) (has (int $dependency.port) (list $target.nim.port (ternary $target.nim.port 80 $target.nim.ownsService))) }}
      {{- $wait = merge dict $wait $target.nim.probed }}
    {{- end }}
    {{- $host := get $wait "host" | default $dependency.name }}
    {{- $port := get $wait "port" | default $dependency.port }}
    {{- $own := and $target (has $host (list $dependency.name (print $dependency.name "-predictor"))) (include "nimhelm.v3.hasReadyService" $target) }}
    {{- /*
    A Service routes to ready pods alone. So a connection says as much as an HTTPS answer, and needs neither a
    certificate nor a TLS that busybox has. Nor does a mesh refuse it that wants mutual TLS.
    */}}
    {{- if and $own (or (eq (get $wait "scheme") "HTTPS") $root.nim.global.mesh) (not (get $wait "text")) $target.Values.readinessProbe.enabled }}
      {{- $wait = omit $wait "path" }}
    {{- end }}
    {{- $plain := include "nimhelm.v3.gate.url" (dict "wait" $wait "host" $host "port" $port) }}
    {{- if $own }}
      {{- /* The Service of KServe has its own port, which differs from the port of the pods. */}}
      {{- $of := dict "wait" $wait "host" (include "nimhelm.v3.readyName" $dependency.name) "port" (ternary $port $target.nim.port $target.nim.ownsService) }}
      {{- $lines = concat $lines (list
        (print "target=" (include "nimhelm.v3.gate.url" $of))
        (print "any=" $plain)
        (print "patience=" (include "nimhelm.v3.startupSeconds" $target))) }}
      {{- if include "nimhelm.v3.hasReadyService" $root }}
        {{- $lines = append $lines (printf "peer=tcp://%s:%d" (include "nimhelm.v3.readyName" $root.nim.name) $root.nim.port) }}
      {{- end }}
    {{- else }}
      {{- $lines = append $lines (print "target=" $plain) }}
    {{- end }}
    {{- $lines = append $lines (print "ontimeout=" (include "nimhelm.v3.gate.onTimeout" (dict "root" $root "dependency" $dependency))) }}
    {{- with get $wait "text" }}{{ $lines = append $lines (printf "text=%s" .) }}{{ end }}
    {{- range get $wait "httpHeaders" | default list }}{{ $lines = append $lines (printf "header=%s: %s" .name .value) }}{{ end }}
  {{- end }}
  {{- $_ := set . "lines" $lines }}
{{- end }}

{{- /* The timeout of a gate in seconds: that of the service, of the whole chart, or its own. Takes root and gate. */}}
{{- define "nimhelm.v3.gate.timeout" -}}
  {{- $own := dig "timeoutSeconds" 0 ((.gate.cache | default .gate.dependency).wait | default dict) }}
  {{- coalesce (int .root.Values.wait.timeoutSeconds) (int .root.nim.global.waitTimeoutSeconds) (int $own) 1800 }}
{{- end }}

{{- /* What a gate does at its timeout, fail or start. Takes root and dependency. */}}
{{- define "nimhelm.v3.gate.onTimeout" -}}
  {{- coalesce (dig "wait" "onTimeout" "" .dependency) .root.Values.wait.onTimeout .root.nim.global.waitOnTimeout }}
{{- end }}

{{- /* A readiness URL, or a TCP address when there is no path. Takes wait, host and port. */}}
{{- define "nimhelm.v3.gate.url" -}}
  {{- $path := get .wait "path" | default "" }}
  {{- $host := ternary (printf "[%s]" .host) .host (and (contains ":" .host) (not (hasPrefix "[" .host))) }}
  {{- $address := printf "%s:%d" $host (int .port) }}
  {{- if $path }}{{ printf "%s://%s/%s" (get .wait "scheme" | default "HTTP" | lower) $address (trimPrefix "/" $path) }}{{ else }}tcp://{{ $address }}{{ end }}
{{- end }}

{{- /* The name of the Service for the current revision of a service. */}}
{{- define "nimhelm.v3.readyName" -}}
  {{- printf "%s-ready" . | include "nimhelm.v3.dnsLabel" }}
{{- end }}

{{- /*
Whether a service has such a Service. It does when other services wait for it, or when it has gates itself, because its
further pods ask whether a first one is ready.
*/}}
{{- define "nimhelm.v3.hasReadyService" -}}
  {{- if and .nim.enabled (or .nim.awaited .nim.gates) (not .nim.knative) (not .nim.global.keepOperatorPods) }}true{{ end }}
{{- end }}
