"""Events of every kind with any values that a log can hold: strategies for properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st

from app.sysmon.events import Event, Value
from app.sysmon.fields import COLUMN_TYPES, HASH_COLUMNS, FieldType, column_of
from app.sysmon.kinds import KINDS

TEXTS: Final = st.one_of(
    st.sampled_from(
        ["C:\\Windows\\explorer.exe", "<Anonymous Pipe>", "a & b", "100%%", "®", "true", "443", "x\ty"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=2, max_size=12),
).filter(lambda text: bool(text.strip()))
GUIDS: Final = st.uuids().map(str).filter(lambda guid: set(guid) != set("0-"))
INTEGERS: Final = st.one_of(st.sampled_from([0, 1, 4, 2**32, 2**63 - 1]), st.integers(0, 2**31))
TIMES: Final = st.timedeltas(timedelta(0), timedelta(days=3_067_000)).map(
    lambda since: datetime(1601, 1, 2, tzinfo=UTC) + since
)
#: UtcTime has milliseconds.
UTC_TIMES: Final = TIMES.map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000))

_DIGITS: Final = {"sha1": 40, "md5": 32, "sha256": 64, "imphash": 32}


@st.composite
def hashes(draw: st.DrawFn) -> dict[str, str]:
    """Some of the four hashes, by column, in Sysmon's order."""
    names = [name for name in _DIGITS if draw(st.booleans())] or ["sha256"]
    number = st.integers(1, 16**32 - 1)
    return {name: f"{draw(number):X}".rjust(_DIGITS[name], "0") for name in names}


_OF_TYPE: Final[dict[FieldType, st.SearchStrategy[Value]]] = {
    FieldType.TEXT: TEXTS,
    FieldType.GUID: GUIDS,
    FieldType.INTEGER: INTEGERS,
}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event of any kind with some of its fields."""
    event_id = draw(st.sampled_from(sorted(KINDS)))
    values: dict[str, Value] = {
        "utc_time": draw(UTC_TIMES),
        "record_id": draw(st.integers(0, 2**63 - 1)),
        "event_version": draw(st.integers(0, 9)),
        "channel": "Microsoft-Windows-Sysmon/Operational",
        "level": "Error" if event_id == 255 else "Information",
    }
    for name in KINDS[event_id].fields:
        column = column_of(name)
        if name == "UtcTime" or draw(st.integers(0, 3)) == 0:
            continue
        if name in ("Hash", "Hashes"):
            found = draw(hashes())
            values |= found
            values[column] = ",".join(f"{algorithm.upper()}={digits}" for algorithm, digits in found.items())
        else:
            values[column] = draw(_OF_TYPE[COLUMN_TYPES[column]])
    return Event(
        time=draw(TIMES),
        computer=draw(st.sampled_from(["ws-01.example", "WS-02"])),
        event_id=event_id,
        values=values,
        other=draw(st.dictionaries(st.just("FieldOfTomorrow"), TEXTS, max_size=1)),
    )


def without(event: Event, *columns: str) -> Event:
    """Return the event without these columns."""
    values = {column: value for column, value in event.values.items() if column not in columns}
    return Event(
        time=event.time, computer=event.computer, event_id=event.event_id, values=values, other=event.other
    )


def has_hashes(event: Event) -> bool:
    return any(column in event.values for column in HASH_COLUMNS)
