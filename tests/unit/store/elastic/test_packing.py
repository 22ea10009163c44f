"""How bodies travel to Elasticsearch: packed, unless they stay on this machine."""

from __future__ import annotations

import gzip
from contextlib import suppress
from typing import Any
from unittest.mock import patch

from elastic_transport import TransportError

from app.settings import Settings
from app.store.elastic.address import read_address
from app.store.elastic.client import make_client


def test_what_goes_to_another_machine_is_packed() -> None:
    with make_client(read_address(Settings(store="elasticsearch://search.example:9200"))) as client:
        node: Any = client.transport.node_pool.get()
        with patch.object(node.pool, "urlopen", side_effect=OSError) as send, suppress(TransportError):
            node.perform_request("POST", "/_search", body=b"{}")
    assert gzip.decompress(send.call_args.kwargs["body"]) == b"{}"
    assert send.call_args.kwargs["headers"]["content-encoding"] == "gzip"
    assert send.call_args.kwargs["headers"]["accept-encoding"] == "gzip"
