"""The client of Elasticsearch, set up as this program wants it."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any, ClassVar, Final

import orjson
import urllib3
from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, HttpHeaders, JsonSerializer, NodeConfig, Urllib3HttpNode
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT, DefaultType
from elasticsearch import Elasticsearch
from elasticsearch.serializer import JsonSerializer as ElasticSerializer

from app.store.elastic.address import Address

MOST_CONNECTIONS: Final = 32
"""Requests to one node at a time."""
REQUEST_SECONDS: Final = 30.0
"""How long a request that is no query may take."""
RETRIED: Final = (502, 503)
"""A node or proxy that is not ready; another node may be. 429 is not among them: who is told to
slow down must wait, and 504 is a query that took too long."""
_CONNECT_SECONDS: Final = 3.0
_PACKED: Final = 1
"""How hard bodies are packed: the client's own 9 takes four times as long for a quarter less."""


class Node(Urllib3HttpNode):
    """A node that is given up soon when it does not even take a connection, so that the next is asked."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._is_packing = bool(config.http_compress)
        self._http_compress = False  # It is done here.

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        """Send a request; a connection that takes long to open counts as none."""
        seconds = request_timeout if isinstance(request_timeout, int | float) else REQUEST_SECONDS
        if body and self._is_packing:
            body = gzip.compress(body, _PACKED)
            headers = HttpHeaders({**(headers or {}), "content-encoding": "gzip"})
        timeout: Any = urllib3.Timeout(connect=min(seconds, _CONNECT_SECONDS), read=seconds)
        try:
            return super().perform_request(method, target, body, headers, timeout)
        except ConnectionTimeout as error:
            if any(isinstance(cause, urllib3.exceptions.ConnectTimeoutError) for cause in error.errors):
                raise NoConnection(str(error.errors[0]), errors=error.errors) from error
            raise


class Serializer(ElasticSerializer):
    """JSON by orjson; what that refuses, such as halves of surrogate pairs, by the standard library."""

    mimetype: ClassVar[str] = JsonSerializer.mimetype

    def json_dumps(self, data: Any) -> bytes:
        """Write JSON."""
        try:
            return orjson.dumps(data, default=self.default)
        except TypeError:
            return json.dumps(data, default=self.default, separators=(",", ":")).encode("ascii")

    def json_loads(self, data: bytes) -> Any:
        """Read JSON."""
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            return json.loads(data)


def make_client(address: Address) -> Elasticsearch:
    """Return a client; nothing is sent yet."""
    trust: dict[str, Any] = {"ca_certs": str(address.ca_file)} if address.ca_file else {}
    return Elasticsearch(
        address.urls,
        headers=auth_headers(address),
        node_class=Node,
        connections_per_node=MOST_CONNECTIONS,
        # On one machine, packing takes longer than the way.
        http_compress=not all(host.is_loopback for host in address.hosts),
        request_timeout=REQUEST_SECONDS,
        max_retries=retries(address),
        retry_on_timeout=False,
        retry_on_status=RETRIED,
        serializers={"application/json": Serializer()},
        **trust,
    )


def retries(address: Address) -> int:
    """Return how often a request that reached no node is sent again: to every node once at least."""
    return max(2, len(address.hosts))


def auth_headers(address: Address) -> dict[str, str]:
    """Return the header that says who asks; it holds the secret and must not be shown."""
    if address.api_key:
        # Kibana shows a key encoded already; whoever has its two parts writes them with a colon.
        key = address.api_key
        return {"authorization": f"ApiKey {_encoded(key) if ':' in key else key}"}
    if address.user:
        return {"authorization": f"Basic {_encoded(f'{address.user}:{address.password}')}"}
    return {}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
