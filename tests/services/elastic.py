"""The Elasticsearch that tests use: where it answers, and a place of its own for each test."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from elastic_transport import TransportError
from elasticsearch import Elasticsearch

from tests.services.elasticsearch.cluster import PORT
from tests.services.programs import absent

ADDRESS = f"http://127.0.0.1:{PORT}"
"""Where ``make services`` starts it."""
FAMILY = "sysmonsearch-test"
OLD_SECONDS = 3 * 60 * 60
"""No run takes this long: what is older was left behind by one that died."""


@cache
def find_elasticsearch() -> str:
    """Return the address of the server: ``ELASTIC_URL``, or the project's own; else skip."""
    named = os.environ.get("ELASTIC_URL")
    if named:
        if not _answers(named):
            pytest.fail("ELASTIC_URL names a server that does not answer")
        return named
    if not _answers(ADDRESS):
        absent("no Elasticsearch: `make services` starts one, ELASTIC_URL names another")
    return ADDRESS


def _answers(url: str) -> bool:
    try:
        with Elasticsearch(url, request_timeout=5, max_retries=0) as client:
            return client.ping()
    except TransportError:
        return False


@contextmanager
def own_prefix(url: str) -> Iterator[str]:
    """Give a prefix that no other test has; delete what bears it afterwards."""
    prefix = f"{FAMILY}-{int(time.time())}-{secrets.token_hex(4)}"
    try:
        yield prefix
    finally:
        with Elasticsearch(url) as client:
            _delete(client, prefix)


@contextmanager
def emptied(client: Elasticsearch, prefix: str, kept: str) -> Iterator[None]:
    """Delete afterwards what a test stored under a prefix that others use after it.

    Template, pipeline, the index that holds the numbers of batches and one month stay, empty:
    to make them anew and to delete them takes the server longer than most tests do.
    """
    try:
        yield
    finally:
        names = set(_indices(client, prefix))
        state, month = f"{prefix}-state", f"{prefix}-events-{kept}"
        if others := names - {state, month}:
            client.indices.delete(index=sorted(others), ignore_unavailable=True)
        if month in names:
            client.delete_by_query(index=month, query={"match_all": {}}, refresh=True, conflicts="proceed")
        if state in names:
            client.options(ignore_status=404).update(index=state, id="batches", doc={"stored": 0})


def delete_leftovers(url: str) -> None:
    """Delete what tests of dead runs left on a server that outlived them."""
    with Elasticsearch(url) as client:
        prefixes = {"-".join(name.split("-")[:4]) for name in what_bears(client, FAMILY)}
        for prefix in prefixes:
            started = prefix.removeprefix(f"{FAMILY}-").split("-")[0]
            if started.isdigit() and int(started) < time.time() - OLD_SECONDS:
                _delete(client, prefix)


def what_bears(client: Elasticsearch, prefix: str) -> set[str]:
    """Return the names of all indices, templates and pipelines with a prefix."""
    quiet = client.options(ignore_status=404)
    templates = quiet.indices.get_index_template(name=f"{prefix}-*").get("index_templates", [])
    pipelines = quiet.ingest.get_pipeline(id=f"{prefix}-*")
    return {*_indices(client, prefix), *(template["name"] for template in templates), *pipelines}


def _delete(client: Elasticsearch, prefix: str) -> None:
    # Servers refuse to delete indices by pattern, so they are asked for their names first.
    if names := _indices(client, prefix):
        client.indices.delete(index=names, ignore_unavailable=True)
    quiet = client.options(ignore_status=404)
    quiet.indices.delete_index_template(name=f"{prefix}-*")
    quiet.ingest.delete_pipeline(id=f"{prefix}-*")


def _indices(client: Elasticsearch, prefix: str) -> list[str]:
    found = client.indices.resolve_index(name=f"{prefix}-*", expand_wildcards="all")
    return [index["name"] for index in found["indices"]]
