{{- /* What the cluster can do. */}}

{{- /*
Whether a cluster is asked while this renders. Every API server serves apiregistration.k8s.io; what Helm
assumes under `helm template`, where nobody knows the cluster, does not include it.
*/}}
{{- define "nimhelm.service.onCluster" -}}
  {{- if .Capabilities.APIVersions.Has "apiregistration.k8s.io/v1" }}true{{ end }}
{{- end }}

{{- /*
Whether an object of a kind that an add-on brings is to be rendered. Takes (root, "group/version/Kind",
what to do where it is missing).
*/}}
{{- define "nimhelm.service.served" -}}
  {{- $root := index . 0 }}
  {{- $api := index . 1 }}
  {{- if or ($root.Capabilities.APIVersions.Has $api) (not (include "nimhelm.service.onCluster" $root)) }}true
  {{- else if not $root.Values.global.nimhelm.skipMissingKinds }}
    {{- fail (printf "%s needs %s, which this cluster does not serve: %s, or set global.nimhelm.skipMissingKinds=true to leave it out"
      $root.Chart.Name $api (index . 2)) }}
  {{- end }}
{{- end }}
