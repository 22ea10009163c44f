"""What happened on a computer, as the events that Sysmon logs of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Final

from app.demo.machine import Happening, Machine
from app.demo.office import BEGIN, END, SECOND, Process
from app.sysmon.events import Event, Value
from app.sysmon.fields import column_of
from app.sysmon.kinds import KINDS

CHANNEL: Final = "Microsoft-Windows-Sysmon/Operational"

#: Event ID -> the columns that its events have.
_COLUMNS: Final = {
    event_id: frozenset(column_of(name) for name in kind.fields) for event_id, kind in KINDS.items()
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def process_guid(machine_part: int, start: int, token: int) -> str:
    """Return a GUID as Sysmon makes it of the machine, the start (microseconds) and a number.

    The number counts up with each process since the computer started; it stands at the
    end, lowest byte first.
    """
    return _guid(machine_part, start, 0x10, token)


def _guid(machine_part: int, start: int, sort: int, token: int) -> str:
    seconds = start // SECOND
    last = f"{sort:04x}{token.to_bytes(4, 'little').hex()}"
    return f"{machine_part:08x}-{seconds & 0xFFFF:04x}-{seconds >> 16:04x}-0000-{last}"


def events_of(machine: Machine) -> Iterator[Event]:
    """Yield the events of the two days in the order of the log, numbered."""
    _number(machine)
    silence = machine.computer.silence
    happenings = sorted(machine.happenings, key=lambda happening: happening.time)
    record_id = machine.dice.between(2_000, 90_000)
    written = 0
    for happening in happenings:
        if not BEGIN <= happening.time < END:
            continue
        record_id += 1
        # Written a few milliseconds late, and one after the other.
        written = max(written, happening.time // 1000 * 1000 + 1000 * (1 + record_id * 7 % 13))
        if silence is None or not silence[0] <= happening.time < silence[1]:
            yield _event(machine, happening, record_id, written)


def _number(machine: Machine) -> None:
    """Give every process its number and GUID, in the order of their starts.

    Windows hands out the lowest free numbers again, so they are reused.
    """
    free: list[int] = [4 * number for number in range(10, 1_400)]
    ends: list[tuple[int, int]] = []
    token = 0x9000
    for process in sorted(machine.processes, key=lambda process: process.start):
        machine.logons.setdefault(process.account, process.start)
        while ends and ends[0][0] < process.start - 90 * SECOND:
            heappush(free, heappop(ends)[1])
        if process.pid is None:
            # Not the very lowest one: real numbers wander.
            skipped = [heappop(free) for _ in range(machine.dice.between(0, 70))]
            process.pid = heappop(free)
            for number in skipped:
                heappush(free, number)
        if process.end is not None:
            heappush(ends, (process.end, process.pid))
        token += machine.dice.between(0x40, 0x2F00)
        if process.token is None:
            process.token = token
        process.guid = process_guid(machine.computer.machine_part, process.start, process.token)


def _event(machine: Machine, happening: Happening, record_id: int, written: int) -> Event:
    event_id, process = happening.event_id, happening.process
    values: dict[str, Value] = {
        "utc_time": _moment(happening.time // 1000 * 1000),
        "record_id": record_id,
        "channel": CHANNEL,
    }
    if process is not None:
        values |= _subject(process)
    if event_id == 1 and process is not None:
        values |= _created(machine, process)
    if happening.target is not None:
        values |= {
            "target_process_guid": happening.target.guid,
            "target_process_id": happening.target.pid or 0,
            "target_image": happening.target.image.path,
            "target_user": happening.target.account.user,
        }
    values |= happening.values
    known = _COLUMNS[event_id] | {"utc_time", "record_id", "channel"}
    values = {column: value for column, value in values.items() if column in known}
    values |= split_hashes(str(values.get("hashes") or values.get("hash") or ""))
    return Event(
        time=_moment(written),
        computer=machine.computer.name,
        event_id=event_id,
        values=values,
    )


def _moment(time: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time)


def _subject(process: Process) -> dict[str, Value]:
    return {
        "process_guid": process.guid,
        "process_id": process.pid or 0,
        "image": process.image.path,
        "user": process.account.user,
    }


def _created(machine: Machine, process: Process) -> dict[str, Value]:
    image, account, parent = process.image, process.account, process.parent
    values: dict[str, Value | None] = {
        "file_version": image.file_version,
        "description": image.description,
        "product": image.product,
        "company": image.company,
        "original_file_name": image.original_file_name,
        "command_line": process.command_line,
        "current_directory": process.directory,
        "logon_guid": _guid(machine.computer.machine_part, machine.logons[account], 0x20, account.logon_id),
        "logon_id": f"{account.logon_id:#x}",
        "terminal_session_id": account.session,
        "integrity_level": account.integrity,
        "hashes": image.hashes,
    }
    if parent is not None:
        values |= {
            "parent_process_guid": parent.guid,
            "parent_process_id": parent.pid,
            "parent_image": parent.image.path,
            "parent_command_line": parent.command_line,
            "parent_user": parent.account.user,
        }
    return {column: value for column, value in values.items() if value is not None}


def split_hashes(hashes: str) -> dict[str, Value]:
    """Return the columns of the single hashes of ``SHA1=…,MD5=…``."""
    pairs = (part.partition("=") for part in hashes.split(",") if part)
    return {name.lower(): value for name, _, value in pairs}
