{{- /*
The secrets that must exist in the namespace, and what needs them. The chart contains no secrets. Optional references
are left out, except for the keys of models, because a download without a key is refused.
*/}}

{{- /* Sets .nim.secrets, sorted by name: [{name, type, keys, registries, usedBy, command}]. */}}
{{- define "nimhelm.v3.secrets" -}}
  {{- $found := dict }}
  {{- range .nim.active }}
    {{- $values := .Values }}
    {{- $cache := $values.storage.nimCache }}
    {{- $fromHub := and (not (empty $cache.name)) (has $cache.source (list "hf" "dataStore")) }}
    {{- range $values.env }}
      {{- if and (has .name (list "NIM_MODEL_NAME" "NIM_MODEL_PATH")) (hasPrefix "hf://" (.value | default "")) }}{{ $fromHub = true }}{{ end }}
    {{- end }}
    {{- include "nimhelm.v3.secrets.used" (dict "into" $found "user" .nim.name
      "pullSecrets" (concat ($values.image.pullSecrets | default list) .nim.global.imagePullSecrets)
      "image" (include "nimhelm.v3.image" (dict "global" .nim.global "image" $values.image))
      "authSecret" $values.authSecret "fromHub" $fromHub "native" (eq $values.imageLayout "native")
      "containers" (concat (list $values) ($values.initContainers | default list) ($values.sidecarContainers | default list))) }}
  {{- end }}
  {{- range .nim.caches }}
    {{- include "nimhelm.v3.secrets.used" (dict "into" $found "user" (print "NIMCache " .name)
      "pullSecrets" (list .source.pullSecret) "image" .puller
      "authSecret" .source.authSecret "fromHub" .fromHub "native" .native "containers" (list .cache)) }}
  {{- end }}
  {{- $secrets := list }}
  {{- range $found }}
    {{- /* The shell refuses to run a command whose variable is unset, because an empty key is worse than none. */}}
    {{- $type := "Opaque" }}
    {{- $command := printf "kubectl create secret generic %s -n %s" .name $.Release.Namespace }}
    {{- range .keys }}
      {{- $command = printf `%s --from-literal=%s="${%s:?}"` $command . (regexReplaceAll "[^A-Za-z0-9_]" . "_" | upper) }}
    {{- end }}
    {{- $registry := first .registries }}
    {{- if $registry }}
      {{- $type = "kubernetes.io/dockerconfigjson" }}
      {{- $login := `--docker-username="${REGISTRY_USER:?}" --docker-password="${REGISTRY_PASSWORD:?}"` }}
      {{- if eq $registry "nvcr.io" }}{{ $login = `--docker-username='$oauthtoken' --docker-password="${NGC_API_KEY:?}"` }}{{ end }}
      {{- $command = printf "kubectl create secret docker-registry %s -n %s --docker-server=%s %s" .name $.Release.Namespace $registry $login }}
    {{- end }}
    {{- $secrets = append $secrets (merge (dict "type" $type "command" $command) .) }}
  {{- end }}
  {{- $_ := set .nim "secrets" $secrets }}
{{- end }}

{{- /*
Adds what one user needs to `into`. Takes user, pullSecrets and the image that they are for, authSecret and fromHub
(whether the model comes from Hugging Face), native, and containers (whatever has an env; the download or the NIM is first).
*/}}
{{- define "nimhelm.v3.secrets.used" -}}
  {{- $fromHub := .fromHub }}
  {{- if .native }}
    {{- /* A native image downloads from where NIM_MODEL_DOWNLOAD_PROVIDER says. Without it, the name of the secret decides. */}}
    {{- $fromHub = hasPrefix "hf" (.authSecret | default "") }}
    {{- range (first .containers).env }}
      {{- if and (eq .name "NIM_MODEL_DOWNLOAD_PROVIDER") .value }}{{ $fromHub = ne .value "ngc" }}{{ end }}
    {{- end }}
  {{- end }}
  {{- $uses := list (dict "name" .authSecret "key" (ternary "HF_TOKEN" "NGC_API_KEY" $fromHub)) }}
  {{- range .pullSecrets }}{{ $uses = append $uses (dict "name" . "registry" (splitList "/" $.image | first)) }}{{ end }}
  {{- range .containers }}
    {{- range .env }}
      {{- $reference := dig "valueFrom" "secretKeyRef" dict . }}
      {{- if not $reference.optional }}{{ $uses = append $uses $reference }}{{ end }}
    {{- end }}
  {{- end }}
  {{- range $uses }}
    {{- if .name }}
      {{- $secret := get $.into .name | default (dict "keys" list "registries" list "usedBy" list) }}
      {{- $_ := set $.into .name (dict
        "name" .name
        "keys" (append $secret.keys .key | compact | uniq | sortAlpha)
        "registries" (append $secret.registries .registry | compact | uniq | sortAlpha)
        "usedBy" (append $secret.usedBy $.user | uniq)) }}
    {{- end }}
  {{- end }}
{{- end }}
