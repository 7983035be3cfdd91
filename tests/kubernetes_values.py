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
podSecurityContext: {seLinuxChangePolicy: Never}
podSecurityContext: {windowsOptions: {gmsaCredentialSpec: ''}}
securityContext: {windowsOptions: {runAsUserName: ''}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, securityContext: {procMount: Unmasked}}]}}
podSecurityContext: {privileged: true}
securityContext: {privileged: true, allowPrivilegeEscalation: false}
securityContext: {capabilities: {drop: ALL}}
securityContext: {seccompProfile: {type: Localhost}}
securityContext: {seccompProfile: {type: RuntimeDefault, localhostProfile: a.json}}
podSecurityContext: {seccompProfile: {type: Unconfined, localhostProfile: ""}}
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
podTemplate: {spec: {containers: [{name: llm-service-ctr, lifecycle: {postStart: {sleep: {}}}}]}}
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
podTemplate: {spec: {containers: [{name: other, image: a, readinessProbe: {periodSeconds: 5}}]}}
podTemplate: {spec: {containers: [{name: other, image: a, envFrom: [{secretRef: {}}]}]}}
podTemplate: {spec: {containers: [{name: other, image: a, volumeMounts: [{name: dshm, mountPath: /a, mountPropagation: Bidirectional}]}]}}
podTemplate: {spec: {containers: [{name: other, image: a, volumeDevices: [{name: nope, devicePath: /dev/a}]}]}}
expose: {service: {overlay: {ports: [{port: 1, name: null}]}}}
expose: {service: {overlay: {ports: [{name: api, port: 9100}, {name: other, port: 9100}]}}}
volumes: [{name: a, cephfs: {monitors: []}}]
volumes: [{name: a, storageos: {}}]
volumes: [{name: a, storageos: {volumeName: a, secretRef: {}}}]
volumes: [{name: a, cinder: {volumeID: a, secretRef: {}}}]
volumes: [{name: a, cinder: {volumeID: ""}}]
volumes: [{name: a, csi: {driver: a, nodePublishSecretRef: {name: ""}}}]
volumes: [{name: a, fc: {}}]
volumes: [{name: a, fc: {targetWWNs: [a]}}]
volumes: [{name: a, fc: {targetWWNs: [a], wwids: [b], lun: 1}}]
volumes: [{name: a, iscsi: {targetPortal: a, iqn: "iqn.2001-04.com.example:disk", lun: 0, chapAuthSession: true}}]
volumes: [{name: a, iscsi: {targetPortal: a, iqn: "iqn.2001-04.com.example:disk", lun: 0, initiatorName: a}}]
volumes: [{name: a, quobyte: {registry: a, volume: a}}]
volumes: [{name: a, flocker: {datasetName: a/b}}]
volumes: [{name: a, gitRepo: {repository: a, directory: /a}}]
volumes: [{name: a, gcePersistentDisk: {pdName: a, partition: 256}}]
volumes: [{name: a, azureDisk: {diskName: a, diskURI: "https://a", cachingMode: Sometimes}}]
volumes: [{name: a, azureFile: {secretName: a, shareName: ""}}]
volumes: [{name: a, azureDisk: {diskName: a, diskURI: "a"}}]
volumes: [{name: a, azureDisk: {diskName: a, diskURI: "https://a/b", kind: Managed}}]
volumes: [{name: a, scaleIO: {gateway: a, system: a, secretRef: {name: a}}}]
podDisruptionBudget: {maxUnavailable: 2147483648}
volumes: [{name: a, rbd: {monitors: [], image: a}}]
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {hostNetworking: true}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {containers: [{name: other}]}}}}}
podTemplate: {spec: {initContainers: [{name: [a], image: a}]}}
affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: {a: b}}]}]}}}
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
expose: {router: {hosts: [a.com], ingress: {ingressClass: nginx, paths: [{path: /a//b}]}}}
expose: {router: {hosts: [a.com], ingress: {ingressClass: nginx, paths: [{path: /a/.., pathType: Exact}]}}}
expose: {router: {hosts: [10.0.0.1], gateway: {name: g, namespace: n}}}
expose: {router: {hosts: [a.com, a.com], gateway: {name: g, namespace: n}}}
storage: {pvc: null, image: {reference: "a b"}}
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
podTemplate: {spec: {containers: [{name: llm-service-ctr, volumeMounts: [{name: nope, mountPath: /x}]}]}}
podTemplate: {spec: {initContainers: [{name: i, image: 'a:1', volumeMounts: [{name: nope, mountPath: /x}]}]}}
podTemplate: {spec: {containers: [{name: m, image: 'a:1'}], initContainers: [{name: m, image: 'a:1'}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, resources: {claims: [{name: nope}]}}]}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {containers: [{name: epp, volumeMounts: [{name: nope, mountPath: /x}]}]}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {initContainers: [{name: i, image: 'a:1', volumeMounts: [{name: nope, mountPath: /x}]}]}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {containers: [{name: m, image: 'a:1'}], initContainers: [{name: m, image: 'a:1'}]}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {containers: [{name: epp, resources: {claims: [{name: nope}]}}]}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {initContainers: [{name: epp, image: 'a:1'}]}}}}}
podTemplate: {spec: {volumes: [{name: model-store, hostPath: {path: /m}}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, env: [null]}]}}
podTemplate: {spec: {volumes: [{name: nimhelm-scripts, emptyDir: {}}]}}
podTemplate: {spec: {containers: [{name: wait-setup, image: 'a:1'}]}}
podTemplate: {spec: {initContainers: [{name: wait-setup, securityContext: {privileged: true}}]}}
podTemplate: {spec: {initContainers: [{name: wait-for-embedding-service, securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}}]}}
securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}, allowPrivilegeEscalation: false}
volumeMounts: [{name: dshm, mountPath: /scratch}]\\ninitContainers: [{name: a, image: {repository: a, tag: b}}]
volumes: [{name: scratch}]\\ninitContainers: [{name: a, image: {repository: a, tag: b}}]
volumeMounts: [{name: dshm, mountPath: /etc/ssl}]\\nproxy: {certConfigMap: a}
dependencies: [{name: a.b, port: 1, external: true}, {name: a-b, port: 1, external: true}]
initContainers: [{name: wait-setup, image: {repository: a, tag: b}}]
"""
"""One a line, each of llm-service."""

REFUSED_BY_KEDA = """

