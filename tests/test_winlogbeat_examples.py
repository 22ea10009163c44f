"""The example configurations for Winlogbeat say nothing that its public reference does not know.

``KEYS`` is taken from ``winlogbeat.reference.yml`` of elastic/beats (7 and 8, the open and the x-pack
edition): names only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "winlogbeat"
EXAMPLES = sorted(FOLDER.glob("*.yml"))

KEYS = frozenset(
    """
    winlogbeat.registry_file winlogbeat.registry_flush winlogbeat.shutdown_timeout
    winlogbeat.overwrite_pipelines winlogbeat.event_logs
    name tags fields fields_under_root timestamp.precision max_procs
    queue.mem.events queue.mem.flush.min_events queue.mem.flush.timeout
    queue.disk queue.disk.path queue.disk.max_size queue.disk.segment_size queue.disk.read_ahead
    queue.disk.write_ahead queue.disk.retry_interval queue.disk.max_retry_interval
    processors processors[].drop_fields processors[].drop_fields.fields
    processors[].drop_fields.ignore_missing
    cloud.id cloud.auth
    output.elasticsearch output.elasticsearch.enabled output.elasticsearch.hosts output.elasticsearch.preset
    output.elasticsearch.compression_level output.elasticsearch.escape_html output.elasticsearch.protocol
    output.elasticsearch.api_key output.elasticsearch.username output.elasticsearch.password
    output.elasticsearch.worker output.elasticsearch.loadbalance output.elasticsearch.index
    output.elasticsearch.pipeline output.elasticsearch.path output.elasticsearch.proxy_url
    output.elasticsearch.max_retries output.elasticsearch.bulk_max_size output.elasticsearch.timeout
    output.elasticsearch.ssl.enabled output.elasticsearch.ssl.verification_mode
    output.elasticsearch.ssl.certificate_authorities output.elasticsearch.ssl.certificate
    output.elasticsearch.ssl.key output.elasticsearch.ssl.ca_trusted_fingerprint
    setup.template.enabled setup.template.name setup.template.pattern setup.template.overwrite
    setup.template.settings setup.template.settings.index.number_of_shards
    setup.template.settings.index.codec
    setup.ilm.enabled setup.ilm.policy_name setup.ilm.policy_file setup.ilm.check_exists setup.ilm.overwrite
    """.split()
)
EVENT_LOG_KEYS = frozenset(
    "name id xml_query tags fields fields_under_root forwarded ignore_older level event_id provider"
    " include_xml".split()
)
INDEX_SETTINGS = frozenset({"index.final_pipeline"})
"""Settings of Elasticsearch's indices, which the template hands on as they are."""


def keys_of(text: str) -> Iterator[str]:
    """Yield the full name of every key: of YAML as far as the examples go, and no further."""
    above: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        assert "\t" not in line, f"line {number} has a tab"
        depth = len(line) - len(line.lstrip())
        rest = line.lstrip()
        while above and above[-1][0] >= depth:
            above.pop()
        if rest.startswith("- "):
            above.append((depth, "[]"))
            depth, rest = depth + 2, rest[2:]
        found = re.fullmatch(r"([\w.]+):(?: +(.+))?", rest)
        if found is None:
            assert above, f"line {number} is no key and stands in no list"
            assert above[-1][1] == "[]", f"line {number} is no key and stands in no list"
            continue
        above.append((depth, found[1]))
        yield ".".join(name for _, name in above).replace(".[]", "[]")


def test_the_reader_reads_what_the_examples_use() -> None:
    text = "a.b:\n  - c: 1\n    d:\n      - x\n  - e:\n      f: [1, 2]\ng: 'h'\n"

    assert list(keys_of(text)) == ["a.b", "a.b[].c", "a.b[].d", "a.b[].e", "a.b[].e.f", "g"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_key_is_in_the_reference(path: Path) -> None:
    within, settings = "winlogbeat.event_logs[].", "setup.template.settings."
    keys = list(keys_of(path.read_text("utf-8")))

    assert {"winlogbeat.event_logs", "output.elasticsearch.hosts"} <= set(keys)
    for key in keys:
        known = (
            key in KEYS
            or key.removeprefix(within) in EVENT_LOG_KEYS
            or key.removeprefix(settings) in INDEX_SETTINGS
        )
        assert known, key
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_no_example_trusts_anybody_or_holds_a_secret(path: Path) -> None:
    text = path.read_text("utf-8")

    assert "verification_mode" not in text
    assert "password" not in text
    assert '"${ELASTIC_API_KEY}"' in text
    assert "http://" not in text


def test_each_example_is_in_the_documentation() -> None:
    page = (FOLDER.parent / "winlogbeat.md").read_text("utf-8")

    assert EXAMPLES
    for path in FOLDER.iterdir():
        assert f"winlogbeat/{path.name}" in page


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_what_is_sent_to_elasticsearch_is_json(path: Path) -> None:
    assert isinstance(json.loads(path.read_bytes()), dict)
