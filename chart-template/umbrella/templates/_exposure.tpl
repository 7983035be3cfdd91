{{- /* How a service is reached: its Service, an Ingress or routes of a Gateway; and how it is watched. */}}

{{- define "nimhelm.v2.kubernetesService" }}
{{- $service := .Values.expose.service }}
{{- if .nim.ownsService }}
apiVersion: v1
kind: Service
{{ include "nimhelm.v2.metadata" (dict "root" . "under" $service.labels "annotated" true "annotations" $service.annotations) }}
{{- $box := dict "root" . "spec" dict }}
{{- include "nimhelm.v2.serviceSpec" $box }}
spec:
  {{- include "nimhelm.v2.yaml" $box.spec | nindent 2 }}
{{- /* A second name inside the cluster. The first stays, because pipelines rely on it. */}}
{{- if and $service.name (ne $service.name .nim.name) }}
---
apiVersion: v1
kind: Service
{{ include "nimhelm.v2.metadata" (dict "root" . "name" $service.name "over" (dict "nimhelm.dev/beside" .nim.name)) }}
{{- $box = dict "root" . "spec" (dict "type" "ClusterIP") }}
{{- include "nimhelm.v2.serviceTarget" $box }}
spec:
  {{- include "nimhelm.v2.yaml" $box.spec | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Adds the whole spec of the Service of a NIM to .spec. Takes root and spec. */}}
{{- define "nimhelm.v2.serviceSpec" -}}
  {{- $service := .root.Values.expose.service }}
  {{- $own := pick $service "loadBalancerClass" "loadBalancerSourceRanges" "externalTrafficPolicy" "sessionAffinity" "ipFamilyPolicy" }}
  {{- $_ := merge .spec $own (dict "type" ($service.type | default "ClusterIP")) }}
  {{- include "nimhelm.v2.serviceTarget" . }}
  {{- with $service.nodePort }}{{ $_ := set (first $.spec.ports) "nodePort" (int .) }}{{ end }}
  {{- include "nimhelm.v2.mergeByName" (dict "into" .spec "from" $service.overlay) }}
{{- end }}

{{- /* Adds selector and ports of a Service to .spec. Takes root and spec. */}}
{{- define "nimhelm.v2.serviceTarget" -}}
  {{- $ports := list }}
  {{- range .root.nim.ports }}
    {{- $ports = append $ports (dict "name" .name "port" .port "targetPort" .name "protocol" "TCP") }}
  {{- end }}
  {{- $_ := merge .spec (dict "selector" .root.nim.selector "ports" $ports) }}
{{- end }}

