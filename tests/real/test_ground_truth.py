"""The proof on real logs: what is known of them is what the program stores and finds.

Counts per file, event ID and computer agree with a second, plain reading of the files
(``raw.py``) and with the manifest; every chain of processes is found by ``tree``, every
fact and indicator by ``search``. Records that are the same come once: the duplicates of
each file are counted apart.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from click.testing import CliRunner

from app.cli.main import cli
from app.graph.nodes import parse_guid, process_key
from app.graph.tree import build_tree
from app.settings import Settings
from app.store.port import EventStore
from app.sysmon.language import parse
from app.sysmon.query import EventQuery
from tests.real.conftest import Imported
from tests.real.raw import Record, records_of

pytestmark = pytest.mark.slow

Truth = dict[str, Any]


def load_truth() -> Truth:
    folder = os.environ.get("SYSMONSEARCH_TEST_DATA")
    path = Path(folder or "", "ground_truth.json")
    truth: Truth = orjson.loads(path.read_bytes()) if folder and path.is_file() else {}
    return truth


class Case(NamedTuple):
    """Something that is known of one file."""

    file: str
    known: dict[str, Any]

    @property
    def name(self) -> str:
        said = self.known.get("fact") or " > ".join(
            process["image"].rpartition("\\")[2] for process in self.known["processes"]
        )
        return f"{Path(self.file).name}: {said}"


TRUTH = load_truth()
FILES = {name: known for name, known in TRUTH.items() if not name.startswith("_")}
CHAINS = [Case(file, chain) for file, known in FILES.items() for chain in known.get("chains", ())]
FACTS = [Case(file, fact) for file, known in FILES.items() for fact in known.get("facts", ())]
CAMPAIGN: Truth = TRUTH.get("_campaign", {})
ACROSS = [Case("several files", chain) for chain in CAMPAIGN.get("cross_file_chains", ())]
INDICATORS: Truth = TRUTH.get("_indicators", {})

#: Parents that have no creation in their own file may have it in another one.
CREATED = {process["guid"] for case in (*CHAINS, *ACROSS) for process in case.known["processes"]}

#: The computers of the archives; the indicators are counted in these only.
COMPUTERS = tuple({name for known in FILES.values() for name in known.get("per_host", ())})


def named(case: Case) -> str:
    return case.name


# Counts


@pytest.fixture(scope="module")
def raw(real_data: Path, imported: dict[str, Imported]) -> dict[str, list[Record]]:
    """All records of each file; with ``imported``, so that both are of the same files."""
    return {path: list(records_of(real_data / path)) for path in imported}


@pytest.fixture(scope="module")
def new(raw: dict[str, list[Record]]) -> dict[str, list[Record]]:
    """The records of each file that no earlier record of it or of an earlier file repeats."""
    seen: set[tuple[object, ...]] = set()
    found: dict[str, list[Record]] = {}
    for path, records in raw.items():
        found[path] = []
        for record in records:
            if record.same not in seen:
                seen.add(record.same)
                found[path].append(record)
    return found


def per_event_id(records: list[Record]) -> dict[str, int]:
    return dict(Counter(str(record.event_id) for record in records))


def per_computer(records: list[Record]) -> dict[str, int]:
    return dict(Counter(record.computer.lower() for record in records))


def test_the_plain_reading_agrees_with_the_manifest(
    raw: dict[str, list[Record]], imported: dict[str, Imported]
) -> None:
    for path, records in raw.items():
        listed = dict(part.split(":") for part in imported[path].manifest["per_event_id"].split())
        assert per_event_id(records) == {event_id: int(count) for event_id, count in listed.items()}, path


def test_each_file_is_read_to_its_last_sysmon_event(imported: dict[str, Imported]) -> None:
    read = {path: item.report["sysmon_events"] for path, item in imported.items()}

    assert read == {path: int(item.manifest["sysmon_events"]) for path, item in imported.items()}
    assert sum(read.values()) == 169_192


def test_every_record_is_accounted_for(imported: dict[str, Imported]) -> None:
    for path, item in imported.items():
        report = item.report
        assert report["sysmon_events"] == report["added"] + report["duplicates"], path
        kept = report["sysmon_events"] + report["other_channels"]
        # Damaged records count as read and rejected, or, where the file does not tell
        # how many there are, only as rejected.
        assert 0 <= report["records"] - kept <= report["rejected"], path
        assert path.startswith("evtx-dirty/") or report["rejected"] == 0, (path, report["rejects"])


def test_lines_of_other_channels_are_counted(imported: dict[str, Imported]) -> None:
    for path, known in FILES.items():
        if "lines" in known:
            report = imported[path].report
            assert report["records"] == known["lines"], path
            assert report["other_channels"] == known["lines"] - known["sysmon_events"], path
        elif "other_records" in known:
            assert imported[path].report["other_channels"] == known["other_records"], path


def test_a_record_that_comes_again_is_stored_once(
    imported: dict[str, Imported], raw: dict[str, list[Record]], new: dict[str, list[Record]]
) -> None:
    stored = {path: (item.report["added"], item.report["duplicates"]) for path, item in imported.items()}

    assert stored == {path: (len(new[path]), len(raw[path]) - len(new[path])) for path in raw}


def test_it_is_known_why_records_are_the_same(raw: dict[str, list[Record]]) -> None:
    seen, again = set[object](), Counter[str]()
    for record in chain.from_iterable(raw.values()):
        kind = "the same line" if isinstance(record.same[1], bytes) else "the same number in the log"
        again[kind] += record.same in seen
        seen.add(record.same)

    # One EVTX file lies in two folders.
    assert again == {"the same number in the log": 7, "the same line": 2_205}


def test_each_file_adds_its_events_per_event_id_and_computer(
    imported: dict[str, Imported], new: dict[str, list[Record]]
) -> None:
    for path, item in imported.items():
        assert item.event_ids == per_event_id(new[path]), path
        assert Counter({name.lower(): count for name, count in item.computers.items()}) == per_computer(
            new[path]
        ), path


def test_the_whole_store_has_every_event_once(real_store: EventStore, new: dict[str, list[Record]]) -> None:
    records = [record for found in new.values() for record in found]
    info = real_store.info()
    everything = EventQuery()

    assert info.events == real_store.count(everything).value == len(records)
    assert {str(id_): count for id_, count in info.event_ids.items()} == per_event_id(records)
    terms = real_store.terms(everything, "EventId", size=100)
    assert dict(terms.values) == per_event_id(records)
    computers = Counter[str]()
    for name, count in real_store.terms(everything, "Computer", size=1000).values:
        computers[name.lower()] += count
    assert dict(computers) == per_computer(records)


def test_importing_all_again_adds_nothing(real_settings: Settings, real_data: Path) -> None:
    from app.ingest.run import import_paths

    report = import_paths(real_settings, [real_data / "json", real_data / "evtx", real_data / "evtx-dirty"])

    assert (report.sysmon_events, report.added, report.duplicates) == (169_192, 0, 169_192)


# Chains


@pytest.mark.parametrize("case", [*CHAINS, *ACROSS], ids=named)
@pytest.mark.parametrize("asked", ["first", "middle", "last"])
def test_a_chain_is_in_the_tree_of_each_of_its_processes(
    real_store: EventStore, case: Case, asked: str
) -> None:
    check_chain(real_store, case, asked)


def check_chain(store: EventStore, case: Case, asked: str) -> None:
    """Check the tree of the first, the middle or the last process of a chain."""
    computer = case.known["host"]
    chain = [case.known["root_parent"], *case.known["processes"]]
    place = {"first": 0, "middle": len(chain) // 2, "last": len(chain) - 1}[asked]

    tree = build_tree(store, computer, chain[place]["guid"])

    keys = [process_key(computer, parse_guid(known["guid"])) for known in chain]
    assert all(tree.graph.has_edge(*pair) for pair in pairwise(keys))
    processes = [tree.process(key) for key in keys]
    assert [process.image for process in processes] == [known["image"] for known in chain]
    assert (
        not [  # Where the log lost the ProcessId, ours may come from elsewhere.
            known
            for process, known in zip(processes, chain, strict=True)
            if known["pid"] not in {None, str(process.process_id)}
        ]
    )
    assert [process.logged for process in processes] == [known["guid"] in CREATED for known in chain]
    assert processes[place].role == "target"
    for process, known in zip(processes[1:], chain[1:], strict=True):
        assert process.utc_time == datetime.fromisoformat(known["utc"]).replace(tzinfo=UTC)
        assert (process.command_line or "").startswith(known["command_line"])
        assert known.get("user") in {None, process.user}


def test_there_are_chains_to_prove() -> None:
    if not TRUTH:
        pytest.skip("SYSMONSEARCH_TEST_DATA names no folder of real logs")
    assert (len(CHAINS), len(FACTS), len(ACROSS)) == (45, 83, 2)


def test_the_main_agent_that_was_never_logged_has_all_its_children(real_store: EventStore) -> None:
    root = ACROSS[0].known["root_parent"]
    tree = build_tree(real_store, "HR001.shire.com", root["guid"])

    agent = tree.process(tree.target)
    children = [f"{child.image_name} {child.process_id}" for child in tree.children(tree.target)]
    assert (agent.process_id, agent.logged, agent.user) == (5452, False, "SHIRE\\nmartha")
    assert sorted(children) == sorted(CAMPAIGN["children_of_5452"])


# Facts


def window(file: str) -> tuple[datetime, datetime]:
    """Return the span of record time of a file, as the ground truth has it."""
    for step in CAMPAIGN["order"]:
        if step["file"] == file:
            last = datetime.fromisoformat(step["last"]) + timedelta(milliseconds=1)
            return datetime.fromisoformat(step["first"]), last
    first, last = (
        datetime.fromisoformat(FILES[file][end]).replace(tzinfo=UTC) for end in ("utc_first", "utc_last")
    )
    return first - timedelta(minutes=1), last + timedelta(minutes=1)


def query_of(fact: dict[str, Any]) -> str:
    """Return the fact in the query language."""
    parts = [f"EventId:{fact['event_id']}"]
    if fact["host"]:
        parts.append(f"Computer:{fact['host']}*")
    for field, pattern in fact["match_regex"].items():
        parts.append(f"{field}:/{pattern.replace('/', chr(92) + '/')}/")
    return " and ".join(parts)


def count(store: EventStore, query: str, file: str | None = None) -> int:
    start, end = window(file) if file else (None, None)
    found = store.count(EventQuery(condition=parse(query), start=start, end=end, computers=COMPUTERS))
    assert found.exact
    return found.value


@pytest.mark.parametrize("case", FACTS, ids=named)
def test_a_fact_is_found_by_search(real_store: EventStore, case: Case) -> None:
    assert count(real_store, query_of(case.known), case.file) == case.known["count"]


def test_the_command_finds_the_intrusion(real_settings: Settings) -> None:
    start, end = window(CAMPAIGN["order"][0]["file"])[0], window(CAMPAIGN["order"][-1]["file"])[1]
    span = ["--from", start.isoformat(), "--to", end.isoformat()]

    def run(*arguments: str) -> dict[str, Any]:
        result = CliRunner().invoke(
            cli, arguments, env={"SYSMONSEARCH_DATA": str(real_settings.data)}, catch_exceptions=False
        )
        assert result.exit_code == 0, result.stderr
        document: dict[str, Any] = orjson.loads(result.stdout)
        return document

    everything = run("search", "*", "--json", "--count", *span)
    created = run("search", "EventId:1", "--json", *span)
    leaf = ACROSS[0].known["processes"][-1]
    tree = run("tree", "--computer", "hr001.shire.com", "--guid", leaf["guid"], "--json")

    assert everything["total"] == {"value": CAMPAIGN["sysmon_events"], "exact": True}
    assert created["total"]["value"] == CAMPAIGN["process_creations"]
    assert [node["ProcessId"] for node in tree["nodes"]] == [5452, 6732, 2156, 5204, 6416, 7308]
    assert [edge["count"] for edge in tree["edges"]] == [1] * 5


# Indicators


@pytest.mark.parametrize("address", INDICATORS.get("destination_ip", {}))
def test_an_address_is_found_in_each_file(real_store: EventStore, address: str) -> None:
    known = INDICATORS["destination_ip"][address]
    query = f"EventId:3 and DestinationIp:{address}"

    assert {file: count(real_store, query, file) for file in known["files"]} == known["files"]
    assert count(real_store, query) == known["events"]


@pytest.mark.parametrize("known", INDICATORS.get("sha256", ()), ids=lambda known: known["name"])
def test_a_hash_is_found_in_each_file_and_event_id(real_store: EventStore, known: dict[str, Any]) -> None:
    query = f"SHA256:{known['sha256']}"
    found = {
        place: count(real_store, f"{query} and EventId:{place.rpartition('#')[2]}", place.rpartition("#")[0])
        for place in known["by_file_and_event_id"]
    }

    assert found == known["by_file_and_event_id"]
    assert count(real_store, query) == known["events"]
    for other in ("md5", "sha1"):
        assert count(real_store, f"{other}:{known[other].lower()}") >= 1
