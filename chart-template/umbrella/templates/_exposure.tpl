{{- /* How a service is reached: its Service, an Ingress or routes of a Gateway; and how it is watched. */}}

{{- define "nimhelm.v3.kubernetesService" }}
{{- $service := .Values.expose.service }}
{{- if .nim.ownsService }}
{{- $box := dict "root" . "spec" dict }}
{{- include "nimhelm.v3.serviceSpec" $box }}
apiVersion: v1
kind: Service
{{ include "nimhelm.v3.metadata" (dict "root" . "under" $service.labels "annotated" true "annotations" $service.annotations) }}
spec:
  {{- include "nimhelm.v3.yaml" $box.spec | nindent 2 }}
{{- /* A second name inside the cluster. The first stays, because pipelines rely on it. */}}
{{- if and $service.name (ne $service.name .nim.name) }}
---
apiVersion: v1
kind: Service
{{ include "nimhelm.v3.metadata" (dict "root" . "name" $service.name "over" (dict "nimhelm.dev/beside" .nim.name)) }}
spec:
  {{- include "nimhelm.v3.yaml" (dict "type" "ClusterIP" "selector" .nim.selector "ports" .nim.ports) | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Adds the whole spec of the Service of a NIM to .spec. Takes root and spec. */}}
{{- define "nimhelm.v3.serviceSpec" -}}
  {{- $service := .root.Values.expose.service }}
  {{- $given := pick $service "loadBalancerClass" "loadBalancerSourceRanges" "externalTrafficPolicy" "sessionAffinity" "ipFamilyPolicy" }}
  {{- $target := deepCopy (pick .root.nim "selector" "ports") }}
  {{- $_ := merge .spec $given $target (dict "type" ($service.type | default "ClusterIP")) }}
  {{- with $service.nodePort }}{{ $_ := set (first $target.ports) "nodePort" (int .) }}{{ end }}
  {{- include "nimhelm.v3.mergeByName" (dict "into" .spec "from" $service.overlay) }}
{{- end }}

