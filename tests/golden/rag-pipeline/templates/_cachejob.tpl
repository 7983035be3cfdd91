{{- /*
The job that fills a cache. A job can never change: its name carries a hash of all that it does, so that an upgrade with
other settings makes a new one. What is filled already stays, and is not downloaded again.
*/}}

{{- define "nimhelm.umbrella.cache.jobName" -}}
  {{- $name := index . 1 }}
  {{- printf "%s-job-%s" (trunc 50 $name | trimAll "-.") (include "nimhelm.umbrella.cache.jobSpec" . | sha256sum | trunc 8) }}
{{- end }}

{{- /* All but the name. Takes (root, name, cache). */}}
{{- define "nimhelm.umbrella.cache.jobSpec" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $cache := index . 2 }}
{{- $source := include "nimhelm.umbrella.cache.source" $cache | fromJson -}}
backoffLimit: 5
{{- /* The pod can never change. */}}
template:
  metadata:
    labels:
      {{- include "nimhelm.umbrella.podLabels" (list $root $name) | fromJson | include "nimhelm.umbrella.yaml" | nindent 6 }}
      nimhelm.dev/cache: {{ toJson $name }}
      {{- /* A proxy beside the download would keep the pod from ending. */}}
      sidecar.istio.io/inject: "false"
  spec:
    restartPolicy: Never
    serviceAccountName: {{ include "nimhelm.umbrella.cache.account" $root | toJson }}
    automountServiceAccountToken: false
    enableServiceLinks: false
    {{- $secrets := list (get $source "pullSecret") | compact }}
    {{- with include "nimhelm.umbrella.pullSecrets" (list $root $secrets) | fromJsonArray }}
    imagePullSecrets:
      {{- range . }}
      - name: {{ toJson . }}
      {{- end }}
    {{- end }}
    {{- $placement := merge (include "nimhelm.umbrella.cache.company" . | fromJson) (pick $cache "nodeSelector" "tolerations" "runtimeClassName") }}
    {{- range $field := list "affinity" "nodeSelector" "tolerations" "runtimeClassName" }}
    {{- with get $placement $field }}
    {{- include "nimhelm.umbrella.yaml" (dict $field .) | nindent 4 }}
    {{- end }}
    {{- end }}
    securityContext:
      runAsNonRoot: true
      runAsUser: {{ dig "userID" 1000 $cache | int64 }}
      runAsGroup: {{ dig "groupID" 2000 $cache | int64 }}
      fsGroup: {{ dig "groupID" 2000 $cache | int64 }}
      {{- /* OpenShift's nonroot refuses pods that set one. */}}
      {{- if not ($root.Capabilities.APIVersions.Has "security.openshift.io/v1") }}
      seccompProfile:
        type: RuntimeDefault
      {{- end }}
    {{- with include "nimhelm.umbrella.cache.initContainers" (list $root $name $cache) | trim }}
    initContainers:
      {{- . | nindent 6 }}
    {{- end }}
    containers:
      - name: nim-cache-ctr
        image: {{ include "nimhelm.umbrella.imageReference" (list $root $source.modelPuller) | toJson }}
        command: ["/bin/sh", "-c"]
        args:
          - |
            {{- $root.Files.Get "files/fill-cache.sh" | include "nimhelm.umbrella.script" | nindent 12 }}
          - fill-cache
          {{- include "nimhelm.umbrella.cache.command" $cache | fromJsonArray | include "nimhelm.umbrella.yaml" | nindent 10 }}
        env:
          {{- include "nimhelm.umbrella.cache.env" (list $name $cache) | fromJsonArray | include "nimhelm.umbrella.yaml" | nindent 10 }}
        {{- with get $source "authSecret" }}
        envFrom:
          - secretRef:
              name: {{ toJson . }}
        {{- end }}
        {{- with include "nimhelm.umbrella.cache.resources" $cache | fromJson }}
        resources:
          {{- include "nimhelm.umbrella.yaml" . | nindent 10 }}
        {{- end }}
        {{- include "nimhelm.umbrella.cache.confinement" $root | nindent 8 }}
        volumeMounts:
          {{- include "nimhelm.umbrella.cache.mounts" $cache | fromJsonArray | include "nimhelm.umbrella.yaml" | nindent 10 }}
          {{- if dig "proxy" "certConfigMap" "" $cache }}
          - name: ca-cert-volume
            mountPath: /etc/ssl
          {{- end }}
    volumes:
      {{- include "nimhelm.umbrella.cache.volumes" (list $name $cache) | fromJsonArray | include "nimhelm.umbrella.yaml" | nindent 6 }}
{{- end }}
