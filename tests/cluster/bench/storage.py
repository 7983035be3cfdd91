"""A provisioner: makes a folder of the node the volume of each claim.

Claims of class ``bench-hostpath``, the default, get a volume.  Nobody serves
the class ``bench-none``, so its claims stay unbound.
"""

from __future__ import annotations

import shutil
from typing import Any

from .api import Api
from .settings import VOLUMES

CLASS = "bench-hostpath"
PROVISIONER = f"nimhelm.test/{CLASS}"
CLAIMS = "/api/v1/persistentvolumeclaims"
PERSISTENT_VOLUMES = "/api/v1/persistentvolumes"


def provision(api: Api) -> None:
    """One round: volumes for new claims, and the end of released volumes."""
    for claim in api.get(CLAIMS)["items"]:
        if claim["spec"].get("storageClassName") == CLASS and claim["status"].get("phase") == "Pending":
            folder = VOLUMES / claim["metadata"]["uid"]
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
            api.create(PERSISTENT_VOLUMES, _volume(claim, str(folder)))
    for volume in api.get(PERSISTENT_VOLUMES)["items"]:
        if volume["spec"].get("storageClassName") == CLASS and volume["status"].get("phase") == "Released":
            api.delete(f"{PERSISTENT_VOLUMES}/{volume['metadata']['name']}")
            shutil.rmtree(volume["spec"]["hostPath"]["path"], ignore_errors=True)


def _volume(claim: dict[str, Any], folder: str) -> dict[str, Any]:
    metadata = claim["metadata"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    reference |= {key: metadata[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"pvc-{metadata['uid']}",
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
        },
        "spec": {
            "accessModes": claim["spec"]["accessModes"],
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "claimRef": reference,
            "hostPath": {"path": folder},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": CLASS,
        },
    }
