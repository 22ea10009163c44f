"""Computers and processes of a fleet: who is alive when, in arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.demo.dice import Dice
from app.demo.fleet_words import LONG_LIVED, UNIQUE_ARGUMENTS, Codes, Words
from app.demo.render import process_guid

SLOTS: Final = 24
"""Processes that a computer has at a time; the first ones stay, new ones replace the others."""

Objects = NDArray[np.object_]


def skewed(size: int, count: int, chance: np.random.Generator) -> Codes:
    """Draw places of a list, the first ones far more often than the last."""
    return (size * chance.random(count) ** 3).astype(np.int64)


@dataclass(slots=True)
class Processes:
    """Some processes, one in each place of the arrays. ``account``: a place of the list of users."""

    computer: Codes
    image: Codes
    account: Codes
    pid: Codes
    line: Objects
    guid: Objects

    def followed_by(self, others: Processes) -> Processes:
        """Return these and the others."""
        return Processes(
            *(
                np.concatenate([getattr(self, name), getattr(others, name)])
                for name in self.__dataclass_fields__
            )
        )

    def replace(self, places: Codes, others: Processes, chosen: Codes) -> None:
        """Put the chosen others into these places; of two for one place the later stays."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[places] = getattr(others, name)[chosen]


@dataclass(frozen=True, slots=True)
class Lives:
    """One batch: all processes that live in it, and which of them acts in each row.

    ``parents`` are those of the process creations, in their order.
    """

    processes: Processes
    computer: Codes
    actor: Codes
    other: Codes
    """Another process of the same computer, alive at that row: the target of events 8 and 10."""
    creations: Codes
    parents: Codes
    record_id: Codes


