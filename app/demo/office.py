"""The office of the demo: its calendar, addresses, computers, accounts, and what a process is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from app.demo.dice import Dice
from app.demo.images import Image
from app.sysmon.events import microseconds

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

PROXY: Final = "192.168.1.200"
DOMAIN: Final = "EXAMPLE"
SYSTEM_SERVER: Final = "192.168.1.10"
MAIL_SERVER: Final = "192.168.1.20"


def at(text: str) -> int:
    """Return a time of January 2019, ``08 01:31:07.250`` in UTC, in microseconds since 1970."""
    return microseconds(datetime.fromisoformat(f"2019-01-{text.replace(' ', 'T')}+00:00"))


def sysmon_time(time: int) -> str:
    """Return a time as Sysmon writes it into a field: UTC, milliseconds."""
    moment = datetime.fromtimestamp(time // SECOND, UTC).replace(tzinfo=None)
    return f"{moment}.{time % SECOND // 1000:03}"


BEGIN: Final = at("07 00:00:00")
END: Final = at("09 00:00:00")


@dataclass(frozen=True, slots=True)
class Account:
    """Who a process runs as: one logon."""

    user: str
    sid: str
    logon_id: int
    session: int
    integrity: str


SYSTEM: Final = Account(r"NT AUTHORITY\SYSTEM", "S-1-5-18", 0x3E7, 0, "System")
LOCAL_SERVICE: Final = Account(r"NT AUTHORITY\LOCAL SERVICE", "S-1-5-19", 0x3E5, 0, "System")
NETWORK_SERVICE: Final = Account(r"NT AUTHORITY\NETWORK SERVICE", "S-1-5-20", 0x3E4, 0, "System")


@dataclass(frozen=True, slots=True)
class Computer:
    """One of the seven. ``system`` is its Windows; ``mail`` and ``browser`` are keys of programs.

    One that was ``on_before`` started before Sysmon's log begins: its services, its desktop
    and its mail client were never logged. ``sessions`` are the other ones' working days.
    """

    name: str
    number: int
    system: str
    user: str
    mail: str
    browser: str
    on_before: bool
    sessions: tuple[tuple[int, int], ...]
    silence: tuple[int, int] | None = None

    @property
    def address(self) -> str:
        """Its own IP address."""
        return f"192.168.1.{100 + self.number}"

    @property
    def machine_part(self) -> int:
        """The first part of all its GUIDs."""
        return Dice("machine", self.name).between(0x10000000, 0xFFFFFFFF)

    @property
    def sid(self) -> str:
        """The SID of its user."""
        return f"S-1-5-21-1725480316-2890117654-3406631107-{1100 + self.number}"

    @property
    def home(self) -> str:
        """The folder of its user."""
        return rf"C:\Users\{self.user}"


@dataclass(slots=True, eq=False)
class Process:
    """A process; its number and the last part of its GUID may be given or are chosen late."""

    image: Image
    command_line: str
    account: Account
    parent: Process | None
    start: int
    end: int | None
    directory: str
    logged: bool
    token: int | None = None
    pid: int | None = None
    guid: str = ""
