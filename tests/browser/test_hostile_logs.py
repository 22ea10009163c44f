"""Logs that want to harm who reads them, in a real browser: nothing runs, nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Final
from urllib.parse import quote

import pytest

from app.settings import Settings
from app.store.open import open_store
from app.sysmon.events import Event
from app.sysmon.fields import COLUMN_TYPES, FieldType
from tests.browser.conftest import Visit
from tests.browser.server import serve
from tests.builders import NOON, batch_of, event
from tests.web.hostile import HUGE, MARKUP, MOST_BYTES, TEXTS

#: Columns of text; those that make up the process and the key stay as they are.
TEXT_COLUMNS: Final = tuple(
    column
    for column, type_ in COLUMN_TYPES.items()
    if type_ is FieldType.TEXT
    and column not in {"computer", "process_guid", "parent_process_guid", "target_process_guid"}
)
GUID: Final = "5c3485a0-0000-0000-0010-0000000000aa"
KINDS: Final = (1, 2, 3, 7, 8, 10, 11, 13, 15, 17, 19, 22, 23, 255)


@dataclass(frozen=True, slots=True)
class Hostile:
    """A server over hostile logs, and addresses of pages that show them."""

    address: str
    paths: Sequence[str]


def hostile_events() -> Iterator[Event]:
    """Yield each kind of event with each kind of text in every field, and one with huge values."""
    for number, (kind, text) in enumerate(product(KINDS, (*TEXTS, HUGE))):
        if text is HUGE and kind not in {1, 11}:
            continue
        columns = TEXT_COLUMNS if text is not HUGE else ("command_line", "image", "target_filename")
        # The names of computers too: shorter ones, for Windows has no longer ones to give.
        computer = MARKUP if number % 2 else f"pc-{number}\u202e\x00"
        yield event(
            kind,
            time=NOON + timedelta(seconds=number),
            computer=computer,
            process_guid=GUID,
            other={MARKUP: text[:30_000], "Strange": text[:30_000]},
            **dict.fromkeys(columns, text),
        )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    data = tmp_path_factory.mktemp("hostile") / "var"
    events = list(hostile_events())
    with open_store(Settings(data=data)) as store:
        store.add(batch_of(*events), "hostile")
        stored = [event.key for event in events]
    keys = [quote(str(key), safe="~") for key in stored]
    process = f"/processes/{quote(MARKUP, safe='~')}/{GUID}"
    paths = [
        "/",
        "/search",
        "/search?fold=0",
        f"/search?q={quote(MARKUP, safe='')}",
        f"/search?sel={keys[1]}",
        *(f"/events/{key}" for key in keys[:: len(keys) // 12]),
        f"/events/{keys[1]}/around",
        f"/events/{keys[1]}/correlation",
        process,
        f"{process}/events",
        f"{process}?mark={quote(MARKUP, safe='')}",
    ]
    with serve(data) as address:
        yield Hostile(address, paths)


def test_hostile_logs_are_read_in_peace(visit: Visit, hostile: Hostile) -> None:
    """The reader notes every breach of the policy, dialog, error and request to elsewhere."""
    reader = visit(address=hostile.address)
    # A query of nothing but quotes is wrong, and the page says so.
    reader.expected.add(400)
    for path in hostile.paths:
        page = reader.open(path)
        assert page.locator("h1").count() == 1, path
        assert len(page.content().encode()) <= MOST_BYTES, path
        # Nothing of a log became an element.
        assert page.locator("main img").count() == 0, path
        assert page.locator("main script:not([type='application/json'])").count() == 0, path
        assert not reader.faults, f"{path}: {reader.faults}"
        assert not reader.scrolls_sideways(), path
