{{- /*
The environment of the containers. While a list is built, it is in order of priority: the first entry of a name wins.
The order of the remaining entries is kept, because $(NAME) in a value refers to an earlier entry.
*/}}

{{- /* Keeps the first entry of each name. Takes env and replaces it. */}}
{{- define "nimhelm.v2.env.first" -}}
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
{{- define "nimhelm.v2.env.last" -}}
  {{- $_ := set . "env" (reverse .env) }}
  {{- include "nimhelm.v2.env.first" . }}
  {{- $_ := set . "env" (reverse .env) }}
{{- end }}

{{- /*
Sets .env: the variables that a user sets. A map (named) is merged over a list. It replaces a variable in its place,
adds new ones at the end, and removes one with null. Takes list and named.
*/}}
{{- define "nimhelm.v2.env.user" -}}
  {{- $result := list }}
  {{- $named := .named | default dict }}
  {{- $taken := dict }}
  {{- $_ := set . "env" (.list | default list) }}
  {{- include "nimhelm.v2.env.last" . }}
  {{- range $name, $value := $named }}
    {{- if kindIs "map" $value }}{{ $_ := set $taken $name (merge (dict "name" $name) $value) }}
    {{- else if not (kindIs "invalid" $value) }}{{ $_ := set $taken $name (dict "name" $name "value" $value) }}
    {{- end }}
  {{- end }}
  {{- range .env }}
    {{- if not (hasKey $named .name) }}{{ $result = append $result . }}
    {{- else }}
      {{- with get $taken .name }}{{ $result = append $result . }}{{ end }}
      {{- $_ := unset $taken .name }}
    {{- end }}
  {{- end }}
  {{- range $taken }}{{ $result = append $result . }}{{ end }}
  {{- $_ := set . "env" $result }}
{{- end }}

{{- /*
The variables of every container of the service, the user's init containers and sidecars included: proxy, addresses of
the dependencies (last one first), env, and the settings that a NIM needs in this pod.
*/}}
{{- define "nimhelm.v2.facts.env" -}}
  {{- $nim := .nim }}
  {{- $env := list }}
  {{- if kindIs "map" .Values.proxy }}
    {{- include "nimhelm.v2.env.proxy" (dict "proxy" .Values.proxy "into" $nim) }}
    {{- $env = $nim.proxyEnv }}
  {{- end }}
  {{- range reverse .Values.dependencies }}
    {{- /* The chart sets this variable. Pods taken over from the operator do not have it. */}}
    {{- if and .envName (or .envValue (not $nim.global.keepOperatorPods)) }}
      {{- /* The host of a gate is also the host of the API (behind KServe). A port alone may serve only probes. */}}
      {{- $address := printf "%s:%d" .name (int .port) }}
      {{- if dig "host" "" (.wait | default dict) }}
        {{- $address = include "nimhelm.v2.gate.url" (dict "wait" dict "host" .wait.host "port" (.wait.port | default .port)) | trimPrefix "tcp://" }}
      {{- end }}
      {{- $env = append $env (dict "name" .envName "value" (.envValue | default (printf "http://%s" $address))) }}
    {{- end }}
  {{- end }}
  {{- $user := dict "list" .Values.env "named" .Values.extraEnv }}
  {{- include "nimhelm.v2.env.user" $user }}
  {{- $port := toString $nim.port }}
  {{- $env = concat $env $user.env (list
    (dict "name" "NIM_CACHE_PATH" "value" "/model-store")
    (dict "name" "OUTLINES_CACHE_DIR" "value" "/tmp/outlines")
    (dict "name" "NIM_SERVER_PORT" "value" $port)
    (dict "name" "NIM_HTTP_API_PORT" "value" $port)
    (dict "name" "NIM_JSONL_LOGGING" "value" "1")
    (dict "name" "NIM_LOG_LEVEL" "value" "INFO")) }}
  {{- if .Values.storage.compileCache }}
    {{- $env = concat $env (include "nimhelm.v2.compileCache.env" . | fromYamlArray) }}
  {{- end }}
  {{- with .Values.authSecret }}
    {{- $key := dict "name" . "key" "NGC_API_KEY" }}
    {{- if not $nim.global.requireKeys }}{{ $_ := set $key "optional" true }}{{ end }}
    {{- $env = append $env (dict "name" "NGC_API_KEY" "valueFrom" (dict "secretKeyRef" $key)) }}
  {{- end }}
  {{- range $nim.ports }}
    {{- $port := toString .port }}
    {{- if eq .name "grpc" }}
      {{- $env = concat $env (list
        (dict "name" "NIM_GRPC_API_PORT" "value" $port)
        (dict "name" "NIM_TRITON_GRPC_PORT" "value" $port)) }}
    {{- else if eq .name "metrics" }}
      {{- $env = append $env (dict "name" "NIM_TRITON_METRICS_PORT" "value" $port) }}
    {{- end }}
  {{- end }}
  {{- if eq $nim.workload "LeaderWorkerSet" }}
    {{- $env = concat $env (include "nimhelm.v2.group.env" . | fromYamlArray) }}
  {{- end }}
  {{- $base := dict "env" $env }}
  {{- include "nimhelm.v2.env.first" $base }}
  {{- $_ := set $nim "env" $base.env }}
{{- end }}

