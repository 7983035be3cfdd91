{{- /* Labels and annotations. Those that the chart sets win over those in the values. */}}

{{- /*
The labels of a service. Pods carry neither the version of the chart nor the name of the pipeline, so that a new version
alone does not restart them.
*/}}
{{- define "nimhelm.v3.facts.labels" -}}
  {{- $nim := .nim }}
  {{- $identity := dict "app.kubernetes.io/name" $nim.name "app.kubernetes.io/instance" .Release.Name "app.kubernetes.io/part-of" "nim-service" }}
  {{- $stable := merge (dict "app.kubernetes.io/managed-by" .Release.Service) $identity }}
  {{- $standard := merge (dict "helm.sh/chart" (include "nimhelm.v3.chartLabel" .)) $stable }}
  {{- with $nim.pipeline }}{{ $_ := set $standard "nimhelm.dev/pipeline" . }}{{ end }}
  {{- $leader := dict "app" (printf "%s-lws" $nim.name) "nim-llm-role" "leader" }}
  {{- $selector := ternary $leader (dict "app" $nim.name) $nim.group }}
  {{- /* The labels of pods that the NIM Operator made. Keeping them avoids a restart. */}}
  {{- $kept := merge (dict "app.kubernetes.io/instance" $nim.name "app.kubernetes.io/managed-by" "k8s-nim-operator") $identity }}
  {{- /* The labels and annotations of every object. Those of the service win. */}}
  {{- $own := dict }}
  {{- include "nimhelm.v3.userLabels" (dict "into" $own "users" (list .Values.labels $nim.global.commonLabels)) }}
  {{- $scc := dict "openshift.io/required-scc" $nim.scc }}
  {{- $annotations := merge .Values.annotations $nim.global.commonAnnotations }}
  {{- if eq $nim.openshift "scc" }}{{ $annotations = mergeOverwrite (dict) $annotations $scc }}{{ end }}
  {{- /*
  Controllers create the pods of an InferenceService and the claims of a claim template later. When the cluster is
  unknown, these carry the constraint that OpenShift needs. Other clusters ignore it.
  */}}
  {{- $later := ternary dict $scc $nim.onCluster }}
  {{- $_ := merge $nim (dict
    "identity" $identity
    "stableLabels" (mergeOverwrite (dict) $own $stable)
    "labels" (mergeOverwrite (dict) $own $standard)
    "podLabels" (mergeOverwrite (dict) $own (ternary $kept $stable $nim.global.keepOperatorPods) $selector)
    "selector" $selector
    "annotations" $annotations
    "laterAnnotations" (mergeOverwrite (dict) $annotations $later)) }}
{{- end }}

{{- define "nimhelm.v3.chartLabel" -}}
  {{- printf "%s-%s" .Chart.Name (replace "+" "_" .Chart.Version) | trunc 63 | trimAll "-_." }}
{{- end }}

{{- /*
The metadata of an object. Takes root (of a service's chart, or the umbrella's), name (default: that of the service or
the pipeline), under and over (labels below and above those of the chart), annotated (whether it has the annotations of
the service), annotations (further ones below those) and workload (whether the object runs the pods).
*/}}
{{- define "nimhelm.v3.metadata" -}}
{{- $nim := .root.nim }}
{{- include "nimhelm.v3.order" . }}
{{- $annotations := mergeOverwrite (dict) $nim.global.commonAnnotations (.annotations | default dict) (ternary $nim.annotations dict (eq true .annotated)) .order -}}
metadata:
  name: {{ .name | default $nim.name | toJson }}
  namespace: {{ toJson .root.Release.Namespace }}
  labels:
    {{- mergeOverwrite (dict) (.under | default dict) $nim.labels (.over | default dict) | include "nimhelm.v3.yaml" | nindent 4 }}
  {{- include "nimhelm.v3.fields" (dict "indent" 2 "fields" (dict "annotations" $annotations)) }}
{{- end }}

{{- /* Puts labels of users (a list, of which the first wins) under those in into. nimhelm.dev is the chart's alone. */}}
{{- define "nimhelm.v3.userLabels" -}}
  {{- range .users }}
    {{- range $key, $value := . }}
      {{- if not (or (hasKey $.into $key) (hasPrefix "nimhelm.dev/" $key)) }}{{ $_ := set $.into $key $value }}{{ end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /*
Sets .labels and .annotations of a pod that is not a service's. The proxy of a mesh would keep it from ending. Services and
NetworkPolicies select by app and app.kubernetes.io/name, so a user's value of these becomes one that no service has. Takes
nim, labels and annotations (its own), and extra (the metadata that the values give).
*/}}
{{- define "nimhelm.v3.helperMetadata" -}}
  {{- $users := dict }}
  {{- include "nimhelm.v3.userLabels" (dict "into" $users "users" (list .nim.global.commonLabels (.extra.labels | default dict))) }}
  {{- range keys (pick $users "app" "app.kubernetes.io/name") }}{{ $_ := set $users . "nimhelm.helper" }}{{ end }}
  {{- $mesh := ternary (dict "linkerd.io/inject" "disabled") dict (eq .nim.global.mesh "linkerd") }}
  {{- $_ := set . "labels" (merge (dict "sidecar.istio.io/inject" "false") .labels $users) }}
  {{- $_ := set . "annotations" (merge $mesh .annotations (.extra.annotations | default dict) .nim.global.commonAnnotations) }}
{{- end }}
