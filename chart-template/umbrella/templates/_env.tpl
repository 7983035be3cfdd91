{{- /*
The environment of the containers. A list is in order of priority while it is put together: of two entries with
one name the first counts. The order of what stays is kept: $(NAME) in a value refers to what stands before it.
*/}}

{{- /* Each name once: the first entry of a name counts. Takes env, and puts the result in its place. */}}
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

{{- /* The same for a list as a user writes it, in which the last entry of a name counts, as in a container. */}}
{{- define "nimhelm.v2.env.last" -}}
  {{- $_ := set . "env" (reverse .env) }}
  {{- include "nimhelm.v2.env.first" . }}
  {{- $_ := set . "env" (reverse .env) }}
{{- end }}

{{- /*
The variables that a user sets: a list, with a map over it. The map replaces a variable where it stands in the list, and
adds the others after it; null takes one away. Takes list and named, and puts the result into .env.
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
What every container of the service starts from, the user's own init and sidecar containers included: the way out of
the cluster, the addresses of the dependencies (the last one first), env, and what a NIM needs to know to run here.
*/}}
{{- define "nimhelm.v2.facts.env" -}}
  {{- $nim := .nim }}
  {{- $env := list }}
  {{- if kindIs "map" .Values.proxy }}
    {{- include "nimhelm.v2.env.proxy" (dict "proxy" .Values.proxy "into" $nim) }}
    {{- $env = $nim.proxyEnv }}
  {{- end }}
  {{- range reverse .Values.dependencies }}
    {{- /* A variable without a value is the chart's; pods of the operator have none. */}}
    {{- if and .envName (or .envValue (not $nim.global.keepOperatorPods)) }}
      {{- /* A gate with a host of its own knows where the API is (behind KServe); a port alone may be one for probes. */}}
      {{- $address := printf "%s:%d" .name (int .port) }}
      {{- if dig "host" "" (.wait | default dict) }}{{ $address = include "nimhelm.v2.gate.address" . }}{{ end }}
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
Where the engines of NIMs keep what they compile: vLLM, PyTorch's inductor, Triton, CUDA and TensorRT-LLM. Beside the
model, on its volume, it is there when the next pod starts.
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

{{- /* The variables of a proxy. Takes proxy, and puts the list into .into.proxyEnv. */}}
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
The environment of the NIM itself: also where its model comes from. A NIM that serves any model is pointed at its
cache; a model of Hugging Face is fetched with HF_TOKEN; a native image gets the path of its engine. Takes root and
role, and puts the result into .env.
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
    {{- range $box.env }}
      {{- if and (eq .name "NIM_MODEL_NAME") (hasPrefix "hf://" (.value | default "")) }}{{ $fetches = true }}{{ end }}
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

{{- /* HF_TOKEN at the front, and NGC_API_KEY only where the secret has it. Takes box, secret and optional. */}}
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
