"""The ConfigMaps beside the services of the input: variables may take the address of another service from them."""

from __future__ import annotations

from nimhelm.load import read_content, unpack
from nimhelm.pipeline import dig

ConfigMaps = dict[str, dict[str, str]]
"""Name of a ConfigMap -> its data."""


def config_maps(contents: dict[str, bytes], namespace: str) -> ConfigMaps:
    """The ConfigMaps in the files (path -> content) that pods of `namespace` can use; "" where nothing names one."""
    found: ConfigMaps = {}
    for path, content in contents.items():
        if b"ConfigMap" not in content:
            continue
        for document in (item for whole in read_content(path, content)[0] for item in unpack(whole)):
            name, data = dig(document.data, "metadata", "name"), dig(document.data, "data")
            if dig(document.data, "kind") != "ConfigMap" or not isinstance(name, str) or not isinstance(data, dict):
                continue
            if (dig(document.data, "metadata", "namespace") or namespace) == namespace or not namespace:
                found[name] = {key: value for key, value in data.items() if isinstance(value, str)}
    return found
