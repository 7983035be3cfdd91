{{- /*
The environment of the containers. Every list below is JSON; no name occurs twice in one. The order is
kept: $(NAME) in a value refers to what stands before it.
*/}}

{{- /* Two lists as one: the second goes first, and replaces entries of the first that have its names. */}}
{{- define "nimhelm.service.env.merge" -}}
  {{- $result := last . }}
  {{- $taken := dict }}
  {{- range $result }}{{ $_ := set $taken .name true }}{{ end }}
  {{- range first . }}
    {{- if not (hasKey $taken .name) }}
      {{- $result = append $result . }}
    {{- end }}
  {{- end }}
  {{- toJson $result }}
{{- end }}

{{- /* A list with each name once: as in a container, the last entry of a name counts. */}}
{{- define "nimhelm.service.env.unique" -}}
  {{- $result := list }}
  {{- $taken := dict }}
  {{- range reverse . }}
    {{- if not (hasKey $taken .name) }}
      {{- $_ := set $taken .name true }}
      {{- $result = prepend $result . }}
    {{- end }}
  {{- end }}
  {{- toJson $result }}
{{- end }}

{{- /* One entry whose value comes from a key of authSecret that has the same name. Takes (root, name, optional). */}}
{{- define "nimhelm.service.env.secret" -}}
  {{- $root := index . 0 }}
  {{- $reference := dict "name" $root.Values.authSecret "key" (index . 1) }}
  {{- if index . 2 }}{{ $_ := set $reference "optional" true }}{{ end }}
  {{- dict "name" (index . 1) "valueFrom" (dict "secretKeyRef" $reference) | toJson }}
{{- end }}

{{- /* What the pipeline sets: the URLs of the dependencies (the last one first), then env. */}}
{{- define "nimhelm.service.env.user" -}}
  {{- $env := include "nimhelm.service.env.unique" (.Values.env | default list) | fromJsonArray }}
  {{- range .Values.dependencies }}
    {{- if .envName }}
      {{- /* A gate with a host of its own knows where the API is (behind KServe); a port alone may be one for probes. */}}
      {{- $url := printf "http://%s:%d" .name (int .port) }}
      {{- if dig "host" "" (.wait | default dict) }}
        {{- $url = printf "http://%s" (include "nimhelm.service.gates.address" .) }}
      {{- end }}
      {{- $entry := dict "name" .envName "value" (.envValue | default $url) }}
      {{- $env = include "nimhelm.service.env.merge" (list $env (list $entry)) | fromJsonArray }}
    {{- end }}
  {{- end }}
  {{- toJson $env }}
{{- end }}

{{- /* What a NIM needs to know to run here; all of it yields to what the pipeline sets. */}}
{{- define "nimhelm.service.env.standard" -}}
  {{- $service := .Values.expose.service }}
  {{- $port := $service.port | int | toString }}
  {{- $env := list
    (dict "name" "NIM_CACHE_PATH" "value" "/model-store")
    (dict "name" "OUTLINES_CACHE_DIR" "value" "/tmp/outlines")
    (dict "name" "NIM_SERVER_PORT" "value" $port)
    (dict "name" "NIM_HTTP_API_PORT" "value" $port)
    (dict "name" "NIM_JSONL_LOGGING" "value" "1")
    (dict "name" "NIM_LOG_LEVEL" "value" "INFO") }}
  {{- if .Values.authSecret }}
    {{- $env = append $env (include "nimhelm.service.env.secret" (list . "NGC_API_KEY" false) | fromJson) }}
  {{- end }}
  {{- with $service.grpcPort }}
    {{- $env = append $env (dict "name" "NIM_GRPC_API_PORT" "value" (int . | toString)) }}
    {{- $env = append $env (dict "name" "NIM_TRITON_GRPC_PORT" "value" (int . | toString)) }}
  {{- end }}
  {{- with $service.metricsPort }}
    {{- $env = append $env (dict "name" "NIM_TRITON_METRICS_PORT" "value" (int . | toString)) }}
  {{- end }}
  {{- toJson $env }}
{{- end }}

{{- /* The way out of the cluster: these win over everything else. */}}
{{- define "nimhelm.service.env.proxy" -}}
  {{- $env := list }}
  {{- if kindIs "map" .Values.proxy }}
    {{- $proxy := .Values.proxy }}
    {{- $env = list
      (dict "name" "NIM_SDK_USE_NATIVE_TLS" "value" "1")
      (dict "name" "HTTPS_PROXY" "value" ($proxy.httpsProxy | default ""))
      (dict "name" "HTTP_PROXY" "value" ($proxy.httpProxy | default ""))
      (dict "name" "NO_PROXY" "value" ($proxy.noProxy | default ""))
      (dict "name" "https_proxy" "value" ($proxy.httpsProxy | default ""))
      (dict "name" "http_proxy" "value" ($proxy.httpProxy | default ""))
      (dict "name" "no_proxy" "value" ($proxy.noProxy | default "")) }}
  {{- end }}
  {{- toJson $env }}
{{- end }}

