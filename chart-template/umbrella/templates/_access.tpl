{{- /* As whom the pods run, and what they may do. */}}

{{- define "nimhelm.v2.access" }}
{{- include "nimhelm.v2.service" . }}
apiVersion: v1
kind: ServiceAccount
{{ include "nimhelm.v2.metadata" (dict "root" .) }}
---
{{- /* Means something on OpenShift only: the pods may use the security context constraint that they need. */}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
{{ include "nimhelm.v2.metadata" (dict "root" .) }}
rules:
  - apiGroups: ["security.openshift.io"]
    resources: ["securitycontextconstraints"]
    resourceNames: [{{ ternary "anyuid" .nim.scc (kindIs "map" .Values.proxy) }}]
    verbs: ["use"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
{{ include "nimhelm.v2.metadata" (dict "root" .) }}
{{ include "nimhelm.v2.bindingSpec" (dict "name" .nim.name "namespace" .Release.Namespace) }}
{{- end }}

{{- /* What binds a Role to the service account of the same name. Takes name and namespace. */}}
{{- define "nimhelm.v2.bindingSpec" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ toJson .name }}
subjects:
  - kind: ServiceAccount
    name: {{ toJson .name }}
    namespace: {{ toJson .namespace }}
{{- end }}