{{- /*
Compile caches of vLLM, PyTorch inductor, Triton, CUDA and TensorRT-LLM. They are kept on the volume of the model, so
the next pod finds them.
*/}}
{{- define "nimhelm.v2.compileCache.env" -}}
{{- $folder := printf "%s/.nimhelm-compiled" (ternary "/model" "/model-store" (eq .Values.imageLayout "native")) -}}
- {name: VLLM_CACHE_ROOT, value: {{ $folder }}/vllm}
- {name: TORCHINDUCTOR_CACHE_DIR, value: {{ $folder }}/inductor}
- {name: TRITON_CACHE_DIR, value: {{ $folder }}/triton}
- {name: CUDA_CACHE_PATH, value: {{ $folder }}/cuda}
- {name: CUDA_CACHE_MAXSIZE, value: "4294967296"}
- {name: TLLM_LLMAPI_BUILD_CACHE, value: "1"}
- {name: TLLM_LLMAPI_BUILD_CACHE_ROOT, value: {{ $folder }}/tensorrt-llm}
{{- end }}

{{- /* Sets .into.proxyEnv: the variables of a proxy. Takes proxy and into. */}}
{{- define "nimhelm.v2.env.proxy" -}}
  {{- $https := get .proxy "httpsProxy" | default "" }}
  {{- $http := get .proxy "httpProxy" | default "" }}
  {{- $none := get .proxy "noProxy" | default "" }}
  {{- $_ := set .into "proxyEnv" (list
    (dict "name" "NIM_SDK_USE_NATIVE_TLS" "value" "1")
    (dict "name" "HTTPS_PROXY" "value" $https)
    (dict "name" "HTTP_PROXY" "value" $http)
    (dict "name" "NO_PROXY" "value" $none)
    (dict "name" "https_proxy" "value" $https)
    (dict "name" "http_proxy" "value" $http)
    (dict "name" "no_proxy" "value" $none)) }}
{{- end }}

{{- /*
Sets .env: the environment of the NIM, with the source of its model. A model-free NIM gets the path of its cache, a
Hugging Face model needs HF_TOKEN (which is optional where NIM_MODEL_PATH names it), and a native image gets the path of
its engine. Takes root and role.
*/}}
{{- define "nimhelm.v2.env.main" -}}
  {{- $root := .root }}
  {{- $cache := $root.Values.storage.nimCache }}
  {{- $source := ternary $cache.source "" (not (empty $cache.name)) }}
  {{- $env := $root.nim.env }}
  {{- $before := list }}
  {{- if .role }}
    {{- $env = concat $env (include (printf "nimhelm.v2.group.env.%s" .role) $root | fromYamlArray) }}
    {{- if has $source (list "hf" "ngcModelEndpoint") }}
      {{- $env = append $env (dict "name" "NIM_MODEL_NAME" "value" "/model-store") }}
    {{- end }}
  {{- else if eq $root.Values.imageLayout "native" }}
    {{- $path := ternary (printf "/model/%s" $cache.name) "/model" (not (empty $cache.name)) }}
    {{- $before = list (dict "name" "NIM_ENGINE_MODEL_PATH" "value" $path) }}
  {{- else if has $source (list "hf" "ngcModelEndpoint") }}
    {{- $env = concat $env (list
      (dict "name" "NIM_MODEL_NAME" "value" "/model-store")
      (dict "name" "HF_HOME" "value" "/model-store/huggingface/hub")
      (dict "name" "NIM_MODEL_PATH" "value" $cache.modelPath)) }}
  {{- end }}
  {{- $box := dict "env" $env }}
  {{- include "nimhelm.v2.env.first" $box }}
  {{- if not .role }}
    {{- $fetches := has $source (list "hf" "dataStore") }}
    {{- $mayFetch := false }}
    {{- range $box.env }}
      {{- if and (eq .name "NIM_MODEL_NAME") (hasPrefix "hf://" (.value | default "")) }}{{ $fetches = true }}{{ end }}
      {{- if and (eq .name "NIM_MODEL_PATH") (hasPrefix "hf://" (.value | default "")) }}{{ $mayFetch = true }}{{ end }}
    {{- end }}
    {{- if or $fetches $source $root.nim.global.keepOperatorPods }}{{ $mayFetch = false }}{{ end }}
    {{- with and $mayFetch $root.Values.authSecret }}
      {{- $token := dict "name" . "key" "HF_TOKEN" "optional" true }}
      {{- $_ := set $box "env" (append $box.env (dict "name" "HF_TOKEN" "valueFrom" (dict "secretKeyRef" $token))) }}
      {{- include "nimhelm.v2.env.first" $box }}
    {{- end }}
    {{- $_ := set $box "env" (concat $before $box.env) }}
    {{- if or $fetches $before }}
      {{- include "nimhelm.v2.env.token" (dict "box" $box "secret" $root.Values.authSecret "optional" (not (empty $before))) }}
    {{- end }}
    {{- include "nimhelm.v2.env.last" $box }}
  {{- end }}
  {{- if and $cache.name $cache.profile }}
    {{- $_ := set $box "env" (append $box.env (dict "name" "NIM_MODEL_PROFILE" "value" $cache.profile)) }}
    {{- include "nimhelm.v2.env.first" $box }}
  {{- end }}
  {{- $_ := set . "env" $box.env }}
{{- end }}

{{- /* Puts HF_TOKEN first. NGC_API_KEY is an optional reference. Takes box, secret and optional. */}}
{{- define "nimhelm.v2.env.token" -}}
  {{- $env := list }}
  {{- with .secret }}
    {{- $token := dict "name" . "key" "HF_TOKEN" }}
    {{- if $.optional }}{{ $_ := set $token "optional" true }}{{ end }}
    {{- $env = list
      (dict "name" "NGC_API_KEY" "valueFrom" (dict "secretKeyRef" (dict "name" . "key" "NGC_API_KEY" "optional" true)))
      (dict "name" "HF_TOKEN" "valueFrom" (dict "secretKeyRef" $token)) }}
  {{- end }}
  {{- range .box.env }}
    {{- if ne .name "NGC_API_KEY" }}{{ $env = append $env . }}{{ end }}
  {{- end }}
  {{- $_ := set .box "env" $env }}
{{- end }}
