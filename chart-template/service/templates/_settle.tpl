{{- /*
Values as the templates read them. A null takes back what a values file says; Helm leaves it in the values, or
takes the default of the chart away with it. Every file that renders settles the values first.
*/}}

{{- define "nimhelm.service.settle" -}}
  {{- if not (hasKey . "settled") }}
    {{- $_ := set . "settled" true }}
    {{- include "nimhelm.service.settle.prune" .Values }}
    {{- include "nimhelm.service.settle.fill" (list .Values (include "nimhelm.service.settle.least" . | fromYaml)) }}
  {{- end }}
{{- end }}

{{- /* Takes the nulls out of a map, and of all that is in it. */}}
{{- define "nimhelm.service.settle.prune" -}}
  {{- $map := . }}
  {{- range $key, $value := $map }}
    {{- if kindIs "invalid" $value }}
      {{- $_ := unset $map $key }}
    {{- else if kindIs "map" $value }}
      {{- include "nimhelm.service.settle.prune" $value }}
    {{- else if kindIs "slice" $value }}
      {{- $_ := set $map $key (without $value nil) }}
      {{- range $value }}
        {{- if kindIs "map" . }}{{ include "nimhelm.service.settle.prune" . }}{{ end }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* Puts what is missing in a map there, block by block. Takes (map, what is to be there). */}}
{{- define "nimhelm.service.settle.fill" -}}
  {{- $map := first . }}
  {{- range $key, $value := last . }}
    {{- if not (hasKey $map $key) }}
      {{- $_ := set $map $key $value }}
    {{- else if kindIs "map" $value }}
      {{- include "nimhelm.service.settle.fill" (list (get $map $key) $value) }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* What the templates cannot do without, with the defaults of values.yaml. */}}
{{- define "nimhelm.service.settle.least" -}}
global:
  nimhelm:
    imageRegistry: ""
    waitEnabled: true
    waitImage: docker.io/library/busybox:1.37.0-musl
    waitImagePullPolicy: IfNotPresent
    pullWhileWaiting: true
wait: {enabled: true}
image: {repository: "", tag: ""}
imageLayout: legacy
args: []
dependencies: []
draResources: []
storage:
  nimCache: {source: ngc, modelPath: "", wait: {enabled: false, timeoutSeconds: 7200}}
  pvc: {size: ""}
resources: {limits: {}, requests: {}}
expose:
  service: {port: 8000, labels: {}, annotations: {}}
  ingress: {enabled: false, annotations: {}, spec: {}}
  router:
    hostDomainName: ""
    annotations: {}
    ingress: {}
    gateway: {}
    eppConfig: {}
scale: {enabled: false, annotations: {}, hpa: {minReplicas: 1, metrics: []}}
metrics: {enabled: false, serviceMonitor: {additionalLabels: {}, annotations: {}}}
livenessProbe: {enabled: true}
readinessProbe: {enabled: true}
startupProbe: {enabled: true}
labels: {}
annotations: {}
affinity: {}
userID: 1000
groupID: 2000
inferencePlatform: standalone
multiNode: {}
{{- end }}