{{- /* What every container of the service starts from, the user's own init and sidecar containers included. */}}
{{- define "nimhelm.service.env.base" -}}
  {{- $standard := include "nimhelm.service.env.standard" . | fromJsonArray }}
  {{- $user := include "nimhelm.service.env.user" . | fromJsonArray }}
  {{- $proxy := include "nimhelm.service.env.proxy" . | fromJsonArray }}
  {{- $user = include "nimhelm.service.env.merge" (list $user $proxy) | fromJsonArray }}
  {{- include "nimhelm.service.env.merge" (list $standard $user) }}
{{- end }}

{{- /* The environment of the main container. */}}
{{- define "nimhelm.service.env" -}}
  {{- $env := include "nimhelm.service.env.base" . | fromJsonArray }}
  {{- $env = include "nimhelm.service.env.withModel" (list . $env) | fromJsonArray }}
  {{- include "nimhelm.service.env.withProfile" (list . $env) }}
{{- end }}

{{- /*
Where the model comes from: a NIM that serves any model is pointed at its cache; a model of Hugging Face
is fetched with HF_TOKEN; a native image gets the path of its engine. Takes (root, list).
*/}}
{{- define "nimhelm.service.env.withModel" -}}
  {{- $root := first . }}
  {{- $env := last . }}
  {{- $cache := $root.Values.storage.nimCache }}
  {{- $source := ternary $cache.source "" (not (empty $cache.name)) }}
  {{- $native := eq $root.Values.imageLayout "native" }}
  {{- if $native }}
    {{- $path := ternary (printf "/model/%s" $cache.name) "/model" (not (empty $cache.name)) }}
    {{- $env = prepend $env (dict "name" "NIM_ENGINE_MODEL_PATH" "value" $path) }}
    {{- $env = include "nimhelm.service.env.withToken" (list $root $env true) | fromJsonArray }}
  {{- else if has $source (list "hf" "ngcModelEndpoint") }}
    {{- $universal := list
      (dict "name" "NIM_MODEL_NAME" "value" "/model-store")
      (dict "name" "HF_HOME" "value" "/model-store/huggingface/hub")
      (dict "name" "NIM_MODEL_PATH" "value" $cache.modelPath) }}
    {{- $env = include "nimhelm.service.env.merge" (list $universal $env) | fromJsonArray }}
  {{- end }}
  {{- $huggingFace := has $source (list "hf" "dataStore") }}
  {{- range $env }}
    {{- if and (eq .name "NIM_MODEL_NAME") (hasPrefix "hf://" (.value | default "")) }}
      {{- $huggingFace = true }}
    {{- end }}
  {{- end }}
  {{- if $huggingFace }}
    {{- $env = include "nimhelm.service.env.withToken" (list $root $env false) | fromJsonArray }}
  {{- end }}
  {{- include "nimhelm.service.env.unique" $env }}
{{- end }}

{{- /* HF_TOKEN at the front, and NGC_API_KEY only where authSecret has it. Takes (root, list, whether the token is optional). */}}
{{- define "nimhelm.service.env.withToken" -}}
  {{- $root := index . 0 }}
  {{- $env := list }}
  {{- if $root.Values.authSecret }}
    {{- $env = list
      (include "nimhelm.service.env.secret" (list $root "NGC_API_KEY" true) | fromJson)
      (include "nimhelm.service.env.secret" (list $root "HF_TOKEN" (index . 2)) | fromJson) }}
  {{- end }}
  {{- range index . 1 }}
    {{- if ne .name "NGC_API_KEY" }}
      {{- $env = append $env . }}
    {{- end }}
  {{- end }}
  {{- toJson $env }}
{{- end }}

{{- /* The profile that the service chose from its cache, unless the pipeline sets one itself. Takes (root, list). */}}
{{- define "nimhelm.service.env.withProfile" -}}
  {{- $cache := (first .).Values.storage.nimCache }}
  {{- $profile := list }}
  {{- if and $cache.name $cache.profile }}
    {{- $profile = list (dict "name" "NIM_MODEL_PROFILE" "value" $cache.profile) }}
  {{- end }}
  {{- include "nimhelm.service.env.merge" (list $profile (last .)) }}
{{- end }}
