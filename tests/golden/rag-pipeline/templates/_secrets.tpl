{{- /*
The secrets that must exist in the namespace, and what needs them. The chart contains no secrets. Optional references
are left out, except for the keys of models, because a download without a key is refused.
*/}}

{{- /* Sets .nim.secrets, sorted by name: [{name, type, keys, registries, usedBy, command}]. */}}
{{- define "nimhelm.v2.secrets" -}}
  {{- $found := dict }}
  {{- range .nim.services }}
    {{- if .nim.enabled }}{{ include "nimhelm.v2.secrets.service" (dict "into" $found "name" .nim.name "root" .) }}{{ end }}
  {{- end }}
  {{- range .nim.caches }}
    {{- $user := printf "NIMCache %s" .name }}
    {{- include "nimhelm.v2.secret" (dict "into" $found "name" (get .source "pullSecret") "image" .puller "user" $user) }}
    {{- $box := dict "key" (ternary "HF_TOKEN" "NGC_API_KEY" (get .cache.source "ngc" | empty)) }}
    {{- if .native }}
      {{- include "nimhelm.v2.secret.native" (dict "box" $box "secret" (get .source "authSecret") "env" (get .cache "env")) }}
    {{- end }}
    {{- include "nimhelm.v2.secret" (dict "into" $found "name" (get .source "authSecret") "key" $box.key "user" $user) }}
    {{- include "nimhelm.v2.secrets.env" (dict "into" $found "env" (get .cache "env") "user" $user) }}
  {{- end }}
  {{- $secrets := list }}
  {{- range keys $found | sortAlpha }}
    {{- $secret := get $found . }}
    {{- include "nimhelm.v2.secret.command" (dict "secret" $secret "namespace" $.Release.Namespace) }}
    {{- $secrets = append $secrets $secret }}
  {{- end }}
  {{- $_ := set .nim "secrets" $secrets }}
{{- end }}

{{- /* The secrets of one service. Takes into, name and root (of its chart). */}}
{{- define "nimhelm.v2.secrets.service" -}}
  {{- $box := . }}
  {{- $values := .root.Values }}
  {{- $image := include "nimhelm.v2.image" (dict "global" .root.nim.global "image" $values.image) }}
  {{- range concat ($values.image.pullSecrets | default list) .root.nim.global.imagePullSecrets | uniq }}
    {{- include "nimhelm.v2.secret" (dict "into" $box.into "name" . "image" $image "user" $box.name) }}
  {{- end }}
  {{- $cache := $values.storage.nimCache }}
  {{- $source := ternary $cache.source "" (not (empty $cache.name)) }}
  {{- $_ := set . "key" (ternary "HF_TOKEN" "NGC_API_KEY" (has $source (list "hf" "dataStore"))) }}
  {{- range $values.env }}
    {{- if and (has .name (list "NIM_MODEL_NAME" "NIM_MODEL_PATH")) (hasPrefix "hf://" (get . "value" | default "")) }}
      {{- $_ := set $box "key" "HF_TOKEN" }}
    {{- end }}
  {{- end }}
  {{- if eq $values.imageLayout "native" }}
    {{- include "nimhelm.v2.secret.native" (dict "box" $box "secret" $values.authSecret "env" $values.env) }}
  {{- end }}
  {{- include "nimhelm.v2.secret" (dict "into" .into "name" ($values.authSecret | default "") "key" .key "user" .name) }}
  {{- include "nimhelm.v2.secrets.env" (dict "into" .into "env" $values.env "user" .name) }}
  {{- range concat ($values.initContainers | default list) ($values.sidecarContainers | default list) }}
    {{- include "nimhelm.v2.secrets.env" (dict "into" $box.into "env" (get . "env") "user" $box.name) }}
  {{- end }}
{{- end }}

{{- /*
Sets .box.key: the key of a native image, which downloads from Hugging Face or from NGC. NIM_MODEL_DOWNLOAD_PROVIDER
decides; without it, the name of the secret does. Takes box, secret and env.
*/}}
{{- define "nimhelm.v2.secret.native" -}}
  {{- $box := .box }}
  {{- $fromHub := hasPrefix "hf" (.secret | default "") }}
  {{- range .env | default list }}
    {{- if and (eq .name "NIM_MODEL_DOWNLOAD_PROVIDER") (get . "value") }}{{ $fromHub = ne (get . "value") "ngc" }}{{ end }}
  {{- end }}
  {{- $_ := set $box "key" (ternary "HF_TOKEN" "NGC_API_KEY" $fromHub) }}
{{- end }}

{{- /* The secrets that variables refer to. Takes into, env and user. */}}
{{- define "nimhelm.v2.secrets.env" -}}
  {{- $box := . }}
  {{- range .env | default list }}
    {{- $reference := dig "valueFrom" "secretKeyRef" dict . }}
    {{- if and $reference (not (get $reference "optional")) }}
      {{- include "nimhelm.v2.secret" (dict "into" $box.into "name" (get $reference "name") "key" $reference.key "user" $box.user) }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* Adds one use of a secret. Takes into, name (may be empty), user, and key or image. */}}
{{- define "nimhelm.v2.secret" -}}
  {{- if .name }}
    {{- $secret := get .into .name | default (dict "name" .name "type" "Opaque" "keys" list "registries" list "usedBy" list) }}
    {{- $_ := set $secret "usedBy" (append $secret.usedBy .user | uniq) }}
    {{- with .key }}{{ $_ := set $secret "keys" (append $secret.keys . | uniq | sortAlpha) }}{{ end }}
    {{- with .image }}
      {{- $_ := set $secret "type" "kubernetes.io/dockerconfigjson" }}
      {{- $_ := set $secret "registries" (append $secret.registries (splitList "/" . | first) | uniq | sortAlpha) }}
    {{- end }}
    {{- $_ := set .into .name $secret }}
  {{- end }}
{{- end }}

{{- /*
Sets .secret.command: the command that creates the secret. The shell refuses to run it when the variable is unset,
because an empty key is worse than none. Takes secret and namespace.
*/}}
{{- define "nimhelm.v2.secret.command" -}}
  {{- $secret := .secret }}
  {{- $command := "" }}
  {{- if $secret.registries }}
    {{- $registry := first $secret.registries }}
    {{- $login := `--docker-username="${REGISTRY_USER:?}" --docker-password="${REGISTRY_PASSWORD:?}"` }}
    {{- if eq $registry "nvcr.io" }}{{ $login = `--docker-username='$oauthtoken' --docker-password="${NGC_API_KEY:?}"` }}{{ end }}
    {{- $command = printf "kubectl create secret docker-registry %s -n %s --docker-server=%s %s" $secret.name .namespace $registry $login }}
  {{- else }}
    {{- $command = printf "kubectl create secret generic %s -n %s" $secret.name .namespace }}
    {{- range $secret.keys }}
      {{- $command = printf `%s --from-literal=%s="${%s:?}"` $command . (regexReplaceAll "[^A-Za-z0-9_]" . "_" | upper) }}
    {{- end }}
  {{- end }}
  {{- $_ := set $secret "command" $command }}
{{- end }}