{{- define "nimhelm.v2.routes" }}
{{- if .nim.ownsService }}
  {{- $router := .Values.expose.router }}
  {{- $gateway := $router.gateway }}
  {{- $needs := "install the Gateway API" }}
  {{- if or $router.ingress.ingressClass .Values.expose.ingress.enabled }}
    {{- include "nimhelm.v2.ingress" . }}
  {{- end }}
  {{- if and $gateway.name $gateway.httpRoutesEnabled (include "nimhelm.v2.served" (dict "root" . "api" "gateway.networking.k8s.io/v1/HTTPRoute" "remedy" $needs)) }}
    {{- include "nimhelm.v2.httpRoute" . }}
  {{- end }}
  {{- if and $gateway.name $gateway.grpcRoutesEnabled (include "nimhelm.v2.served" (dict "root" . "api" "gateway.networking.k8s.io/v1/GRPCRoute" "remedy" $needs)) }}
    {{- include "nimhelm.v2.grpcRoute" . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "nimhelm.v2.ingress" }}
{{- $ingress := .Values.expose.ingress }}
{{- $router := .Values.expose.router }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
{{ include "nimhelm.v2.metadata" (dict "root" . "annotated" true "annotations" (ternary $ingress.annotations $router.annotations $ingress.enabled)) }}
spec:
  {{- if $ingress.enabled }}
  {{- include "nimhelm.v2.yaml" $ingress.spec | nindent 2 }}
  {{- else }}
  ingressClassName: {{ toJson $router.ingress.ingressClass }}
  rules:
    {{- range $host := .nim.hosts }}
    - host: {{ toJson $host }}
      http:
        paths:
          {{- range $router.ingress.paths | default (list (dict "path" "/")) }}
          - path: {{ toJson .path }}
            pathType: {{ .pathType | default "Prefix" }}
            backend:
              service:
                name: {{ toJson $.nim.name }}
                port:
                  name: api
          {{- end }}
    {{- end }}
  {{- $tls := $router.ingress.tls | default list }}
  {{- with $router.ingress.tlsSecretName }}{{ $tls = $tls | default (list (dict "secretName" .)) }}{{ end }}
  {{- with $tls }}
  tls:
    {{- range . }}
    - hosts:
        {{- include "nimhelm.v2.yaml" (.hosts | default $.nim.hosts) | nindent 8 }}
      {{- with .secretName }}
      secretName: {{ toJson . }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}

{{- define "nimhelm.v2.httpRoute" }}
{{- $router := .Values.expose.router }}
{{- $backend := dict "name" .nim.name "port" .nim.port }}
{{- with $router.gateway.backendRef }}
  {{- $backend = mergeOverwrite (dict "group" "" "kind" "Service" "weight" 1) . }}
{{- end }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
{{ include "nimhelm.v2.metadata" (dict "root" . "annotated" true "annotations" $router.annotations) }}
spec:
  {{- include "nimhelm.v2.routeParent" . | nindent 2 }}
  rules:
    - matches:
        - path:
            type: PathPrefix
            value: /
      backendRefs:
        {{- include "nimhelm.v2.yaml" (list $backend) | nindent 8 }}
{{- end }}

{{- define "nimhelm.v2.grpcRoute" }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
{{ include "nimhelm.v2.metadata" (dict "root" . "annotated" true "annotations" .Values.expose.router.annotations) }}
spec:
  {{- include "nimhelm.v2.routeParent" . | nindent 2 }}
  rules:
    - backendRefs:
        - name: {{ toJson .nim.name }}
          port: {{ int .Values.expose.service.grpcPort }}
{{- end }}

{{- define "nimhelm.v2.routeParent" -}}
{{- $gateway := .Values.expose.router.gateway -}}
parentRefs:
  - name: {{ toJson $gateway.name }}
    namespace: {{ toJson $gateway.namespace }}
hostnames:
  {{- include "nimhelm.v2.yaml" .nim.hosts | nindent 2 }}
{{- end }}

{{- define "nimhelm.v2.monitoring" }}
{{- $monitor := .Values.metrics.serviceMonitor }}
{{- if and .Values.metrics.enabled (not .nim.knative) }}
{{- if include "nimhelm.v2.served" (dict "root" . "api" "monitoring.coreos.com/v1/ServiceMonitor" "remedy" "install the Prometheus operator, or set metrics.enabled=false") }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
{{ include "nimhelm.v2.metadata" (dict "root" . "over" $monitor.additionalLabels "annotated" true "annotations" $monitor.annotations) }}
spec:
  namespaceSelector:
    matchNames:
      - {{ toJson .Release.Namespace }}
  selector:
    matchLabels:
      {{- omit .nim.stableLabels "app.kubernetes.io/managed-by" | include "nimhelm.v2.yaml" | nindent 6 }}
    {{- /* Its further Services are left out, so that each pod is scraped once. */}}
    matchExpressions:
      - key: nimhelm.dev/beside
        operator: DoesNotExist
  endpoints:
    {{- range .nim.ports }}
    {{- if ne .name "grpc" }}
    - port: {{ .name }}
      path: {{ ternary "/v1/metrics" "/metrics" (eq .name "api") }}
      {{- with $monitor.interval }}
      interval: {{ toJson . }}
      {{- end }}
      {{- with $monitor.scrapeTimeout }}
      scrapeTimeout: {{ toJson . }}
      {{- end }}
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}
{{- if .Values.metrics.prometheusRule.enabled }}
{{- if include "nimhelm.v2.served" (dict "root" . "api" "monitoring.coreos.com/v1/PrometheusRule" "remedy" "install the Prometheus operator, or set metrics.prometheusRule.enabled=false") }}
{{- $of := printf "namespace=%q,service=%q" .Release.Namespace .nim.name }}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
{{ include "nimhelm.v2.metadata" (dict "root" . "over" .Values.metrics.prometheusRule.additionalLabels) }}
spec:
  groups:
    - name: {{ toJson .nim.name }}
      rules:
        {{- /* NIMs export the metrics of vLLM with and without the prefix vllm:. Newer ones say kv for gpu. */}}
        {{- range $alert, $rule := dict
          "NIMRequestsWait" (list "num_requests_waiting" "> 10" "Requests wait for a free slot.")
          "NIMCacheFull" (list "(gpu|kv)_cache_usage_perc" "> 0.95" "The KV cache is full, so requests are preempted or wait.") }}
        - alert: {{ $alert }}
          expr: {{ printf "max({__name__=~\"(vllm:)?%s\",%s}) %s" (first $rule) $of (index $rule 1) | toRawJson }}
          for: 10m
          labels: {severity: warning}
          annotations: {summary: {{ printf "%s: %s" $.nim.name (last $rule) | toJson }}}
        {{- end }}
        - alert: NIMDown
          expr: {{ printf "max(up{%s}) == 0" $of | toRawJson }}
          for: 10m
          labels: {severity: critical}
          annotations: {summary: {{ printf "%s answers no question for its metrics." .nim.name | toJson }}}
{{- end }}
{{- end }}
{{- end }}
