"""Fixtures of all tests, and how hypothesis works here: the same examples in every run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from flask import Flask

from app.settings import Settings
from tests.compiled import Compiled
from tests.services import elastic

hypothesis.settings.register_profile(
    "sysmonsearch",
    derandomize=True,
    database=None,
    deadline=None,  # Machines differ; `make bench` measures.
    max_examples=50,
    print_blob=False,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("sysmonsearch")

# Nearly every test of a page makes an application, and compiling took most of what it took.
Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Compiled()}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let ``-k elastic`` (``make test-elastic``) find what asks for the server, whatever its name."""
    for item in items:
        if "elastic_url" in getattr(item, "fixturenames", ()):
            item.extra_keyword_matches.add("elastic")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data folder of the test's own."""
    return Settings(data=tmp_path / "var")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real logs that ``SYSMONSEARCH_TEST_DATA`` names; skips where it names none."""
    folder = os.environ.get("SYSMONSEARCH_TEST_DATA")
    if not folder:
        pytest.skip("SYSMONSEARCH_TEST_DATA names no folder of real logs")
    path = Path(folder)
    assert path.is_dir(), f"SYSMONSEARCH_TEST_DATA names {folder}, which is no folder"
    return path


@pytest.fixture(scope="session")
def elastic_url() -> str:
    """The address of a running Elasticsearch; skips where there is none."""
    url = elastic.find_elasticsearch()
    elastic.delete_leftovers(url)
    return url


@pytest.fixture
def elastic_prefix(elastic_url: str) -> Iterator[str]:
    """A prefix of the test's own on that server: what bears it is deleted afterwards."""
    with elastic.own_prefix(elastic_url) as prefix:
        yield prefix
