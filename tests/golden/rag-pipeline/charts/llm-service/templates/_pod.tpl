{{- /* What a pod is, its containers and volumes aside. */}}

{{- /* The fields of a pod spec that place it and say as whom it runs, as JSON. */}}
{{- define "nimhelm.service.podSettings" -}}
  {{- $settings := dict
    "serviceAccountName" .Chart.Name
    "securityContext" (include "nimhelm.service.podSecurity" . | fromJson)
    "affinity" (include "nimhelm.service.affinity" . | fromJson)
    "imagePullSecrets" (include "nimhelm.service.imagePullSecrets" . | fromJsonArray)
    "resourceClaims" (include "nimhelm.service.dra.podClaims" . | fromJsonArray)
    "nodeSelector" .Values.nodeSelector
    "tolerations" .Values.tolerations
    "runtimeClassName" .Values.runtimeClassName
    "schedulerName" .Values.schedulerName
    "priorityClassName" .Values.priorityClassName }}
  {{- $result := dict }}
  {{- if not .Values.global.nimhelm.keepOperatorPods }}
    {{- /* A Service called nim-server would set NIM_SERVER_PORT in every pod of the namespace. */}}
    {{- $_ := set $result "enableServiceLinks" false }}
  {{- end }}
  {{- range $key, $value := $settings }}
    {{- if $value }}{{ $_ := set $result $key $value }}{{ end }}
  {{- end }}
  {{- toJson $result }}
{{- end }}

{{- define "nimhelm.service.podSecurity" -}}
  {{- $context := dict
    "runAsUser" (int64 .Values.userID)
    "runAsGroup" (int64 .Values.groupID)
    "fsGroup" (int64 .Values.groupID) }}
  {{- if .Values.global.nimhelm.restricted }}
    {{- $_ := set $context "runAsNonRoot" true }}
    {{- $_ := set $context "seccompProfile" (dict "type" "RuntimeDefault") }}
  {{- end }}
  {{- toJson $context }}
{{- end }}

{{- /* The affinity, with the deprecated podAffinity in its place when it has none of its own. */}}
{{- define "nimhelm.service.affinity" -}}
  {{- $affinity := deepCopy .Values.affinity }}
  {{- if and .Values.podAffinity (not (get $affinity "podAffinity")) }}
    {{- $_ := set $affinity "podAffinity" .Values.podAffinity }}
  {{- end }}
  {{- toJson $affinity }}
{{- end }}
