from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import cli
from app.cli.search import Asked
from app.errors import BadQuery
from app.settings import Settings
from app.store.open import open_store
from app.sysmon.events import Event
from tests.builders import NOON, batch_of, network_connect, process_create, registry_value_set
from tests.memory_store import MemoryStore

DEFAULTS: dict[str, Any] = {
    "query": "",
    "start": None,
    "end": None,
    "computers": (),
    "criteria": (),
    "match": "all",
    "limit": None,
    "count": False,
    "oldest": False,
    "after": None,
    "output": "table",
    "as_json": False,
    "wide": False,
}


class Printer:
    """Answers a search over events in memory and returns what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.store = MemoryStore()
        self.hint = ""

    def add(self, *events: Event) -> None:
        self.store.add(batch_of(*events), "test")

    def __call__(self, query: str = "", **options: Any) -> str:
        asked = Asked(**{**DEFAULTS, "query": query, **options})
        asked.answer(self.store, asked.event_query())
        printed = self._capsys.readouterr()
        self.hint = printed.err
        return printed.out

    def json(self, query: str = "", **options: Any) -> dict[str, Any]:
        document: dict[str, Any] = orjson.loads(self(query, output="json", **options))
        return document

    def keys(self, query: str = "", **options: Any) -> list[str]:
        return [event["event_key"] for event in self.json(query, **options)["events"]]


@pytest.fixture
def search(capsys: pytest.CaptureFixture[str]) -> Printer:
    return Printer(capsys)


def at(second: int, **said: Any) -> Event:
    return process_create(time=NOON + timedelta(seconds=second), **said)


def test_json_has_total_computers_events_and_next(search: Printer) -> None:
    events = [at(1), at(2), at(3, computer="b.example")]
    search.add(*events)

    found = search.json(limit=2)

    assert list(found) == ["total", "computers", "events", "next"]
    assert found["total"] == {"value": 3, "exact": True}
    assert found["computers"] == {"ws-01.example": 2, "b.example": 1}
    assert found["events"] == [events[2].named(), events[1].named()]
    assert search.json(limit=2, after=found["next"])["events"] == [events[0].named()]
    assert search.json(limit=3)["next"] is None


def test_a_computer_whose_name_is_written_in_several_cases_is_one(search: Printer) -> None:
    search.add(at(1, computer="A.example"), at(2, computer="a.EXAMPLE"), at(3, computer="a.EXAMPLE"))
    search.add(at(4, computer="b.example"), at(5, computer="b.example"))

    assert list(search.json()["computers"].items()) == [("a.EXAMPLE", 3), ("b.example", 2)]
    assert search("Computer:a.example").endswith("3 of 3 events, on 1 computer.\n")


def test_an_event_has_sysmons_names_and_its_key(search: Printer) -> None:
    search.add(network_connect(time=NOON))

    event = search.json()["events"][0]

    assert {"event_key", "EventId", "Computer", "Time", "UtcTime", "DestinationIp"} <= set(event)
    assert event["DestinationPort"] == 8080
    assert event["Time"] == "2019-01-08T12:00:00.000000Z"


def test_nothing_found_is_an_answer(search: Printer) -> None:
    assert search.json("Image:none.exe") == {
        "total": {"value": 0, "exact": True},
        "computers": {},
        "events": [],
        "next": None,
    }
    assert search("Image:none.exe") == "0 of 0 events, on 0 computers.\n"
    assert search("Image:none.exe", output="ndjson") == ""


def test_options_narrow_the_search(search: Printer) -> None:
    events = [at(0), at(60), at(120, computer="b.example"), registry_value_set(time=NOON)]
    search.add(*events)
    keys = [str(event.key) for event in events]

    assert search.keys("EventId:1", computers=("B.example",)) == [keys[2]]
    assert search.keys("EventId:1", start="2019-01-08T12:01") == [keys[2], keys[1]]
    assert search.keys("EventId:1", end="2019-01-08T12:01", oldest=True) == [keys[0]]
    assert search.keys("EventId:1", end="2019-01-08", oldest=True) == keys[:3]
    assert search.keys(criteria=("RegistryKey=CurrentVersion",)) == [keys[3]]
    assert search.keys("EventId:1", criteria=("RegistryKey=CurrentVersion",)) == []


def test_criteria_join_as_asked(search: Printer) -> None:
    search.add(process_create(), network_connect(image="C:\\x.exe"))
    criteria = ("ProcessName=cmd.exe", "Port=8080")

    assert search.json(criteria=criteria, match="any")["total"]["value"] == 2
    assert search.json(criteria=criteria, match="all")["total"]["value"] == 0


def test_ndjson_and_csv_stream_everything_without_a_limit(
    search: Printer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.answers.STREAMED", 7)  # Many pages of a few events.
    events = [at(second) for second in range(50)]
    search.add(*events)
    keys = [str(event.key) for event in reversed(events)]

    lines = search(output="ndjson").splitlines()
    rows = list(csv.DictReader(io.StringIO(search(output="csv"))))

    assert [orjson.loads(line)["event_key"] for line in lines] == keys
    assert [row["event_key"] for row in rows] == keys
    assert search.hint == ""


@pytest.mark.parametrize("limit", [1, 7, 10, 14, 49])
def test_a_limit_ends_a_stream_and_says_where_to_go_on(
    search: Printer, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr("app.store.answers.STREAMED", 7)
    search.add(*(at(second) for second in range(50)))

    assert len(search(output="ndjson", limit=limit).splitlines()) == limit
    after = search.hint.split()[-1]
    assert len(search(output="ndjson", after=after).splitlines()) == 50 - limit


def test_count_prints_a_number_or_with_json_an_object(search: Printer) -> None:
    search.add(at(1), at(2))

    assert search("Image:*\\cmd.exe", count=True) == "2\n"
    assert orjson.loads(search(count=True, as_json=True)) == {
        "total": {"value": 2, "exact": True},
        "computers": {"ws-01.example": 2},
    }


def test_a_table_shows_each_event_in_a_line_and_what_there_is_more(search: Printer) -> None:
    search.add(at(1), at(2, image="C:\\bin\\tool.exe", command_line="tool /run"), network_connect(time=NOON))

    lines = search(limit=2).splitlines()

    assert lines[0].split() == ["UtcTime", "EventId", "Computer", "User", "Image", "Topic"]
    assert "2019-01-08 12:00:02.000" in lines[1]
    assert lines[1].rstrip().endswith("tool.exe  tool /run")
    assert lines[3] == "2 of 3 events, on 1 computer."
    assert "--after" in search.hint


def test_a_table_shows_the_record_time_where_utc_time_is_far_off(search: Printer) -> None:
    search.add(at(0, utc_time=NOON - timedelta(days=11)))

    table = search()

    assert "2018-12-28 12:00:00.000" in table
    assert "2019-01-08 12:00:00.000  recorded" in table


def test_a_long_value_leaves_room_for_the_other_columns(search: Printer) -> None:
    search.add(at(1, command_line="x" * 9999, computer="c" * 300))

    header, row, *_ = search().splitlines()

    assert header.split() == ["UtcTime", "EventId", "Computer", "User", "Image", "Topic"]
    assert len(row) <= 250
    assert "EXAMPLE\\alice" in row
    assert "x" * 9999 in search(wide=True)


def test_hostile_text_in_a_table_does_nothing(search: Printer) -> None:
    hostile = "[red]\x1b[2J\r\n\u202eexe.\x9b"
    search.add(at(1, command_line=hostile, user=hostile, computer=hostile, image=f"C:\\{hostile}"))

    lines = search(wide=True).splitlines()

    assert len(lines) == 3
    assert lines[1].count("[red]\\x1b[2J\\r\\n\\u202eexe.\\x9b") == 4


@pytest.mark.parametrize(
    "options",
    [
        {"query": "Image:("},
        {"query": "Imge:cmd.exe"},
        {"criteria": ("ProcessName",)},
        {"criteria": ("Process=x",)},
        {"start": "yesterday-ish"},
        {"start": "2019-01-09", "end": "2019-01-07"},
        {"start": "2019-01-09", "end": "2019-01-08"},
        {"after": "nowhere"},
    ],
)
def test_a_question_that_cannot_be_understood_is_a_bad_query(
    search: Printer, options: dict[str, Any]
) -> None:
    with pytest.raises(BadQuery):
        search(**options)


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, env={"SYSMONSEARCH_DATA": str(settings.data)})


@pytest.fixture
def stored(settings: Settings) -> Settings:
    with open_store(settings) as store:
        store.add(batch_of(at(1), at(2, image="C:\\bin\\tool.exe", process_guid=GUID)), "test")
    return settings


GUID = "5c3485a0-aaaa-0000-0010-0000000000ff"


def test_the_command_searches_the_store_of_the_settings(stored: Settings) -> None:
    result = run(stored, "search", "Image:*\\tool.exe", "--json")

    assert result.exit_code == 0
    assert orjson.loads(result.stdout)["total"] == {"value": 1, "exact": True}


def test_the_command_points_at_the_character_that_is_wrong(stored: Settings) -> None:
    result = run(stored, "search", "Image:a and (Image:b")

    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[-2] == "  Image:a and (Image:b"
    assert lines[-1].strip() == "^"


def test_nothing_found_is_exit_code_0(stored: Settings) -> None:
    assert run(stored, "search", "Image:none").exit_code == 0


def test_the_tree_of_the_store_is_printed_as_text_and_json(stored: Settings) -> None:
    arguments = ("tree", "--computer", "WS-01.example", "--guid", f"{{{GUID.upper()}}}")

    text, document = run(stored, *arguments), run(stored, *arguments, "--json")

    assert text.exit_code == document.exit_code == 0
    assert "tool.exe (3120) [target]" in text.stdout
    assert list(orjson.loads(document.stdout)) == ["target", "nodes", "edges", "folded", "notes"]


@pytest.mark.parametrize(
    ("guid", "computer", "code", "said"),
    [
        ("5c3485a0", "ws-01.example", 2, "is not a ProcessGuid"),
        (GUID[:-1] + "0", "ws-01.example", 1, "No event of the process"),
        (GUID, "ws-01", 1, "ask for it there"),
    ],
)
def test_a_tree_that_cannot_be_shown_says_why(
    stored: Settings, guid: str, computer: str, code: int, said: str
) -> None:
    result = run(stored, "tree", "--computer", computer, "--guid", guid)

    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
