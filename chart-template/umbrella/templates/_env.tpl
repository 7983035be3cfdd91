{{- /*
The environment of the containers. While a list is built, it is in order of priority: the first entry of a name wins.
The order of the remaining entries is kept, because $(NAME) in a value refers to an earlier entry.
*/}}

{{- /* Keeps the first entry of each name. Takes env and replaces it. */}}
{{- define "nimhelm.v3.env.first" -}}
  {{- $result := list }}
  {{- $taken := dict }}
  {{- range .env }}
    {{- if not (hasKey $taken .name) }}
      {{- $_ := set $taken .name true }}
      {{- $result = append $result . }}
    {{- end }}
  {{- end }}
  {{- $_ := set . "env" $result }}
{{- end }}

{{- /* Keeps the last entry of each name, as Kubernetes does with the list that a user writes. */}}
{{- define "nimhelm.v3.env.last" -}}
  {{- $_ := set . "env" (reverse .env) }}
  {{- include "nimhelm.v3.env.first" . }}
  {{- $_ := set . "env" (reverse .env) }}
{{- end }}

{{- /*
Sets .env: the variables that a user sets. A map (named) is merged over a list. It replaces a variable in its place,
adds new ones at the end, and removes one with null. Takes list and named.
*/}}
{{- define "nimhelm.v3.env.user" -}}
  {{- $named := dict }}
  {{- range $name, $value := .named | default dict }}
    {{- $entry := ternary $value (dict "value" $value) (kindIs "map" $value) }}
    {{- $_ := set $named $name (ternary dict (merge (dict "name" $name) $entry) (kindIs "invalid" $value)) }}
  {{- end }}
  {{- $_ := set . "env" (.list | default list) }}
  {{- include "nimhelm.v3.env.last" . }}
  {{- $result := list }}
  {{- range .env }}
    {{- $result = append $result (ternary (get $named .name) . (hasKey $named .name)) }}
    {{- $_ := unset $named .name }}
  {{- end }}
  {{- range $named }}{{ $result = append $result . }}{{ end }}
  {{- $_ := set . "env" (without $result dict) }}
{{- end }}

{{- /*
The variables of every container of the service, the user's init containers and sidecars included: proxy, addresses of
the dependencies (last one first), env, and the settings that a NIM needs in this pod.
*/}}
{{- define "nimhelm.v3.facts.env" -}}
  {{- $nim := .nim }}
  {{- $global := $nim.global }}
  {{- $user := dict "list" .Values.env "named" .Values.extraEnv }}
  {{- include "nimhelm.v3.env.user" $user }}
  {{- include "nimhelm.v3.env.proxy" (dict "proxy" .Values.proxy "into" $nim) }}
  {{- $env := $nim.proxyEnv }}
  {{- range reverse .Values.dependencies }}
    {{- /* The chart sets this variable. Pods taken over from the operator do not have it. */}}
    {{- if and .envName (or .envValue (not $global.keepOperatorPods)) }}
      {{- /* The host of a gate is also the host of the API (behind KServe). A port alone may serve only probes. */}}
      {{- $address := printf "%s:%d" .name (int .port) }}
      {{- if dig "host" "" (.wait | default dict) }}
        {{- $address = include "nimhelm.v3.gate.url" (dict "wait" dict "host" .wait.host "port" (.wait.port | default .port)) | trimPrefix "tcp://" }}
      {{- end }}
      {{- $env = append $env (dict "name" .envName "value" (.envValue | default (printf "http://%s" $address))) }}
    {{- end }}
  {{- end }}
  {{- $env = concat $env $user.env (list
    (dict "name" "NIM_CACHE_PATH" "value" "/model-store")
    (dict "name" "OUTLINES_CACHE_DIR" "value" "/tmp/outlines")
    (dict "name" "NIM_SERVER_PORT" "value" (toString $nim.port))
    (dict "name" "NIM_HTTP_API_PORT" "value" (toString $nim.port))
    (dict "name" "NIM_JSONL_LOGGING" "value" "1")
    (dict "name" "NIM_LOG_LEVEL" "value" "INFO")) }}
  {{- if .Values.storage.compileCache }}{{ $env = concat $env (include "nimhelm.v3.compileCache.env" . | fromYamlArray) }}{{ end }}
  {{- with .Values.authSecret }}
    {{- $key := merge (dict "name" . "key" "NGC_API_KEY") (ternary dict (dict "optional" true) $global.requireKeys) }}
    {{- $env = append $env (dict "name" "NGC_API_KEY" "valueFrom" (dict "secretKeyRef" $key)) }}
  {{- end }}
  {{- $variables := dict "grpc" (list "NIM_GRPC_API_PORT" "NIM_TRITON_GRPC_PORT") "metrics" (list "NIM_TRITON_METRICS_PORT") }}
  {{- range $port := $nim.ports }}
    {{- range get $variables .name | default list }}{{ $env = append $env (dict "name" . "value" (toString $port.port)) }}{{ end }}
  {{- end }}
  {{- if $nim.group }}{{ $env = concat $env (include "nimhelm.v3.group.env" . | fromYamlArray) }}{{ end }}
  {{- $_ := set $nim "env" $env }}
  {{- include "nimhelm.v3.env.first" $nim }}
{{- end }}

