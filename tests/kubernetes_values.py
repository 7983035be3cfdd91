# ruff: noqa: E501
"""Values that become fields of a pod, a Deployment or a Service: what Kubernetes takes of them, and what it refuses.

One table for two tests: `nimhelm validate --values` refuses each row below REFUSED, and so does an API server.
"""

from __future__ import annotations

import yaml

REFUSED = """
podDisruptionBudget: {minAvailable: 1, maxUnavailable: 1}
podDisruptionBudget: {minAvailable: 150%}
minReadySeconds: 36000
topologySpreadConstraints: [{maxSkew: 0, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: Never}]
topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: DoNotSchedule}]
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, minDomains: 2}]
updateStrategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}
updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}
updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: many}}
updateStrategy: {type: Rolling}
hostAliases: [{ip: 999.1.1.1, hostnames: [model]}]
hostAliases: [{ip: 10.0.0.1, hostnames: [A_b]}]
dnsPolicy: 'None'
dnsConfig: {nameservers: [dns.example.com]}
dnsConfig: {nameservers: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4]}
podSecurityContext: {fsGroup: -5}
podSecurityContext: {supplementalGroups: [users]}
podSecurityContext: {privileged: true}
securityContext: {privileged: true, allowPrivilegeEscalation: false}
securityContext: {capabilities: {drop: ALL}}
securityContext: {seccompProfile: {type: Localhost}}
securityContext: {seccompProfile: {type: RuntimeDefault, localhostProfile: a.json}}
securityContext: {fsGroup: 2000}
lifecycle: {preStop: {exec: {command: [sleep]}, httpGet: {port: 8000}}}
lifecycle: {preStop: {sleep: {seconds: -1}}}
lifecycle: {preStop: {httpGet: {path: /stop}}}
lifecycle: {preStop: {}}
expose: {service: {type: NodePort, loadBalancerClass: example.com/lb}}
expose: {service: {type: ClusterIP, externalTrafficPolicy: Local}}
expose: {service: {type: ClusterIP, nodePort: 30080}}
expose: {service: {type: ClusterIP, loadBalancerSourceRanges: [10.0.0.0/8]}}
expose: {service: {type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0]}}
expose: {service: {overlay: {publishNotReady: true}}}
expose: {service: {overlay: {internalTrafficPolicy: Near}}}
volumes: [{name: A_b, emptyDir: {}}]
volumes: [{name: dshm, emptyDir: {}}]
volumes: [{name: tmp, emptyDir: {}}, {name: tmp, emptyDir: {}}]
volumes: [{name: tmp, configMap: {name: a}, secret: {secretName: b}}]
volumes: [{name: tmp, empty: {}}]
volumes: [{name: tmp, emptyDir: {sizeLimit: lots}}]
volumeMounts: [{name: absent, mountPath: /a}]
volumeMounts: [{name: dshm, mountPath: /model-store}]
volumeMounts: [{name: model-store, mountPath: /a, subPath: ../b}]
envFrom: [{secretRef: {name: ''}}]
envFrom: [{secret: a}]
envFrom: [{configMapRef: {name: A_b}}]
envFrom: [{configMapRef: {name: a}, secretRef: {name: b}}]
podTemplate: {spec: {hostNetworking: true}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, image: [a]}]}}
podTemplate: {spec: {containers: [{name: other}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, ports: [{name: extra, containerPort: 70000}]}]}}
podTemplate: {spec: {restartPolicy: Never}}
podTemplate: {spec: {activeDeadlineSeconds: 5}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]}}
podTemplate: {metadata: {labels: {app: a b}}}
sidecarContainers: [{name: side, image: {repository: a, tag: b}, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]
"""
"""One a line, each of llm-service."""

REFUSED_LATER = """
podSecurityContext: {sysctls: [{name: kernel.shm_rmid_forced}]}
volumes: [{name: tmp, persistentVolumeClaim: {claimName: A_b}}]
volumeMounts: [{name: model-store, mountPath: 'a:b'}]
securityContext: {runAsNonRoot: true, runAsUser: 0}
podSecurityContext: {runAsNonRoot: true, runAsUser: 0}
"""
"""The API server takes these, and the pod does not start."""

ACCEPTED = r"""
podDisruptionBudget: {maxUnavailable: 50%, unhealthyPodEvictionPolicy: AlwaysAllow}
minReadySeconds: 10
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, minDomains: 2, labelSelector: {matchLabels: {app: llm-service}}}]
updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 100%}}
updateStrategy: {rollingUpdate: {maxSurge: 1}}
hostAliases: [{ip: 'fd00::1', hostnames: [model.example.com]}]
dnsPolicy: 'None'\ndnsConfig: {nameservers: [10.0.0.10], searches: [nim.svc.cluster.local], options: [{name: ndots, value: '2'}]}
podSecurityContext: {fsGroupChangePolicy: OnRootMismatch, supplementalGroups: [44], sysctls: [{name: kernel.shm_rmid_forced, value: '1'}]}
securityContext: {readOnlyRootFilesystem: true, capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, seccompProfile: {type: Localhost, localhostProfile: a.json}}
lifecycle: {preStop: {sleep: {seconds: 10}}, postStart: {exec: {command: ['true']}}}
expose: {service: {type: LoadBalancer, loadBalancerClass: example.com/lb, externalTrafficPolicy: Local, loadBalancerSourceRanges: [10.0.0.0/8], nodePort: 30080}}
expose: {service: {overlay: {publishNotReadyAddresses: true, ports: [{name: api, appProtocol: http}]}}}
volumes: [{name: tmp, emptyDir: {medium: Memory, sizeLimit: 1Gi}}, {name: conf, configMap: {name: a, items: [{key: a, path: b}]}}]\nvolumeMounts: [{name: tmp, mountPath: /tmp}, {name: conf, mountPath: /conf, readOnly: true}]
volumeMounts: [{name: model-store, mountPath: /other, subPath: a/b}]
volumes: [{name: tmp}]
volumes: [{name: token, projected: {sources: [{serviceAccountToken: {path: t, audience: vault}}]}}, {name: csi, csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: p}}}]
envFrom: [{secretRef: {name: a, optional: true}}, {prefix: B_, configMapRef: {name: b}}]
podTemplate: {spec: {shareProcessNamespace: true, hostNetwork: false, containers: [{name: llm-service-ctr, terminationMessagePath: null, ports: [{name: extra, containerPort: 9999}]}]}}
podTemplate: {spec: {containers: [{name: other, image: 'busybox:1.37.0'}], tolerations: [{operator: Exists}]}}
podTemplate: {spec: {initContainers: [{name: wait-setup, resources: {limits: {cpu: 1}}}]}}
podTemplate: {spec: {volumes: [{name: tmp, emptyDir: {}}]}}\nvolumeMounts: [{name: tmp, mountPath: /tmp}]
"""


def rows(table: str) -> list[dict[str, object]]:
    """The values of llm-service, one for each line."""
    return [yaml.safe_load(line.replace("\\n", "\n")) for line in table.strip().splitlines()]
