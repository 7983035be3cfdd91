"""A small client of the API server for the bench's own loops and checks."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any

from . import pki
from .settings import API_PORT

MERGE_PATCH = "application/merge-patch+json"


class ApiError(Exception):
    """The API server answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """One kept-alive connection as administrator; not to be shared by threads."""

    def __init__(self, port: int = API_PORT) -> None:
        context = ssl.create_default_context(cafile=str(pki.FOLDER / "ca.crt"))
        context.load_cert_chain(str(pki.FOLDER / "admin.crt"), str(pki.FOLDER / "admin.key"))
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)

    def close(self) -> None:
        """Close the connection; the next request would open a new one."""
        self._connection.close()

    def get(self, path: str) -> dict[str, Any]:
        """Read one object or one collection."""
        found: dict[str, Any] = json.loads(self.request("GET", path))
        return found

    def create(self, path: str, body: dict[str, Any]) -> None:
        """Create an object unless it is there already."""
        try:
            self.request("POST", path, body)
        except ApiError as error:
            if error.status != http.client.CONFLICT:
                raise

    def patch(self, path: str, body: dict[str, Any]) -> None:
        """Merge ``body`` into an object."""
        self.request("PATCH", path, body, MERGE_PATCH)

    def delete(self, path: str) -> None:
        """Delete an object."""
        self.request("DELETE", path)

    def request(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        content: str = "application/json",
    ) -> bytes:
        """Send one request and return the body of the answer."""
        data = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, data, {"Content-Type": content})
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if response.status >= 400:
            raise ApiError(response.status, text.decode(errors="replace"))
        return text
