"""The Elasticsearch of tests: its command, and that tests leave nothing behind on it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from tests.services import elastic
from tests.services.elasticsearch.cluster import Cluster, Plan, find, running
from tests.services.elasticsearch.install import RELEASES, CannotRun, find_java, home_of
from tests.services.programs import absent

ROOT = Path(__file__).parents[1]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.services.elasticsearch", *arguments],
        cwd=ROOT,
        env={**os.environ, "REQUIRE_SERVICES": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_help_names_all_commands() -> None:
    text = run("--help").stdout
    assert all(f"    {name} " in text for name in "start run stop status kill revive install".split())


def test_a_command_runs_without_server_where_none_was_fetched(tmp_path: Path) -> None:
    done = run("run", "--if-here", "--", "sh", "-c", "echo done; exit 7", ELASTIC_CACHE=str(tmp_path))
    assert (done.stdout, done.returncode) == ("done\n", 7)
    assert not list(tmp_path.iterdir())


def test_without_maven_it_says_what_to_install(tmp_path: Path) -> None:
    done = run("install", ELASTIC_CACHE=str(tmp_path), PATH=str(tmp_path))
    assert done.returncode == 1
    assert "apt-get install maven" in done.stderr


def test_tls_without_password_is_refused(tmp_path: Path) -> None:
    done = run("start", "--tls", ELASTIC_CACHE=str(tmp_path))
    assert done.stderr == "Elasticsearch: --tls needs --password\n"


def test_what_ci_runs_is_a_script_that_bash_can_read() -> None:
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


def test_a_prefix_leaves_nothing_behind(elastic_url: str) -> None:
    with Elasticsearch(elastic_url) as client:
        with elastic.own_prefix(elastic_url) as prefix:
            client.indices.create(index=f"{prefix}-state", settings={"index.hidden": True})
            client.indices.put_index_template(name=f"{prefix}-events", index_patterns=f"{prefix}-events-*")
            client.ingest.put_pipeline(id=f"{prefix}-ingest", processors=[])
            assert elastic.what_bears(client, prefix) == {
                f"{prefix}-state",
                f"{prefix}-events",
                f"{prefix}-ingest",
            }
        assert not elastic.what_bears(client, prefix)


def test_what_old_runs_left_is_deleted_and_what_young_ones_use_is_not(elastic_url: str) -> None:
    old = f"{elastic.FAMILY}-1000000000-0123abcd"
    with Elasticsearch(elastic_url) as client, elastic.own_prefix(elastic_url) as young:
        for prefix in (old, young):
            client.ingest.put_pipeline(id=f"{prefix}-ingest", processors=[])
        elastic.delete_leftovers(elastic_url)
        assert not elastic.what_bears(client, old)
        assert elastic.what_bears(client, young)


@pytest.mark.slow
def test_killed_nodes_come_back_and_stopped_servers_leave_nothing() -> None:
    with running_or_skip(Plan(nodes=2, heap="512m", password="secret-1", is_tls=True)) as cluster:
        login = ("elastic", "secret-1")
        with Elasticsearch(cluster.urls, ca_certs=str(cluster.ca_file), basic_auth=login) as client:
            client.index(index="kept", document={"a": 1}, refresh=True)
            cluster.kill(2)
            assert not cluster.is_running
            cluster.revive(2)
            assert all(node.processes() for node in cluster.nodes)
            assert client.count(index="kept")["count"] == 1
        with Elasticsearch(cluster.urls[0], ca_certs=str(cluster.ca_file)) as stranger:
            assert not stranger.ping()
    assert find(cluster.plan.port) is None
    assert not cluster.folder.exists()


def running_or_skip(plan: Plan) -> AbstractContextManager[Cluster]:
    release = RELEASES[plan.major]
    if not home_of(release).exists():
        absent("no Elasticsearch was fetched: `make services` does")
    try:
        find_java(release)
    except CannotRun as error:
        absent(str(error))
    return running(plan)