"""
"""What the CRD of KEDA refuses."""

LOST = """
podTemplate: {spec: {containers: [{name: llm-service-ctr, volumeMounts: [{name: v, mountPath: /x}, {name: w, mountPath: /x}]}], volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {}}]}}
podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, env: [{name: A, value: a}, {name: A, value: b}]}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, ports: [{name: a, containerPort: 1}, {name: a, containerPort: 2}]}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, terminationMessagePath: /a}, {name: llm-service-ctr, terminationMessagePath: /b}]}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {containers: [{name: epp, volumeMounts: [{name: v, mountPath: /x}, {name: w, mountPath: /x}]}], volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {}}]}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {containers: [{name: epp, env: [{name: A, value: a}, {name: A, value: b}]}]}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {containers: [{name: epp, ports: [{name: a, containerPort: 1}, {name: a, containerPort: 2}]}]}}}}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {containers: [{name: epp, terminationMessagePath: /a}, {name: epp, terminationMessagePath: /b}]}}}}}
expose: {service: {overlay: {ports: [{port: 1}]}}}
"""
"""What an overlay loses: the chart merges items that stand twice, and a port without a name takes the place of all."""

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
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: c}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: -1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: "1", selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: []}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b},{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, volumeMounts: [{name: x, mountPath: /x}]}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, env: [{name: A, value: 5}]}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, env: [{name: A, valueFrom: {}}]}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, ports: [{containerPort: 70000}]}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, ports: [{name: x, containerPort: 1},{name: x, containerPort: 2}]}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, resources: {limits: {cpu: 1}, requests: {cpu: 2}}}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, resources: {limits: {gpu: 1}}}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, livenessProbe: {httpGet: {port: 1}, successThreshold: 2}}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, livenessProbe: {periodSeconds: 4}}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: A_b, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}], volumes: [{name: v, emptyDir: {}},{name: v, emptyDir: {}}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {minReadySeconds: 700, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {progressDeadlineSeconds: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {activeDeadlineSeconds: 5, containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchExpressions: [{key: a, operator: In}]}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchExpressions: [{key: a, operator: In, values: [c]}]}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}], initContainers: [{name: a, image: c}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, imagePullPolicy: always}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, command: "sleep 1"}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, volumeMounts: [{name: v, mountPath: /x},{name: v, mountPath: /x}]}], volumes: [{name: v}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {imagePullSecrets: [a], containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {hostNetwork: true, containers: [{name: a, image: b, ports: [{containerPort: 5, hostPort: 6}]}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {serviceAccountName: A_b, containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, resources: {claims: [{name: x}]}}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, securityContext: {privileged: true, allowPrivilegeEscalation: false}}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {dnsPolicy: None, containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, lifecycle: {preStop: {sleep: {seconds: 100}}}}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}], ephemeralContainers: [{name: c, image: d}]}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: A_b}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {serviceName: x, selector: {matchLabels: {a: b}}, podManagementPolicy: parallel, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {serviceName: x, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, volumeMounts: [{name: d, mountPath: /d}]}]}}, volumeClaimTemplates: [{metadata: {name: e}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {serviceName: x, selector: {matchLabels: {a: b}}, updateStrategy: {type: Recreate}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a.b.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}, spec: {serviceName: x, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {serviceName: "A b", selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {replicas: 3, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {updateStrategy: {type: Recreate}, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {restartPolicy: Always, containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {backoffLimit: -1, template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completionMode: indexed, template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {restartPolicy: Never, template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b, volumeMounts: [{name: v, mountPath: /v}]}]}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "daily", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "0 3 * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "0 25 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "TZ=UTC 0 3 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "0 3 * * *", timeZone: europe/berlin, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "0 3 * * *", timeZone: Local, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "0 3 * * *", timeZone: "", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "0 3 * * *", timeZone: Mars/Olympus, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "0 3 * * *", concurrencyPolicy: forbid, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}, spec: {schedule: "0 3 * * *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a}]}}
{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {restartPolicy: Sometimes, containers: [{name: a, image: b}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: [{host: a.com, http: {paths: [{path: /, backend: {service: {name: a, port: {number: 80}}}}]}}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: [{host: a.com, http: {paths: [{path: x, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: [{host: a.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80, name: x}}}}]}}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: [{host: 10.0.0.1, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: [{host: A.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {rules: [{http: {paths: []}}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {ingressClassName: "A b", defaultBackend: {service: {name: a, port: {number: 80}}}}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {defaultBackend: {service: {name: a}}}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {tls: [{hosts: [a b], secretName: s}], defaultBackend: {service: {name: a, port: {number: 80}}}}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, maxReplicas: 0}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, minReplicas: 3, maxReplicas: 2}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, minReplicas: 0, maxReplicas: 2}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, name: a}, maxReplicas: 2}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, maxReplicas: 2, metrics: [{type: Resource}]}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, maxReplicas: 2, targetCPUUtilizationPercentage: 5}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 0}}}]}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu, target: {type: Value, value: 3}}}]}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, maxReplicas: 2, behavior: {scaleDown: {stabilizationWindowSeconds: 9999}}}}
{apiVersion: v1, kind: Service, metadata: {name: a.b}, spec: {ports: [{port: 80}]}}
{apiVersion: v1, kind: Service, metadata: {name: 1a}, spec: {ports: [{port: 80}]}}
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {a: b}}}
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{name: x, port: 80},{name: x, port: 81}]}}
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{name: x, port: 80},{name: z, port: 80}]}}
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ExternalName}}
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ClusterIP, ports: [{port: 80, nodePort: 30000}]}}
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {externalTrafficPolicy: Local, ports: [{port: 80}]}}
{apiVersion: v1, kind: ResourceQuota, metadata: {name: a}, spec: {hard: {cpu: lots}}}
{apiVersion: v1, kind: ResourceQuota, metadata: {name: a}, spec: {hard: {gpu: 1}}}
{apiVersion: v1, kind: LimitRange, metadata: {name: a}, spec: {limits: [{default: {cpu: 1}}]}}
{apiVersion: v1, kind: LimitRange, metadata: {name: a}, spec: {limits: [{type: Container, default: {cpu: x}}]}}
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: a}, value: 2000000000}
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: a}, value: high}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}, rules: [{apiGroups: [""], resources: [pods]}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: a}, rules: [{apiGroups: [""], verbs: [get]}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a}, rules: [{nonResourceURLs: [/x], verbs: [get]}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: a}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: a}, subjects: [{kind: ServiceAccount, name: a}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: a}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}, subjects: []}
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}, subjects: [{kind: Sa, name: a}]}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, metadata: {name: a}, spec: {spec: {devices: {requests: [{name: g, exactly: {deviceClassName: c, selectors: [{cel: {expression: "device.x == 1"}}]}}]}}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: a}, spec: {devices: {requests: [{name: g, exactly: {}}]}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: a}, spec: {devices: {requests: [{name: g, deviceClassName: c}]}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: a}, spec: {devices: {requests: [{name: g}]}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: a}, spec: {devices: {requests: [{name: g, exactly: {deviceClassName: c, allocationMode: All, count: 2}}]}}}
{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: a}, spec: {}}
{apiVersion: v1, kind: Deployment, metadata: {name: a}, spec: {}}
{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: a}, spec: {}}
{apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: a}, spec: {}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a1}, spec: {scaleTargetRef: {kind: Deployment, name: a}, maxReplicas: 2}}
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
{apiVersion: apps/v1, kind: Deployment, metadata: {name: x0}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b, c: d}, annotations: {x: "1"}}, spec: {initContainers: [{name: i, image: x, restartPolicy: Always}], containers: [{name: a, image: b, env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}, {name: B}], envFrom: [{secretRef: {name: a}}], volumeMounts: [{name: v, mountPath: /x, subPath: a},{name: v, mountPath: /y}], ports: [{containerPort: 80, name: web, protocol: TCP},{containerPort: 80, protocol: UDP, name: web2}], resources: {limits: {cpu: 1, nvidia.com/gpu: 1}}, livenessProbe: {httpGet: {path: /, port: web}}}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}], restartPolicy: Always, securityContext: {fsGroup: 1}, imagePullSecrets: [{name: a}], tolerations: [{operator: Exists}], affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}}}}}}}
{apiVersion: apps/v1, kind: Deployment, metadata: {name: x1}, spec: {replicas: 0, selector: {matchExpressions: [{key: a, operator: Exists}]}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: x2}, spec: {serviceName: x, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b, volumeMounts: [{name: e, mountPath: /d}]}]}}, volumeClaimTemplates: [{metadata: {name: e}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: x3}, spec: {updateStrategy: {type: OnDelete}, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {hostPID: true, containers: [{name: a, image: b, securityContext: {privileged: true}}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: x4, annotations: {helm.sh/hook: pre-install}}, spec: {ttlSecondsAfterFinished: 60, backoffLimit: 0, activeDeadlineSeconds: 60, template: {spec: {activeDeadlineSeconds: 9, restartPolicy: OnFailure, containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: x5}, spec: {completionMode: Indexed, completions: 2, parallelism: 2, suspend: true, template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: x6}, spec: {schedule: "*/5 0-4,7 1 JAN-mar MON", timeZone: Europe/Berlin, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: x6c}, spec: {schedule: "*/5 0-4,7 1 JAN-mar MON", timeZone: Asia/Calcutta, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: x6u}, spec: {schedule: "*/5 0-4,7 1 JAN-mar MON", timeZone: US/Pacific, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: x7}, spec: {schedule: "@daily", jobTemplate: {metadata: {labels: {a: b}}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: batch/v1, kind: CronJob, metadata: {name: x8}, spec: {schedule: "@every 1h30m", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}}}
{apiVersion: v1, kind: Pod, metadata: {name: x9, annotations: {helm.sh/hook: test}}, spec: {restartPolicy: Never, containers: [{name: a, image: b, command: [a], args: ["1"]}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: x10}, spec: {ingressClassName: nginx, tls: [{hosts: [a.com], secretName: s}], rules: [{host: "*.a.com", http: {paths: [{pathType: ImplementationSpecific, backend: {service: {name: a, port: {name: x}}}},{path: /b, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}, {host: b.com}]}}
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: x11}, spec: {defaultBackend: {resource: {apiGroup: a.com, kind: B, name: c}}}}
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: x12}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, minReplicas: 1, maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}], behavior: {scaleDown: {stabilizationWindowSeconds: 99, policies: [{type: Pods, value: 1, periodSeconds: 10}]}}}}
{apiVersion: v1, kind: ResourceQuota, metadata: {name: x13}, spec: {hard: {requests.nvidia.com/gpu: 4, pods: "10", count/jobs.batch: 4, requests.storage: 1Ti, a.storageclass.storage.k8s.io/requests.storage: 1Gi}}}
{apiVersion: v1, kind: LimitRange, metadata: {name: x14}, spec: {limits: [{type: Container, default: {cpu: 1}, defaultRequest: {cpu: 500m}}]}}
{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: x15}, value: 1000, globalDefault: false, description: x, preemptionPolicy: Never}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: x16}, rules: [{apiGroups: [""], resources: [pods], verbs: ["*"]},{nonResourceURLs: [/x], verbs: [get]}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: x17}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: x18}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}, subjects: [{kind: ServiceAccount, name: a, namespace: b},{kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:masters"}]}
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: x19}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: x20}, spec: {devices: {requests: [{name: g, exactly: {deviceClassName: gpu.nvidia.com, allocationMode: All, selectors: [{cel: {expression: "true"}}]}}], config: [{requests: [g], opaque: {driver: gpu.nvidia.com, parameters: {a: b}}}]}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: x21}, spec: {devices: {requests: [{name: g, firstAvailable: [{name: x, deviceClassName: gpu.nvidia.com, count: 2}]}]}}}
{apiVersion: v1, kind: Service, metadata: {name: x22}, spec: {type: NodePort, ports: [{port: 80, nodePort: 30000, name: x},{port: 80, protocol: UDP, name: z}]}}
{apiVersion: v1, kind: ServiceAccount, metadata: {name: x23}, imagePullSecrets: [{name: x}], automountServiceAccountToken: false}
{apiVersion: v1, kind: Service, metadata: {name: x24}, spec: {clusterIP: None, selector: {a: b}}}
{apiVersion: batch/v1, kind: Job, metadata: {name: x25}, spec: {completionMode: Indexed, template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: x26}, roleRef: {kind: Role, name: a}, subjects: [{kind: ServiceAccount, name: a}]}
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
expose: {router: {hosts: [a.com], ingress: {ingressClass: nginx, paths: [{path: /a//b, pathType: ImplementationSpecific}, {path: /a.b/..c}]}}}
podTemplate: {spec: {containers: [{name: side, image: a}]}}\nannotations: {container.apparmor.security.beta.kubernetes.io/side: unconfined}
lifecycle: {preStop: {sleep: {seconds: 10}}, postStart: {exec: {command: ['true']}}}
expose: {service: {type: LoadBalancer, loadBalancerClass: example.com/lb, externalTrafficPolicy: Local, loadBalancerSourceRanges: [10.0.0.0/8], nodePort: 30080}}
volumes: [{name: scratch, emptyDir: {}}]\nvolumeMounts: [{name: scratch, mountPath: /scratch}]
podTemplate: {spec: {volumes: [{name: model-store, persistentVolumeClaim: null, emptyDir: {}}]}}
podTemplate: {spec: {volumes: [{name: scratch, hostPath: {path: /m}}]}}
podTemplate: {spec: {hostUsers: false, containers: [{name: llm-service-ctr, securityContext: {procMount: Unmasked}}]}}
podTemplate: {spec: {initContainers: [{name: wait-setup, command: [sh]}]}}
podTemplate: {spec: {initContainers: [{name: wait-setup, securityContext: {privileged: true, allowPrivilegeEscalation: null}}]}}
expose: {service: {overlay: {publishNotReadyAddresses: true, ports: [{name: api, appProtocol: http}]}}}
volumes: [{name: tmp, emptyDir: {medium: Memory, sizeLimit: 1Gi}}, {name: conf, configMap: {name: a, items: [{key: a, path: b}]}}]\nvolumeMounts: [{name: tmp, mountPath: /tmp}, {name: conf, mountPath: /conf, readOnly: true}]
volumeMounts: [{name: model-store, mountPath: /other, subPath: a/b}]
volumes: [{name: tmp}]
volumes: [{name: token, projected: {sources: [{serviceAccountToken: {path: t, audience: vault}}]}}, {name: csi, csi: {driver: secrets-store.csi.k8s.io, readOnly: true, volumeAttributes: {secretProviderClass: p}}}]
envFrom: [{secretRef: {name: a, optional: true}}, {prefix: B_, configMapRef: {name: b}}]
podTemplate: {spec: {shareProcessNamespace: true, hostNetwork: false, containers: [{name: llm-service-ctr, terminationMessagePath: null, ports: [{name: extra, containerPort: 9999}]}]}}
podTemplate: {spec: {containers: [{name: other, image: 'busybox:1.37.0'}], tolerations: [{operator: Exists}]}}
podTemplate: {spec: {initContainers: [{name: wait-setup, resources: {limits: {cpu: 1}}}]}}
podTemplate: {spec: {containers: [{name: llm-service-ctr, readinessProbe: {periodSeconds: 5}}]}}
podTemplate: {spec: {volumes: [{name: tmp, emptyDir: {}}]}}\nvolumeMounts: [{name: tmp, mountPath: /tmp}]
podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}], containers: [{name: llm-service-ctr, volumeMounts: [{name: v, mountPath: /x}, {name: v, mountPath: /y, subPath: sub}]}]}}
expose: {router: {hostDomainName: a.com, gateway: {name: a, namespace: a}, eppConfig: {containerSpec: {name: a, image: {repository: a, tag: a}}, podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}], containers: [{name: epp, volumeMounts: [{name: v, mountPath: /x}, {name: v, mountPath: /y, subPath: sub}]}]}}}}}
"""

