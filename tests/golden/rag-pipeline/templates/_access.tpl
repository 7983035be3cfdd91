{{- /* The users that the pods run as, and the rights that they have. */}}

{{- /*
What OpenShift asks of pods, by global.nimhelm.openshift:

  restricted  the namespace's own range of users applies (the constraint restricted-v2): no pod names a user or a group,
              and nobody has to grant anything
  scc         pods run as the users of the values, under a constraint that a Role grants; only who holds the use of
              that constraint may install this
  ""          it is not OpenShift

auto is restricted where the cluster serves the API of OpenShift. Takes root and global.
*/}}
{{- define "nimhelm.v3.openshift" -}}
  {{- $auto := ternary "restricted" "" (.root.Capabilities.APIVersions.Has "security.openshift.io/v1") }}
  {{- get (dict "auto" $auto "off" "" "restricted" "restricted" "scc" "scc") .global.openshift }}
{{- end }}

{{- /* Adds the users of a pod to `into`, unless the cluster chooses them. Takes into, nim, userID and groupID. */}}
{{- define "nimhelm.v3.users" -}}
  {{- if ne .nim.openshift "restricted" }}
    {{- $_ := merge .into (dict "runAsUser" (int64 .userID) "runAsGroup" (int64 .groupID) "fsGroup" (int64 .groupID)) }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v3.access" }}
{{- if .Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
{{ include "nimhelm.v3.metadata" (dict "root" . "name" .nim.account "annotations" .Values.serviceAccount.annotations) }}
{{- if not .nim.global.keepOperatorPods }}
automountServiceAccountToken: {{ .Values.automountServiceAccountToken }}
{{- end }}
{{- end }}
{{- if eq .nim.openshift "scc" }}
{{ include "nimhelm.v3.grant" (dict "root" . "name" .nim.name "account" .nim.account "scc" (ternary "anyuid" .nim.scc (kindIs "map" .Values.proxy))) }}
{{- end }}
{{- end }}

{{- /*
A Role, and its RoleBinding to an account. Takes root, name, account, and rules, or scc: the security context constraint
whose use it grants.
*/}}
{{- define "nimhelm.v3.grant" -}}
{{- $metadata := include "nimhelm.v3.metadata" . }}
{{- $use := dict "apiGroups" (list "security.openshift.io") "resources" (list "securitycontextconstraints") "resourceNames" (list .scc) "verbs" (list "use") -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
{{ $metadata }}
rules: {{ .rules | default (list $use) | toJson }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
{{ $metadata }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ toJson .name }}}
subjects: [{kind: ServiceAccount, name: {{ toJson .account }}, namespace: {{ toJson .root.Release.Namespace }}}]
{{- end }}
