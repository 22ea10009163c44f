"""One row of the table of conditions, and the events that several rows are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.sysmon.condition import Condition, Match, Operator
from app.sysmon.events import Event
from tests.builders import NOON, event


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison of one event, and why it comes out so."""

    condition: Condition
    event: Event
    expected: bool
    why: str


CMD = event(1, image="C:\\Windows\\System32\\cmd.exe")
LINES = event(1, command_line="first\nsecond\n")
BARE = event(1, utc_time=None)
EMPTY = event(1, description="")
MICROSECOND = event(5, time=NOON + timedelta(microseconds=123456), utc_time=NOON)
EARLY = event(5, time=datetime(1601, 1, 1, tzinfo=UTC))
LATE = event(5, time=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
PORT = event(3, destination_port=443, source_port=49213)
BIG = event(1, process_id=2**53 + 1, parent_process_id=2**63 - 1, terminal_session_id=-1)
ACCESS = event(
    10,
    image="C:\\a.exe",
    target_image="C:\\A.EXE",
    process_guid="5c3485a0-0000-0000-0010-0000000000aa",
    process_id=10,
    target_process_id=11,
    user="EXAMPLE\\alice",
)
GUID = event(1, process_guid="5c3485a0-1111-2222-3333-0123456789ab")
HASHES = event(1, hashes="MD5=0A0B,SHA256=FF", md5="0A0B", sha256="FF")
UNKNOWN = event(30, other={"Novelty": "Ωmega value", "Count": "7"})
ENVELOPE = event(4, channel="Odd-Channel", level="Odd-Level", event_version=77, record_id=987654321)


def command(text: str) -> Event:
    return event(1, command_line=text)


def case(
    expected: bool,
    why: str,
    event_: Event,
    field: str,
    operator: Operator,
    value: str = "",
    *,
    cased: bool = False,
) -> Case:
    return Case(Match(field, operator, value, cased), event_, expected, why)


def line(expected: bool, why: str, text: str, operator: Operator, value: str, *, cased: bool = False) -> Case:
    """Compare a command line."""
    return case(expected, why, command(text), "CommandLine", operator, value, cased=cased)
