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
expose: {router: {eppConfig: {containerSpec: {name: epp, image: {repository: epp, tag: '1'}}, config: {apiVersion: "a b", plugins: [{type: q}], schedulingProfiles: [{name: d, plugins: [{pluginRef: q}]}]}}}}
expose: {router: {eppConfig: {containerSpec: {name: "A b", image: {repository: epp, tag: '1'}}, config: {plugins: [{type: q}], schedulingProfiles: [{name: d, plugins: [{pluginRef: q}]}]}}}}
volumes: [{name: t, downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.nosuch}}]}}]
volumes: [{name: t, downwardAPI: {items: [{path: a, fieldRef: {apiVersion: "a b", fieldPath: metadata.name}}]}}]
volumes: [{name: t, downwardAPI: {items: [{path: ../a, fieldRef: {fieldPath: metadata.name}}]}}]
volumes: [{name: t, downwardAPI: {items: [{path: a}]}}]
volumes: [{name: t, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [RWX], resources: {requests: {storage: 1Gi}}}}}}]
volumes: [{name: t, projected: {sources: [{secret: {name: a, items: [{key: a, path: /abs}]}}]}}]
volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 5}}]}}]
volumes: [{name: t, hostPath: {path: /a/../b}}]
volumes: [{name: t, hostPath: {path: /a, type: Dir}}]
volumes: [{name: t, nfs: {server: a, path: rel}}]
volumes: [{name: t, csi: {driver: "A b"}}]
volumes: [{name: t, configMap: {name: a, defaultMode: 1000}}]
volumes: [{name: t, configMap: {name: a, items: [{key: a, path: a, mode: 9999}]}}]
volumes: [{name: t, secret: {}}]
lifecycle: {preStop: {sleep: {seconds: 100000}}}
lifecycle: {preStop: {httpGet: {port: 0}}}
lifecycle: {preStop: {httpGet: {port: "a_b"}}}
lifecycle: {preStop: {exec: {}}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule},{maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchExpressions: [{key: a, operator: In}]}}]
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, matchLabelKeys: [a]}]
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {a: "b c"}}}]
podSecurityContext: {sysctls: [{name: "A b", value: "1"}]}
podSecurityContext: {sysctls: [{name: kernel.a, value: "1"},{name: kernel.a, value: "2"}]}
podSecurityContext: {seccompProfile: {type: Nope}}
podSecurityContext: {fsGroupChangePolicy: Sometimes}
podSecurityContext: {appArmorProfile: {type: Localhost}}
securityContext: {procMount: Unmasked}
securityContext: {seLinuxOptions: {lvl: a}}
securityContext: {runAsUser: 99999999999}
dnsConfig: {searches: ["a b"]}
dnsConfig: {searches: ["A."]}
podTemplate: {spec: {schedulingGates: [{name: "a b"}]}}
podTemplate: {spec: {schedulingGates: [{name: a},{name: a}]}}
podTemplate: {spec: {hostNetwork: true, hostUsers: false}}
podTemplate: {spec: {priorityClassName: "A b"}}
podTemplate: {spec: {preemptionPolicy: Nope}}
podTemplate: {spec: {os: {name: beos}}}
podTemplate: {spec: {os: {name: windows}}}
podTemplate: {spec: {nodeName: "A b"}}
podTemplate: {spec: {hostname: "A b"}}
podTemplate: {spec: {subdomain: "A b"}}
podTemplate: {spec: {readinessGates: [{conditionType: "a b"}]}}
podTemplate: {spec: {runtimeClassName: "A b"}}
podTemplate: {spec: {tolerations: [{key: a, operator: Exists, value: b}]}}
podTemplate: {spec: {nodeSelector: {a: "b c"}}}
podTemplate: {spec: {affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {}}]}}}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, env: [{name: "a=b", value: x}]}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, env: [{name: a, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, env: [{name: a, valueFrom: {fieldRef: {fieldPath: nope}}}]}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, livenessProbe: {httpGet: {port: 1}, successThreshold: 3}}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, readinessProbe: {exec: {command: [a]}}}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, ports: [{name: TOO_long_a_name_for_port, containerPort: 9}]}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, imagePullPolicy: Sometimes}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, resources: {claims: [{name: nope}]}}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, resources: {limits: {"a b": 1}}}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, resources: {limits: {memory: -1}}}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, resizePolicy: [{resourceName: gpu, restartPolicy: NotRequired}]}]}}
podTemplate: {spec: {containers: [{name: other, image: a, volumeMounts: [{name: nope, mountPath: /a}]}]}}
podTemplate: {spec: {containers: [{name: other, image: a, envFrom: [{prefix: "a=", secretRef: {name: a}}]}]}}
podTemplate: {spec: {initContainers: [{name: i, image: a, livenessProbe: {httpGet: {port: 1}}}]}}
podTemplate: {spec: {initContainers: [{name: i, image: a, lifecycle: {preStop: {exec: {command: [a]}}}}]}}
podTemplate: {spec: {initContainers: [{name: llm-service-ctr, image: a}]}}
podTemplate: {spec: {ephemeralContainers: [{name: i, image: a}]}}
podTemplate: {spec: {resourceClaims: [{name: a}]}}
podTemplate: {spec: {resourceClaims: [{name: a, resourceClaimName: b, resourceClaimTemplateName: c}]}}
podTemplate: {spec: {resourceClaims: [{name: "A b", resourceClaimName: b}]}}
podTemplate: {spec: {dnsPolicy: Nope}}
podTemplate: {spec: {setHostnameAsFQDN: maybe}}
podTemplate: {spec: {hostAliases: [{ip: x}]}}
podTemplate: {spec: {volumes: [{name: dshm, configMap: {name: a}}]}}
podTemplate: {spec: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: X}]}}
expose: {service: {overlay: {clusterIP: 1.2.3.400}}}
expose: {service: {overlay: {clusterIP: None}}}
expose: {service: {overlay: {clusterIPs: [None, None]}}}
expose: {service: {overlay: {externalIPs: [a]}}}
expose: {service: {overlay: {externalIPs: [127.0.0.1]}}}
expose: {service: {overlay: {type: ExternalName}}}
expose: {service: {overlay: {sessionAffinity: Cookie}}}
expose: {service: {overlay: {sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 100000}}}}}
expose: {service: {overlay: {ipFamilies: [IPv5]}}}
expose: {service: {overlay: {ipFamilies: [IPv4, IPv4]}}}
expose: {service: {overlay: {ipFamilyPolicy: Nope}}}
expose: {service: {overlay: {ports: [{name: api, port: 8000},{name: extra}]}}}
expose: {service: {overlay: {ports: [{name: extra, port: 9000, targetPort: "a_b"}]}}}
expose: {service: {overlay: {ports: [{name: extra, port: 9000, protocol: HTTP}]}}}
expose: {service: {overlay: {ports: [{name: extra, port: 9000, appProtocol: "a b"}]}}}
expose: {service: {overlay: {healthCheckNodePort: 30000}}}
expose: {service: {overlay: {trafficDistribution: Near}}}
expose: {service: {overlay: {selector: {a: "b c"}}}}
expose: {service: {type: LoadBalancer, loadBalancerClass: "a b"}}
expose: {service: {type: LoadBalancer, overlay: {loadBalancerSourceRanges: [a]}}}
expose: {router: {hosts: [10.0.0.1], ingress: {ingressClass: nginx}}}
expose: {router: {hosts: ["a..com"], ingress: {ingressClass: nginx}}}
expose: {router: {hosts: [10.0.0.1], gateway: {name: g, namespace: n}}}
expose: {router: {hosts: [a.com, a.com], gateway: {name: g, namespace: n}}}
storage: {image: {reference: "a b"}}
storage: {pvc: {create: true, size: 1Gi, volumeAccessMode: ReadWriteOnce, name: c, selector: {matchExpressions: [{key: a, operator: In}]}}}
storage: {pvc: {create: true, size: 1Gi, volumeAccessMode: ReadWriteOnce, name: c, volumeName: "A b"}}
storage: {pvc: {create: true, size: 1Gi, volumeAccessMode: ReadWriteOnce, name: c, labels: {a: "b c"}}}
extraEnv: {A: {valueFrom: {fieldRef: {apiVersion: "a b", fieldPath: metadata.name}}}}
extraEnv: {A: {valueFrom: {}}}
extraEnv: {A: {valueFrom: {resourceFieldRef: {resource: limits.nope}}}}
extraEnv: {A: {valueFrom: {fieldRef: {fieldPath: "metadata.labels['a b']"}}}}
extraEnv: {A: {valueFrom: {secretKeyRef: {name: "A b", key: k}}}}
extraEnv: {A: {valueFrom: {secretKeyRef: {name: a, key: "a b"}}}}
extraEnv: {A: {valueFrom: {fileKeyRef: {path: a, key: b, volumeName: c}}}}
serviceAccount: {name: "A b"}
podDisruptionBudget: {minAvailable: -1}
revisionHistoryLimit: -1
annotations: {"a b": c}
podTemplate: {metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/x: nope}}}
podTemplate: {metadata: {annotations: {seccomp.security.alpha.kubernetes.io/pod: nope}}}
"""
"""One a line, each of llm-service."""

REFUSED_BY_KEDA = """

