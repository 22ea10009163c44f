"""What docs/query-language.md says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.sysmon.classic import CRITERIA
from app.sysmon.fields import FIELDS
from app.sysmon.kinds import KINDS
from app.sysmon.language import parse, to_text

PAGE = (Path(__file__).parents[3] / "docs" / "query-language.md").read_text("utf-8")
LANGUAGE, _, CLASSIC = PAGE.partition("## The classic criteria")


def examples() -> list[str]:
    blocks = re.findall(r"```text\n(.*?)```", LANGUAGE, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    cells = re.findall(r"^\| (`.+?`) +\|", LANGUAGE, re.MULTILINE)
    cells += re.findall(r"^\| [a-z ]+ \| (`.+?) +\|", LANGUAGE, re.MULTILINE)
    return lines + [query for cell in cells for query in re.findall(r"`([^`]+)`", cell) if "…" not in query]


@pytest.mark.parametrize("query", examples())
def test_an_example_of_the_page_is_a_query(query: str) -> None:
    assert parse(to_text(parse(query))) == parse(query)


def test_pasted_and_escaped_paths_of_the_page_mean_the_same() -> None:
    assert parse("Image:C:\\Users\\*") == parse("Image:C:\\Users\\\\*")
    assert parse('CurrentDirectory:"C:\\Program Files\\"') == parse(
        'CurrentDirectory:"C:\\Program Files\\\\"'
    )


@pytest.mark.parametrize("name", CRITERIA)
def test_a_criterion_stands_on_the_page_with_its_fields_and_events(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| (.*) \| (.*) \|$", CLASSIC, re.MULTILINE)
    assert row is not None
    assert all(f"`{field}`" in row[1] for field in CRITERIA[name])
    if name != "ProcessName":  # Nearly all events have a process.
        columns = {FIELDS[field].name for field in CRITERIA[name]}
        assert numbers(row[2]) == {kind.event_id for kind in KINDS.values() if columns & set(kind.fields)}


def numbers(text: str) -> set[int]:
    """Return the numbers of ``1, 6, 26–29``."""
    ranges = [[int(end) for end in part.split("\u2013")] for part in text.split(", ")]
    return {number for ends in ranges for number in range(ends[0], ends[-1] + 1)}
