"""Regular expressions as trees: written as Lucene reads them, and measured before it does.

Lucene turns an expression into a deterministic automaton, and refuses one that becomes too
large. So every expression is built here as a tree first, of which can be told how long it
is, about how many states it makes, and which texts it can match at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

LAST: Final = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]
"""Code points, as ranges in order that do not touch."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One code point of these."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Sequence:
    """The parts, one behind the other; of no parts: the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The part ``least`` to ``most`` times (None: any number of times)."""

    part: Node
    least: int = 0
    most: int | None = None


Node = Chars | Sequence | Choice | Repeat

ANY: Final = Chars(((0, LAST),))
"""Any one code point, line feeds included."""

ANYTHING: Final = Repeat(ANY)
"""Any text."""

EMPTY: Final = Sequence(())


def ranges_of(code_points: Iterable[tuple[int, int]]) -> Ranges:
    """Return ranges in order, those that touch joined."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(code_points):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def others(ranges: Ranges) -> Ranges:
    """Return all code points but these."""
    rest, low = [], 0
    for first, last in ranges:
        if first > low:
            rest.append((low, first - 1))
        low = last + 1
    if low <= LAST:
        rest.append((low, LAST))
    return tuple(rest)


def size(ranges: Ranges) -> int:
    """Return how many code points there are."""
    return sum(high - low + 1 for low, high in ranges)


@cache
def chars(text: str) -> Chars:
    """Return one code point of those in ``text``."""
    return Chars(ranges_of((ord(character), ord(character)) for character in text))


def sequence(parts: Iterable[Node]) -> Node:
    """Put parts one behind the other, without sequences in the sequence."""
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, Sequence):
            flat += part.parts
        elif not (flat and part == ANYTHING == flat[-1]):
            flat.append(part)
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def choice(parts: Iterable[Node]) -> Node:
    """Return one of the parts; equal ones are one."""
    distinct = tuple(dict.fromkeys(parts))
    return distinct[0] if len(distinct) == 1 else Choice(distinct)


def written(node: Node) -> str:
    """Return the expression as Lucene reads it, with all of its optional operators off."""
    match node:
        case Chars(ranges):
            return _written_chars(ranges)
        case Sequence(parts):
            return "".join(map(_as_part, parts)) or "()"
        case Choice(parts):
            return "(" + "|".join(map(written, parts)) + ")"
        case Repeat(part, least, most):
            return _as_repeated(part) + _count(least, most)


def _as_part(node: Node) -> str:
    return f"({written(node)})" if isinstance(node, Sequence) else written(node)


def _as_repeated(node: Node) -> str:
    return f"({written(node)})" if isinstance(node, Sequence | Repeat) else written(node)


def _count(least: int, most: int | None) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    if (least, most) in short:
        return short[least, most]
    return f"{{{least},{'' if most is None else most}}}"


@lru_cache(maxsize=4096)
def _written_chars(ranges: Ranges) -> str:
    if ranges == ANY.ranges:
        return "."
    if size(ranges) == 1:
        return _escaped(ranges[0][0])
    if not ranges:
        return "[^\0-\U0010ffff]"
    inside = others(ranges)
    negated = len(inside) < len(ranges) or ranges[-1][1] == LAST
    return f"[{'^' if negated else ''}{''.join(_written_ranges(inside if negated else ranges))}]"


def _written_ranges(ranges: Ranges) -> Iterator[str]:
    for low, high in ranges:
        if high - low < 2:
            yield "".join(_escaped(code) for code in range(low, high + 1))
        else:
            yield f"{_escaped(low)}-{_escaped(high)}"


def _escaped(code: int) -> str:
    """Return a code point that means itself; a letter or digit must have no backslash before it."""
    character = chr(code)
    return character if character.isalnum() or code > 0x7F else "\\" + character


def can_match(node: Node, alphabet: Ranges) -> bool:
    """Tell whether the expression matches a text of these code points only."""
    match node:
        case Chars(ranges):
            return any(low <= last and first <= high for low, high in ranges for first, last in alphabet)
        case Sequence(parts):
            return all(can_match(part, alphabet) for part in parts)
        case Choice(parts):
            return any(can_match(part, alphabet) for part in parts)
        case Repeat(part, least):
            return least == 0 or can_match(part, alphabet)


def longest_run(node: Node, most_relatives: int = 8) -> tuple[Chars, ...]:
    """Return the longest piece of plain characters that each matched text has somewhere."""
    best: tuple[Chars, ...] = ()
    run: list[Chars] = []
    for part in node.parts if isinstance(node, Sequence) else (node,):
        if isinstance(part, Chars) and size(part.ranges) <= most_relatives:
            run.append(part)
            best = max(best, tuple(run), key=len)
        else:
            run = []
    return best


_MOST_WORK: Final = 500_000


class _Automaton:
    """The states of an expression that may be several at a time."""

    def __init__(self) -> None:
        self.steps: list[tuple[Ranges, int] | None] = []
        self.free: list[list[int]] = []

    def state(self) -> int:
        self.steps.append(None)
        self.free.append([])
        return len(self.free) - 1

    def add(self, node: Node, start: int) -> int:
        """Add the states of a node behind ``start``; return where it ends."""
        match node:
            case Chars(ranges):
                end = self.state()
                before = self.state()
                self.free[start].append(before)
                self.steps[before] = (ranges, end)
                return end
            case Sequence(parts):
                for part in parts:
                    start = self.add(part, start)
                return start
            case Choice(parts):
                end = self.state()
                for part in parts:
                    self.free[self.add(part, start)].append(end)
                return end
            case Repeat(part, least, most):
                return self._add_repeat(part, least, most, start)

    def _add_repeat(self, part: Node, least: int, most: int | None, start: int) -> int:
        for _ in range(least):
            start = self.add(part, start)
        end = self.state()
        if most is None:
            loop = self.state()
            self.free[start].append(loop)
            self.free[self.add(part, loop)].append(loop)
            start = loop
        for _ in range((most or least) - least):
            self.free[start].append(end)
            start = self.add(part, start)
        self.free[start].append(end)
        return end

    def closure(self, states: Iterable[int]) -> frozenset[int]:
        """Return the states that are reached without a character."""
        seen, waiting = set(states), list(states)
        while waiting:
            for state in self.free[waiting.pop()]:
                if state not in seen:
                    seen.add(state)
                    waiting.append(state)
        return frozenset(seen)


@lru_cache(maxsize=1024)
def is_small(node: Node, most_states: int = 400) -> bool:
    """Tell whether the expression becomes an automaton of few states, by making it."""
    automaton = _Automaton()
    first = automaton.state()
    automaton.add(node, first)
    if len(automaton.free) > 20 * most_states:
        return False
    start = automaton.closure([first])
    seen, waiting = {start}, [start]
    work = 0
    while waiting:
        steps = [step for state in waiting.pop() if (step := automaton.steps[state])]
        for code in {edge for ranges, _ in steps for low, high in ranges for edge in (low, high + 1)}:
            ends = [end for ranges, end in steps if any(low <= code <= high for low, high in ranges)]
            following = automaton.closure(ends)
            work += len(following)
            if following not in seen:
                if len(seen) >= most_states or work > _MOST_WORK:
                    return False
                seen.add(following)
                waiting.append(following)
    return True
