"""What containerd says when a pull fails, and the code that status makes of it."""

from __future__ import annotations

import re

import pytest

from nimhelm.status.causes.images import MEANINGS

# As containerd 2.2 said it of a registry that was made to fail like this; HOST and so on were 127.0.0.1 and ports.
SAID = {
    "pulling from host HOST failed with status code [manifests 1]: 429 Too Many Requests": "ImagePullRateLimited",
    "pulling from host HOST failed with status code [manifests 1]: 401 Unauthorized": "ImagePullUnauthorized",
    "pulling from host HOST failed with status code [manifests 1]: 403 Forbidden": "ImagePullForbidden",
    "pulling from host HOST failed with status code [manifests 1]: 500 Internal Server Error": "RegistryUnreachable",
    "pulling from host HOST failed with status code [manifests 1]: 503 Service Unavailable": "RegistryUnreachable",
    "pulling from host HOST failed with status code [manifests 1]: 522 <none>": "RegistryUnreachable",
    "unexpected status from HEAD request to https://HOST/v2/x/manifests/1: 502 Bad Gateway": "RegistryUnreachable",
    'failed to do request: Head "/v2/x/manifests/1": stopped after 10 redirects': "RegistryUnreachable",
    'failed to do request: Head "URL": read tcp A->B: read: connection reset by peer': "RegistryUnreachable",
    'failed to do request: Head "URL": dial tcp A: connect: connection refused': "RegistryUnreachable",
    'failed to do request: Head "URL": dial tcp A: connect: no route to host': "RegistryUnreachable",
    'failed to do request: Head "URL": dial tcp A: connect: network is unreachable': "RegistryUnreachable",
    'failed to do request: Head "URL": dial tcp A: i/o timeout': "RegistryUnreachable",
    'failed to do request: Head "URL": dial tcp: lookup r.test on A:53: read udp A->B: i/o timeout': "RegistryDNS",
    'failed to do request: Head "URL": dial tcp: lookup r.test on A:53: no such host': "RegistryDNS",
    'failed to do request: Head "URL": dial tcp: lookup r.test: Temporary failure in name resolution': "RegistryDNS",
    'failed to do request: Head "URL": tls: first record does not look like a TLS handshake': "RegistryTLS",
    'failed to do request: Head "URL": http: server gave HTTP response to HTTPS client': "RegistryTLS",
    'failed to do request: Head "URL": x509: certificate signed by unknown authority': "RegistryTLS",
    'failed to do request: Head "URL": x509: certificate has expired or is not yet valid': "RegistryTLS",
    "code = NotFound desc = unexpected media type text/html for sha256:95e40: not found": "RegistryUnreachable",
    'code = NotFound desc = failed to resolve reference "r.test/x:1": r.test/x:1: not found': "ImageNotFound",
}


@pytest.mark.parametrize("said", SAID)
def test_the_first_meaning_that_matches(said: str) -> None:
    codes = [code for pattern, code, _ in MEANINGS if re.search(pattern, said, re.IGNORECASE)]
    assert codes[0] == SAID[said]
