{{- /* Images and what it takes to pull them. */}}

{{- /*
An image reference, with global.nimhelm.imageRegistry in place of its registry host when that is set.
Takes a list: the root context and the reference. The first part of a reference is a host when it
holds a dot or a colon, or is "localhost".
*/}}
{{- define "nimhelm.service.imageReference" -}}
  {{- $registry := (first .).Values.global.nimhelm.imageRegistry | trimSuffix "/" }}
  {{- $reference := last . }}
  {{- if $registry }}
    {{- printf "%s/%s" $registry (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $reference "") }}
  {{- else }}
    {{- $reference }}
  {{- end }}
{{- end }}

{{- /* The same for an image of the values: {repository, tag}. Takes a list: the root context and the image. */}}
{{- define "nimhelm.service.image" -}}
  {{- $image := last . }}
  {{- include "nimhelm.service.imageReference" (list (first .) (printf "%s:%s" $image.repository $image.tag)) | toJson }}
{{- end }}

{{- /* The image that gates wait in, or take their busybox from. */}}
{{- define "nimhelm.service.waitImage" -}}
  {{- include "nimhelm.service.imageReference" (list . .Values.global.nimhelm.waitImage) | toJson }}
{{- end }}

{{- /* The names of the pull secrets, each once, as JSON: the service's own, then those of the whole chart. */}}
{{- define "nimhelm.service.imagePullSecrets" -}}
  {{- $secrets := list }}
  {{- range concat (.Values.image.pullSecrets | default list) (.Values.global.nimhelm.imagePullSecrets | default list) | uniq }}
    {{- $secrets = append $secrets (dict "name" .) }}
  {{- end }}
  {{- toJson $secrets }}
{{- end }}
