{{- /*
The start-up order for tools that apply a chart and wait by themselves: global.nimhelm.orderFor. They read annotations,
and the gates between services are left out. All of it comes from the graph of the pipeline, as the gates do.
*/}}

{{- /*
The annotations of an object of a service. Argo CD applies what has a lower wave first and waits until it is healthy. A
claim may be bound only once a pod uses it, so every object of a service is in the wave of its pods. kapp and nelm wait
for what they order, so there the workload alone is ordered. Takes root and workload (whether the object runs the pods),
and puts the map into .order.
*/}}
{{- define "nimhelm.v2.order" -}}
  {{- $nim := .root.nim }}
  {{- $order := dict }}
  {{- $tool := $nim.global.orderFor }}
  {{- if eq $tool "argocd" }}
    {{- $_ := set $order "argocd.argoproj.io/sync-wave" (add1 $nim.wave | toString) }}
  {{- else if and .workload (eq $tool "kapp") }}
    {{- $_ := set $order "kapp.k14s.io/change-group" (printf "nimhelm.dev/%s" $nim.name) }}
    {{- range .root.Values.dependencies }}
      {{- if not .external }}
        {{- $_ := set $order (printf "kapp.k14s.io/change-rule.%s" .name) (printf "upsert after upserting nimhelm.dev/%s" .name) }}
      {{- end }}
    {{- end }}
  {{- else if and .workload (eq $tool "nelm") }}
    {{- $_ := set $order "werf.io/weight" (mul 10 (add1 $nim.wave) | toString) }}
    {{- /* It gives up on what shows no sign of life for four minutes; a NIM that loads its model shows none. */}}
    {{- $_ := set $order "werf.io/no-activity-timeout" (printf "%ds" (int .root.Values.progressDeadlineSeconds | default 600)) }}
  {{- end }}
  {{- $_ := set . "order" $order }}
{{- end }}