{{- define "nimhelm.v3.routes" }}
{{- $ingress := .Values.expose.ingress }}
{{- $router := .Values.expose.router }}
{{- $gateway := $router.gateway }}
{{- if and .nim.ownsService (or $ingress.enabled $router.ingress.ingressClass) }}
apiVersion: networking.k8s.io/v1
kind: Ingress
{{ include "nimhelm.v3.metadata" (dict "root" . "annotated" true "annotations" (ternary $ingress $router $ingress.enabled).annotations) }}
spec:
  {{- if $ingress.enabled }}
  {{- include "nimhelm.v3.yaml" $ingress.spec | nindent 2 }}
  {{- else }}
  ingressClassName: {{ toJson $router.ingress.ingressClass }}
  {{- $backend := dict "service" (dict "name" $.nim.name "port" (dict "name" "api")) }}
  {{- $paths := list }}
  {{- range $router.ingress.paths | default (list (dict "path" "/")) }}
    {{- $paths = append $paths (merge (dict "backend" $backend) . (dict "pathType" "Prefix")) }}
  {{- end }}
  rules:
    {{- range .nim.hosts }}
    - host: {{ toJson . }}
      http: {paths: {{ toJson $paths }}}
    {{- end }}
  {{- $tls := $router.ingress.tls }}
  {{- with $router.ingress.tlsSecretName }}{{ $tls = $tls | default (list (dict "secretName" .)) }}{{ end }}
  {{- with $tls }}
  tls:
    {{- range . }}
    - {{ merge (dict) . (dict "hosts" $.nim.hosts) | toJson }}
    {{- end }}
  {{- end }}
  {{- end }}
{{- end }}
{{- if and .nim.ownsService $gateway.name }}
{{- $backend := dict "name" .nim.name "port" .nim.port }}
{{- with $gateway.backendRef }}{{ $backend = mergeOverwrite (dict "group" "" "kind" "Service" "weight" 1) . }}{{ end }}
{{- range list
  (dict "kind" "HTTPRoute" "enabled" $gateway.httpRoutesEnabled "backend" $backend "matches" (list (dict "path" (dict "type" "PathPrefix" "value" "/"))))
  (dict "kind" "GRPCRoute" "enabled" $gateway.grpcRoutesEnabled "backend" (dict "name" .nim.name "port" .Values.expose.service.grpcPort)) }}
{{- $api := printf "gateway.networking.k8s.io/v1/%s" .kind }}
{{- if and .enabled (include "nimhelm.v3.served" (dict "root" $ "api" $api "remedy" "install the Gateway API")) }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: {{ .kind }}
{{ include "nimhelm.v3.metadata" (dict "root" $ "annotated" true "annotations" $router.annotations) }}
spec:
  parentRefs: [{name: {{ toJson $gateway.name }}, namespace: {{ toJson $gateway.namespace }}}]
  hostnames: {{ toJson $.nim.hosts }}
  rules:
    - backendRefs: [{{ toJson .backend }}]
      {{- include "nimhelm.v3.fields" (dict "indent" 6 "fields" (pick . "matches")) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "nimhelm.v3.monitoring" }}
{{- $monitor := .Values.metrics.serviceMonitor }}
{{- $rule := .Values.metrics.prometheusRule }}
{{- $served := dict "root" . "api" "monitoring.coreos.com/v1/ServiceMonitor" "remedy" "install the Prometheus operator, or set metrics.enabled=false" }}
{{- if and .Values.metrics.enabled (not .nim.knative) (include "nimhelm.v3.served" $served) }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
{{ include "nimhelm.v3.metadata" (dict "root" . "over" $monitor.additionalLabels "annotated" true "annotations" $monitor.annotations) }}
spec:
  namespaceSelector:
    matchNames: [{{ toJson .Release.Namespace }}]
  selector:
    matchLabels:
      {{- omit .nim.stableLabels "app.kubernetes.io/managed-by" | include "nimhelm.v3.yaml" | nindent 6 }}
    {{- /* Its further Services are left out, so that each pod is scraped once. */}}
    matchExpressions: [{key: nimhelm.dev/beside, operator: DoesNotExist}]
  endpoints:
    {{- range .nim.ports }}
    {{- if ne .name "grpc" }}
    - port: {{ .name }}
      path: {{ ternary "/v1/metrics" "/metrics" (eq .name "api") }}
      {{- include "nimhelm.v3.fields" (dict "indent" 6 "fields" (pick $monitor "interval" "scrapeTimeout")) }}
    {{- end }}
    {{- end }}
{{- end }}
{{- $served = dict "root" . "api" "monitoring.coreos.com/v1/PrometheusRule" "remedy" "install the Prometheus operator, or set metrics.prometheusRule.enabled=false" }}
{{- if and $rule.enabled (include "nimhelm.v3.served" $served) }}
{{- $of := printf "namespace=%q,service=%q" .Release.Namespace .nim.name }}
{{- /* NIMs export the metrics of vLLM with and without the prefix vllm:. Newer ones say kv for gpu. */}}
{{- $most := "max({__name__=~\"(vllm:)?%s\",%s}) > %s" }}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
{{ include "nimhelm.v3.metadata" (dict "root" . "over" $rule.additionalLabels) }}
spec:
  groups:
    - name: {{ toJson .nim.name }}
      rules:
        {{- range list
          (dict "name" "NIMCacheFull" "severity" "warning" "expr" (printf $most "(gpu|kv)_cache_usage_perc" $of "0.95")
            "summary" "%s: The KV cache is full, so requests are preempted or wait.")
          (dict "name" "NIMRequestsWait" "severity" "warning" "expr" (printf $most "num_requests_waiting" $of "10")
            "summary" "%s: Requests wait for a free slot.")
          (dict "name" "NIMDown" "severity" "critical" "expr" (printf "max(up{%s}) == 0" $of)
            "summary" "%s answers no question for its metrics.") }}
        - alert: {{ .name }}
          expr: {{ toRawJson .expr }}
          for: 10m
          labels: {severity: {{ .severity }}}
          annotations: {summary: {{ printf .summary $.nim.name | toJson }}}
        {{- end }}
{{- end }}
{{- end }}