PODS_REFUSED = """
global: {nimhelm: {podTemplate: {spec: {priorityClass: x}}}}
global: {nimhelm: {podTemplate: {spec: {priorityClassName: "A b"}}}}
global: {nimhelm: {podTemplate: {spec: {topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]}}}}
global: {nimhelm: {podTemplate: {spec: {containers: [{name: llm-service-ctr, image: a}]}}}}
global: {nimhelm: {podTemplate: {spec: {initContainers: []}}}}
global: {nimhelm: {podTemplate: {spec: {tolerations: [{key: a, operator: Exists, value: b}]}}}}
global: {nimhelm: {podTemplate: {spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In}]}]}}}}}}}
global: {nimhelm: {podTemplate: {metadata: {labels: {a: b}}}}}
global: {nimhelm: {priorityClassName: x}}
global: {nimhelm: {tolerations: []}}
nimCaches: {c: {podTemplate: {spec: {priorityClass: x}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: other}]}}}}
nimCaches: {c: {podTemplate: {spec: {securityContext: {runAsUser: -1}}}}}
nimCaches: {c: {podTemplate: {spec: {tolerations: [{key: a, operator: Exists, value: b}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: [a]}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, resizePolicy: [{resourceName: cpu, restartPolicy: RestartContainer}]}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, livenessProbe: {periodSeconds: 5}}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, readinessProbe: {exec: {}}}]}}}}
nimCaches: {c: {priorityClassName: x}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, volumeMounts: [{name: scratch, mountPath: /a, mountPropagation: Bidirectional}]}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, volumeMounts: [{name: nope, mountPath: /x}]}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, volumeMounts: [{name: v, mountPath: /x}, {name: w, mountPath: /x}]}], volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {}}]}}}}
nimCaches: {c: {podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, env: [{name: A, value: a}, {name: A, value: b}]}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, ports: [{name: a, containerPort: 1}, {name: a, containerPort: 2}]}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, terminationMessagePath: /a}, {name: nim-cache-ctr, terminationMessagePath: /b}]}}}}
nimCaches: {c: {podTemplate: {spec: {initContainers: [{name: i, image: 'a:1', volumeMounts: [{name: nope, mountPath: /x}]}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: m, image: 'a:1'}], initContainers: [{name: m, image: 'a:1'}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, resources: {claims: [{name: nope}]}}]}}}}
nimCaches: {c: {podTemplate: {spec: {volumes: [{name: scratch, persistentVolumeClaim: {claimName: a}}]}}}}
global: {nimhelm: {podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]}}}}
global: {nimhelm: {podTemplate: {spec: {volumes: [{name: dshm, hostPath: {path: /x}}]}}}}
global: {nimhelm: {podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}]}}}}\\nllm-service: {volumes: [{name: v, hostPath: {path: /x}}]}
nimCaches: {c: {podTemplate: {spec: {volumes: [{name: nim-cache-volume, emptyDir: {}}]}}}}
nimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, securityContext: {privileged: true}}]}}}}
global: {nimhelm: {restricted: true}}\\nllm-service: {securityContext: {privileged: true}}
global: {nimhelm: {restricted: true}}\\nllm-service: {podTemplate: {spec: {containers: [{name: llm-service-ctr, securityContext: {privileged: true}}]}}}
"""
"""Overlays of pods that are not a service's own, each wrong."""

PODS_ACCEPTED = """
global: {nimhelm: {podTemplate: {spec: {priorityClassName: x, serviceAccountName: team, securityContext: {fsGroupChangePolicy: OnRootMismatch}}}}}
nimCaches: {c: {podTemplate: {metadata: {labels: {a: b}}, spec: {priorityClassName: x, containers: [{name: nim-cache-ctr, securityContext: {readOnlyRootFilesystem: true}}]}}}}
nimCaches: {c: {podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}], containers: [{name: nim-cache-ctr, volumeMounts: [{name: v, mountPath: /x}, {name: v, mountPath: /y, subPath: sub}]}]}}}}
global: {nimhelm: {podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}]}}}}\\nnimCaches: {c: {podTemplate: {spec: {containers: [{name: nim-cache-ctr, volumeMounts: [{name: v, mountPath: /x}]}]}}}}
"""


def rows(table: str) -> list[dict[str, object]]:
    """The values of llm-service, one for each line."""
    return [yaml.safe_load(line.replace("\\n", "\n")) for line in table.strip().splitlines()]
