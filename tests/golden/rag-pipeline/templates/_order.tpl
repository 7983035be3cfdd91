{{- /*
The start-up order for tools that apply a chart and wait themselves: global.nimhelm.orderFor. They read annotations,
and the gates between services are left out. Annotations and gates come from the same graph.
*/}}

{{- /*
Sets .order: the annotations of an object of a service. Argo CD applies lower waves first and waits until they are
healthy. A claim may bind only when a pod uses it, so every object of a service is in the wave of its pods. kapp and
nelm wait for each object that they order, so only the workload is ordered. Takes root and workload (whether the object
runs the pods).
*/}}
{{- define "nimhelm.v3.order" -}}
  {{- $nim := .root.nim }}
  {{- $order := dict }}
  {{- $tool := ternary $nim.global.orderFor "" (hasKey $nim "wave") }}
  {{- if eq $tool "argocd" }}
    {{- $order = dict "argocd.argoproj.io/sync-wave" (add1 $nim.wave | toString) }}
  {{- else if and .workload (eq $tool "kapp") }}
    {{- $order = dict "kapp.k14s.io/change-group" (print "nimhelm.dev/" $nim.name) }}
    {{- range .root.Values.dependencies }}
      {{- if not .external }}{{ $_ := set $order (print "kapp.k14s.io/change-rule." .name) (print "upsert after upserting nimhelm.dev/" .name) }}{{ end }}
    {{- end }}
  {{- else if and .workload (eq $tool "nelm") }}
    {{- /* nelm fails an object without activity for four minutes. A NIM that loads its model shows no activity. */}}
    {{- $timeout := printf "%ds" (int .root.Values.progressDeadlineSeconds | default 600) }}
    {{- $order = dict "werf.io/weight" (mul 10 (add1 $nim.wave) | toString) "werf.io/no-activity-timeout" $timeout }}
  {{- end }}
  {{- $_ := set . "order" $order }}
{{- end }}
