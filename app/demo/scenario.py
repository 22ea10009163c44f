"""The demo: seven computers of an office in January 2019, two of which get infected.

The calendar is 2019's; fields and kinds of events are those of today's Sysmon, so that
every page has material. All of it is made up, and the same on every run and machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.demo import oddities
from app.demo.desk import Desk, boot
from app.demo.dice import Dice
from app.demo.infection import PLANS, UNTIL_PAYLOAD, infect
from app.demo.machine import Machine
from app.demo.office import BEGIN, HOUR, MINUTE, Computer, at
from app.demo.render import events_of, process_guid
from app.demo.tasks import run_tasks
from app.demo.work import work
from app.sysmon.events import Event


def _days(*texts: str) -> tuple[tuple[int, int], ...]:
    return tuple((at(begin), at(end)) for begin, _, end in (text.partition(" to ") for text in texts))


_TWO_DAYS: Final = _days("07 00:00:00 to 09 00:00:00")

COMPUTERS: Final = tuple(
    Computer(name, number, system, user, mail, browser, sessions[0][0] == BEGIN, sessions, silence)
    for number, (name, system, user, mail, browser, sessions, silence) in enumerate(
        [
            ("Win7_64JP_01", "7", "urawa.saitama", "outlook", "iexplore",
             _days("07 00:04:12 to 07 11:20:00", "08 00:11:37 to 08 12:05:00"), None),
            ("Win7_64JP_02", "7", "naka.yokohama", "outlook", "chrome",
             _days("07 00:21:45 to 07 10:02:00", "08 00:16:03 to 08 10:31:00"), None),
            ("Win7_64JP_03", "7", "sakae.nagoya", "thunderbird", "firefox",
             _days("07 00:31:09 to 07 09:48:00", "08 00:25:50 to 08 13:12:00"), None),
            ("Win10_64JP_04", "10", "chiyoda.tokyo", "thunderbird", "firefox", _TWO_DAYS, None),
            ("Win10_64JP_05", "10", "kita.osaka", "outlook", "chrome", _TWO_DAYS, None),
            ("Win10_64JP_06", "10", "sakyo.kyoto", "outlook", "chrome", _TWO_DAYS,
             (at("08 03:12:00"), at("08 05:41:00"))),
            ("Win2016_64JP_07", "2016", "kanri.admin", "thunderbird", "iexplore", _TWO_DAYS, None),
        ],
        start=1,
    )
)  # fmt: skip
"""The seven; one of them is silent for two and a half hours of the second day."""


@dataclass(frozen=True, slots=True)
class Infected:
    """Where the payload ran: what ``tree`` needs."""

    computer: str
    process_guid: str


def _infected(computer: Computer) -> Infected:
    plan = PLANS[computer.name]
    return Infected(
        computer.name, process_guid(computer.machine_part, plan.begins + UNTIL_PAYLOAD, plan.token)
    )


INFECTED: Final = tuple(_infected(computer) for computer in COMPUTERS if computer.name in PLANS)
"""The two processes of the payload, the first computer's first."""


def events(computer: Computer) -> Iterator[Event]:
    """Yield all events of one computer, in the order of its log."""
    machine = Machine(computer, Dice("demo", computer.name))
    for number, (begin, end) in enumerate(computer.sessions):
        _live(machine, begin, end, number)
    return events_of(machine)


def _live(machine: Machine, begin: int, end: int, number: int) -> None:
    """Play one time from start to shutdown."""
    # One that was on before started the morning of the day before: nobody logged that.
    on_before = machine.computer.on_before
    desk = boot(machine, begin - 23 * HOUR if on_before else begin, end, number)
    run_tasks(desk)
    if machine.computer.system != "2016":
        _work(desk)
    _rarities(desk)
    plan = PLANS.get(machine.computer.name)
    if plan is not None and begin <= plan.begins < end:
        infect(desk, plan)


def _work(desk: Desk) -> None:
    """Work from nine to noon and from one to six, Japanese time, which is UTC and nine hours."""
    for day in ("07", "08"):
        for begin, end in (("00:20", "03:00"), ("04:00", "09:05")):
            work(
                desk,
                max(at(f"{day} {begin}:00"), desk.begin + 6 * MINUTE),
                min(at(f"{day} {end}:00"), desk.end - 3 * MINUTE),
            )


#: Name of a computer -> what rare thing happens there, and when.
_RARITIES: Final = (
    ("Win2016_64JP_07", "07 02:10:20", oddities.inventory_by_wmi),
    ("Win10_64JP_05", "07 02:40:00", oddities.inventory_by_wmi),
    ("Win10_64JP_05", "07 05:15:31", oddities.configure_sysmon),
    ("Win2016_64JP_07", "07 05:31:02", oddities.configure_sysmon),
    ("Win7_64JP_02", "08 04:47:15", oddities.shred_files),
    ("Win7_64JP_03", "08 05:20:44", oddities.install_by_mail),
    ("Win10_64JP_05", "08 06:02:10", oddities.update_browser),
    ("Win10_64JP_06", "07 06:22:51", oddities.update_browser),
    ("Win2016_64JP_07", "07 17:00:00", oddities.read_disk),
    ("Win2016_64JP_07", "08 17:00:00", oddities.read_disk),
)


def _rarities(desk: Desk) -> None:
    for name, text, play in _RARITIES:
        if name == desk.machine.computer.name and desk.begin <= at(text) < desk.end:
            play(desk, at(text))