class Population:
    """The computers, and the processes on them now: slot ``computer * SLOTS + place``."""

    def __init__(self, words: Words, computers: int, start: int, chance: np.random.Generator) -> None:
        self.words = words
        self.computers = computers
        self.names = pa.array([f"PC{number:05}.example.co.jp" for number in range(computers)])
        self.user_names = [f"user{number:05}" for number in range(computers)]
        self.users = pa.array(
            [r"NT AUTHORITY\SYSTEM", r"NT AUTHORITY\NETWORK SERVICE"]
            + [rf"EXAMPLE\{name}" for name in self.user_names]
        )
        self.logon_ids = pa.array(["0x3e7", "0x3e4", *(f"{0x2C000 + 977 * n:#x}" for n in range(computers))])
        self._attributes: dict[str, tuple[pa.Array, Codes]] = {}
        self.machine_parts = [
            Dice("fleet machine", number).between(1 << 28, (1 << 32) - 1) for number in range(computers)
        ]
        self._chance = chance
        self._records = chance.integers(1_000, 5_000_000, computers)
        # Some computers log twenty times as much as others.
        self._weights = np.cumsum(chance.random(computers) ** 2 + 0.05)
        self._created = 0
        self._alive = self._first_processes(start)

        self.logon_guids = pa.array(
            [
                process_guid(part, start + 1_000_000 * sort, 0x3E7 - 3 * sort)
                for part in self.machine_parts
                for sort in range(3)
            ]
        )

    def of_files(self, attribute: str) -> tuple[pa.Array, Codes]:
        """Return ``Words.of_files``, computed once."""
        if attribute not in self._attributes:
            self._attributes[attribute] = self.words.of_files(attribute)
        return self._attributes[attribute]

    def _first_processes(self, start: int) -> Processes:
        slots = np.arange(self.computers * SLOTS)
        processes = self._new(slots // SLOTS, np.full(len(slots), start))
        stays = slots % SLOTS < len(LONG_LIVED)
        kinds = np.array([account for _, account in LONG_LIVED])
        processes.image[stays] = np.tile(self.words.long_lived, self.computers)
        processes.account[stays] = np.tile(kinds, self.computers)
        processes.account[stays] += np.where(processes.account[stays] == 2, processes.computer[stays], 0)
        lines = self.words.command_lines.to_pylist()
        processes.line[stays] = [
            lines[self.words.first_command_line[image]] for image in processes.image[stays]
        ]
        return processes

    def _new(self, computer: Codes, times: Codes) -> Processes:
        """Make new processes, a third of them with a command line that occurs once."""
        count, chance = len(computer), self._chance
        image = skewed(self.words.programs, count, chance)
        by_user = chance.random(count) < 0.6
        tokens = (self._created + np.arange(count)) * 0x9E3779B1 + 0x51ED27
        return Processes(
            computer=computer,
            image=image,
            account=np.where(by_user, 2 + computer, chance.integers(0, 2, count)),
            pid=chance.integers(15, 7_000, count) * 4,
            line=self._command_lines(image, count),
            guid=np.array(
                [
                    process_guid(self.machine_parts[where], time, token)
                    for where, time, token in zip(
                        computer.tolist(), times.tolist(), (tokens & 0xFFFFFFFF).tolist(), strict=True
                    )
                ],
                dtype=object,
            ),
        )

    def _command_lines(self, image: Codes, count: int) -> Objects:
        first = self.words.first_command_line
        spread = first[image + 1] - first[image]
        lines: Objects = np.array(
            self.words.command_lines.take(
                pa.array(first[image] + (spread * self._chance.random(count)).astype(np.int64))
            ).to_pylist(),
            dtype=object,
        )
        for place in range(count):
            number = self._created + place
            if number % 3 == 0:
                # An odd factor: no two numbers below 2^32 give the same one.
                mixed = number * 0x9E3779B1 & 0xFFFFFFFF
                arguments = UNIQUE_ARGUMENTS[number // 3 % len(UNIQUE_ARGUMENTS)].format(
                    f"{mixed:08x}", mixed
                )
                lines[place] = f'"{self.words.files[image[place]].path}" {arguments}'
        self._created += count
        return lines

    def live(self, kinds: Codes, times: Codes) -> Lives:
        """Let the next stretch of time pass; ``kinds`` gets terminations where processes end."""
        count, chance = len(kinds), self._chance
        computer = np.searchsorted(self._weights, chance.random(count) * self._weights[-1]).clip(
            max=self.computers - 1
        )
        place = (SLOTS * chance.random(count) ** 1.5).astype(np.int64)
        creations = np.flatnonzero(kinds == 1)
        stay = len(LONG_LIVED)
        place[creations] = stay + (chance.random(len(creations)) * (SLOTS - stay)).astype(np.int64)
        slot = computer * SLOTS + place
        _end_processes(kinds, slot)
        new = self._new(computer[creations], times[creations])
        everybody = self._alive.followed_by(new)
        changes = _Changes(slot, creations, self.computers * SLOTS)
        lives = Lives(
            processes=everybody,
            computer=computer,
            actor=changes.who(slot, np.arange(count)),
            other=changes.who(computer * SLOTS + _elsewhere(place, chance), np.arange(count)),
            creations=creations,
            parents=changes.who(
                computer[creations] * SLOTS + _elsewhere(place[creations], chance), creations
            ),
            record_id=self._number(computer),
        )
        self._alive.replace(slot[creations], new, np.arange(len(creations)))
        return lives

    def _number(self, computer: Codes) -> Codes:
        """Return record numbers: each computer counts on."""
        order = np.argsort(computer, kind="stable")
        counts = np.bincount(computer, minlength=self.computers)
        firsts = np.cumsum(counts) - counts
        numbers = np.empty(len(computer), np.int64)
        numbers[order] = np.arange(len(computer)) - np.repeat(firsts, counts)
        numbers += self._records[computer]
        self._records += counts
        return numbers


class _Changes:
    """Who sits in a slot at a row: the last one created there before, or who was there already."""

    def __init__(self, slot: Codes, creations: Codes, slots: int) -> None:
        self._rows = len(slot)
        keys = slot[creations] * self._rows + creations
        self._order = np.argsort(keys)
        self._keys = keys[self._order]
        self._slots = slots

    def who(self, slot: Codes, rows: Codes) -> Codes:
        """Return places of the processes: those alive before first, then the new ones."""
        if not len(self._keys):
            return slot
        found = np.searchsorted(self._keys, slot * self._rows + rows, side="right") - 1
        is_new = (found >= 0) & (self._keys[found] // self._rows == slot)
        return np.where(is_new, self._slots + self._order[found], slot)


def _elsewhere(place: Codes, chance: np.random.Generator) -> Codes:
    """Draw another place for each; mostly one of those that stay."""
    drawn = (SLOTS * chance.random(len(place)) ** 2).astype(np.int64)
    return np.where(drawn == place, (drawn + 1) % SLOTS, drawn)


def _end_processes(kinds: Codes, slot: Codes) -> None:
    """Make the last event before a creation in the same slot the end of the process there."""
    order = np.argsort(slot, kind="stable")
    followed = (kinds[order[1:]] == 1) & (slot[order[1:]] == slot[order[:-1]]) & (kinds[order[:-1]] != 1)
    last = order[:-1][followed]
    kinds[last[last % 8 != 0]] = 5