{{- /*
Compile caches of vLLM, PyTorch inductor, Triton, CUDA and TensorRT-LLM. They are kept on the volume of the model, so
the next pod finds them.
*/}}
{{- define "nimhelm.v3.compileCache.env" -}}
{{- $folder := printf "%s/.nimhelm-compiled" (ternary "/model" "/model-store" (eq .Values.imageLayout "native")) -}}
- {name: VLLM_CACHE_ROOT, value: {{ $folder }}/vllm}
- {name: TORCHINDUCTOR_CACHE_DIR, value: {{ $folder }}/inductor}
- {name: TRITON_CACHE_DIR, value: {{ $folder }}/triton}
- {name: CUDA_CACHE_PATH, value: {{ $folder }}/cuda}
- {name: CUDA_CACHE_MAXSIZE, value: "4294967296"}
- {name: TLLM_LLMAPI_BUILD_CACHE, value: "1"}
- {name: TLLM_LLMAPI_BUILD_CACHE_ROOT, value: {{ $folder }}/tensorrt-llm}
{{- end }}

{{- /* Sets .into.proxyEnv: the variables of a proxy, if there is one. Takes proxy and into. */}}
{{- define "nimhelm.v3.env.proxy" -}}
  {{- $env := list }}
  {{- if kindIs "map" .proxy }}
    {{- $env = list (dict "name" "NIM_SDK_USE_NATIVE_TLS" "value" "1") }}
    {{- $fields := dict "https_proxy" "httpsProxy" "http_proxy" "httpProxy" "no_proxy" "noProxy" }}
    {{- range list "HTTPS_PROXY" "HTTP_PROXY" "NO_PROXY" "https_proxy" "http_proxy" "no_proxy" }}
      {{- $env = append $env (dict "name" . "value" (get $.proxy (get $fields (lower .)) | default "")) }}
    {{- end }}
  {{- end }}
  {{- $_ := set .into "proxyEnv" $env }}
{{- end }}

{{- /*
Sets .nim.mainEnv: the environment of the NIM in the pod of .nim.role, with the source of its model. A model-free NIM
gets the path of its cache, a Hugging Face model needs HF_TOKEN (which is optional where NIM_MODEL_PATH names it), and a
native image gets the path of its engine.
*/}}
{{- define "nimhelm.v3.env.main" -}}
  {{- $nim := .nim }}
  {{- $secret := .Values.authSecret }}
  {{- $cache := .Values.storage.nimCache }}
  {{- $source := ternary $cache.source "" (not (empty $cache.name)) }}
  {{- $env := $nim.env }}
  {{- $before := list }}
  {{- if $nim.group }}{{ $env = concat $env (include "nimhelm.v3.group.roleEnv" . | fromYamlArray) }}{{ end }}
  {{- if and (not $nim.group) (eq .Values.imageLayout "native") }}
    {{- $before = list (dict "name" "NIM_ENGINE_MODEL_PATH" "value" (ternary (printf "/model/%s" $cache.name) "/model" (not (empty $cache.name)))) }}
  {{- else if has $source (list "hf" "ngcModelEndpoint") }}
    {{- $env = append $env (dict "name" "NIM_MODEL_NAME" "value" "/model-store") }}
    {{- if not $nim.group }}
      {{- $env = concat $env (list
        (dict "name" "HF_HOME" "value" "/model-store/huggingface/hub")
        (dict "name" "NIM_MODEL_PATH" "value" $cache.modelPath)) }}
    {{- end }}
  {{- end }}
  {{- $box := dict "env" $env }}
  {{- include "nimhelm.v3.env.first" $box }}
  {{- if not $nim.group }}
    {{- $fetches := has $source (list "hf" "dataStore") }}
    {{- $mayFetch := false }}
    {{- range $box.env }}
      {{- $hub := hasPrefix "hf://" (.value | default "") }}
      {{- $fetches = or $fetches (and $hub (eq .name "NIM_MODEL_NAME")) }}
      {{- $mayFetch = or $mayFetch (and $hub (eq .name "NIM_MODEL_PATH")) }}
    {{- end }}
    {{- $optional := dict "name" $secret "key" "HF_TOKEN" "optional" true }}
    {{- if and $mayFetch $secret (not (or $fetches $source $nim.global.keepOperatorPods)) }}
      {{- $_ := set $box "env" (append $box.env (dict "name" "HF_TOKEN" "valueFrom" (dict "secretKeyRef" $optional))) }}
      {{- include "nimhelm.v3.env.first" $box }}
    {{- end }}
    {{- if or $fetches $before }}
      {{- $others := list }}
      {{- range $box.env }}{{ if ne .name "NGC_API_KEY" }}{{ $others = append $others . }}{{ end }}{{ end }}
      {{- $keys := list
        (dict "name" "NGC_API_KEY" "valueFrom" (dict "secretKeyRef" (dict "name" $secret "key" "NGC_API_KEY" "optional" true)))
        (dict "name" "HF_TOKEN" "valueFrom" (dict "secretKeyRef" (ternary (omit $optional "optional") $optional (empty $before)))) }}
      {{- $_ := set $box "env" (concat (ternary list $keys (empty $secret)) $before $others) }}
    {{- end }}
    {{- include "nimhelm.v3.env.last" $box }}
  {{- end }}
  {{- if and $cache.name $cache.profile }}
    {{- $_ := set $box "env" (append $box.env (dict "name" "NIM_MODEL_PROFILE" "value" $cache.profile)) }}
    {{- include "nimhelm.v3.env.first" $box }}
  {{- end }}
  {{- $_ := set $nim "mainEnv" $box.env }}
{{- end }}