"""
"""What the CRD of KEDA refuses."""

OBJECTS_REFUSED = """
{apiVersion: "a b", kind: ConfigMap, metadata: {name: a}}
{apiVersion: a/b/c, kind: ConfigMap, metadata: {name: a}}
{apiVersion: v1, kind: Config Map, metadata: {name: a}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: A b}}
{apiVersion: example.com/v1, kind: Other, metadata: {name: a/b}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {a: b c}}}
{apiVersion: example.com/v1, kind: Other, metadata: {name: a, labels: {a: 1}}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {a: 1}}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {a b: c}}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: A b}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, finalizers: [a]}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, label: {a: b}}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: 1}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a b: c}}
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: b}, binaryData: {a: Yg==}}
{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: not base64}}
{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: a!GVsbG8=}}
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 0}]}}
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {accessModes: [RWX], resources: {requests: {storage: 1Gi}}}}
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]}}
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, spec: {minAvailable: 1, maxUnavailable: 1}}
"""
"""Further objects that the API server refuses."""

OBJECTS_ACCEPTED = """
{apiVersion: v1, kind: ConfigMap, metadata: {name: a.b, labels: {a: b}, annotations: {A/b: "1"}}, data: {a: b}, binaryData: {c: aGk=}, immutable: true}
{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: other}, type: Opaque, stringData: {a: b}, data: {c: aGk=}}
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ExternalName, externalName: a.example.com}}
{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {clusterIP: None, ports: [{port: 80, targetPort: http}], selector: {app: a}}}
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: "system:a"}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, spec: {podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80, endPort: 90}]}]}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}}
"""

REFUSED_LATER = """
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
