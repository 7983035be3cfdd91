{{- /* Made by tools/build_schema.py from schema/source, where defaults stand. Do not change it here. */}}

{{- define "nimhelm.v3.defaults.global" -}}
{
 "nimhelm": {
  "checkAfterInstall": "auto",
  "commonAnnotations": {},
  "commonLabels": {},
  "containerResources": {},
  "grafanaDashboard": {"annotations": {}, "enabled": false, "labels": {"grafana_dashboard": "1"}},
  "helperResources": {"limits": {"cpu": "100m", "memory": "64Mi"}, "requests": {"cpu": "10m", "memory": "16Mi"}},
  "imagePullSecrets": [],
  "imageRegistry": "",
  "imageRegistryPath": "keep",
  "keepClaims": true,
  "keepOperatorPods": false,
  "mesh": "",
  "networkPolicy": {"egressPorts": [], "enabled": false, "gatewayNamespaces": [], "monitoringNamespaces": ["monitoring"]},
  "openshift": "auto",
  "orderFor": "",
  "podTemplate": {},
  "prePull": false,
  "pullWhileWaiting": true,
  "requireKeys": false,
  "restricted": false,
  "skipMissingKinds": false,
  "storageClass": "",
  "valuesDigest": "",
  "waitEnabled": true,
  "waitImage": "docker.io/library/busybox:1.37.0-musl",
  "waitImagePullPolicy": "IfNotPresent",
  "waitOnTimeout": "fail",
  "waitPeriodSeconds": 1,
  "waitTimeoutSeconds": 0
 }
}
{{- end }}

{{- define "nimhelm.v3.defaults.service" -}}
{
 "affinity": {},
 "annotations": {},
 "args": [],
 "automountServiceAccountToken": false,
 "dependencies": [],
 "draResources": [],
 "expose": {
  "ingress": {"annotations": {}, "enabled": false},
  "router": {
   "annotations": {},
   "eppConfig": {},
   "gateway": {"grpcRoutesEnabled": false, "httpRoutesEnabled": true},
   "ingress": {}
  },
  "service": {"annotations": {}, "labels": {}, "overlay": {}, "port": 8000, "type": "ClusterIP"}
 },
 "extraEnv": {},
 "global": {{ include "nimhelm.v3.defaults.global" . }},
 "groupID": 2000,
 "imageLayout": "legacy",
 "inferencePlatform": "standalone",
 "labels": {},
 "livenessProbe": {"enabled": true},
 "metrics": {
  "enabled": false,
  "prometheusRule": {"additionalLabels": {}, "enabled": false},
  "serviceMonitor": {"additionalLabels": {}, "annotations": {}}
 },
 "multiNode": {"backendType": "lws"},
 "podSecurityContext": {},
 "podTemplate": {},
 "progressDeadlineSeconds": 3276,
 "readinessProbe": {"enabled": true},
 "resources": {"limits": {}, "requests": {}},
 "scale": {
  "annotations": {},
  "enabled": false,
  "hpa": {"metrics": [], "minReplicas": 1},
  "keda": {"enabled": false, "minReplicaCount": 1, "triggers": []}
 },
 "securityContext": {},
 "serviceAccount": {"annotations": {}, "create": true, "name": ""},
 "startupProbe": {"enabled": true},
 "storage": {
  "compileCache": false,
  "image": {},
  "nimCache": {"modelPath": "", "source": "ngc", "wait": {"enabled": false, "timeoutSeconds": 7200}},
  "pvc": {"annotations": {}}
 },
 "userID": 1000,
 "volumeMounts": [],
 "volumes": [],
 "wait": {"enabled": true, "onTimeout": "", "timeoutSeconds": 0}
}
{{- end }}

{{- define "nimhelm.v3.defaults.umbrella" -}}
{"extraObjects": [], "global": {{ include "nimhelm.v3.defaults.global" . }}, "nimCaches": {}}
{{- end }}
