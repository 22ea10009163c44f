"""Comparisons of texts -> expressions, exactly as ``text.fold`` compares.

Elasticsearch ignores the case of ASCII only, and of which letters depends on its version. So
each letter is written as the class of all code points that fold alike: ``[kK\u212a]``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Final

from elasticsearch_dsl.query import Exists, Prefix, Query, Regexp

from app.store.elastic.expressions import (
    ANY,
    ANYTHING,
    Chars,
    Node,
    Repeat,
    Sequence,
    chars,
    choice,
    is_small,
    longest_run,
    sequence,
    size,
    written,
)
from app.store.elastic.logic import all_queries, any_query, at_most, exactly, terms
from app.store.elastic.places import Bounds
from app.sysmon.condition import Match, Operator
from app.sysmon.text import fold
from app.sysmon.values import wildcard_parts

MAX_LENGTH: Final = 900
"""So long may an expression be: an index refuses longer ones (``index.max_regex_length``)."""

MOST_STATES: Final = 100_000
"""Lucene's measure of its work at an expression; a long text of one letter takes some 40,000."""

_DEEPEST: Final = 950
"""Lucene follows an expression no deeper than 1,000 bytes."""
_CASED: Final = range(0x20000)  # No letter behind it has a case.


@cache
def _relatives() -> dict[str, str]:
    """Return the code points that fold alike, by the one they fold to; those that are alone are left out."""
    found: dict[str, str] = defaultdict(str)
    for code in _CASED:
        character = chr(code)
        folded = fold(character)
        if folded != character:
            found[folded] += character
    return {folded: folded + more for folded, more in found.items()}


@lru_cache(maxsize=65_536)
def alike(character: str) -> Chars:
    """Return the class of the code points that fold as this one does."""
    folded = fold(character)
    return chars(_relatives().get(folded, folded))


def has_case(text: str) -> bool:
    """Tell whether another text folds as this one does."""
    return any(fold(character) != character or fold(character) in _relatives() for character in text)


def literal(text: str, case_sensitive: bool = False) -> tuple[Chars, ...]:
    """Return the expression of a plain text, code point by code point."""
    return tuple(map(chars if case_sensitive else alike, text))


PLAIN_OPERATORS: Final = frozenset(
    {
        Operator.EQUALS,
        Operator.STARTS_WITH,
        Operator.ENDS_WITH,
        Operator.CONTAINS,
        Operator.WILDCARD,
    }
)


def expression_of(match: Match) -> Node:
    """Return the expression of a comparison that a plain text or wildcard makes."""
    plain = literal(match.value, match.case_sensitive)
    match match.operator:
        case Operator.EQUALS:
            return sequence(plain)
        case Operator.STARTS_WITH:
            return sequence([*plain, ANYTHING])
        case Operator.ENDS_WITH:
            return sequence([ANYTHING, *plain])
        case Operator.CONTAINS:
            return sequence([ANYTHING, *plain, ANYTHING])
        case Operator.WILDCARD:
            return sequence(_of_wildcard(match))
    raise ValueError(f"{match.operator} compares no plain text")


def _of_wildcard(match: Match) -> Iterator[Node]:
    pattern = match.value if match.case_sensitive else fold(match.value)
    for part in wildcard_parts(pattern):
        if part in {"*", "?"}:
            yield ANYTHING if part == "*" else ANY
        else:
            yield from literal(part[1:], match.case_sensitive)


def regexp(path: str, node: Node) -> Query:
    """Return the query for the values that an expression matches as a whole."""
    if node == ANYTHING:
        return Exists(field=path)
    value = {"value": written(node), "flags": "NONE", "max_determinized_states": MOST_STATES}
    return Regexp(path, value)


def matched(path: str, node: Node) -> Bounds:
    """Return what an expression matches: exactly, or, if it is too much for Lucene, at most."""
    if fits(node):
        return exactly(regexp(path, node))
    return at_most(wider(path, node))


def fits(node: Node) -> bool:
    """Tell whether Lucene takes the expression."""
    return _is_short(node) and (_is_plain(node) or is_small(node))


def _is_short(node: Node) -> bool:
    """Tell whether the expression is no longer than an index takes, and no deeper than Lucene goes."""
    parts = node.parts if isinstance(node, Sequence) else (node,)
    deep = _depth(tuple(part for part in parts if isinstance(part, Chars)))
    return len(written(node)) <= MAX_LENGTH and deep <= _DEEPEST


def _is_plain(node: Node) -> bool:
    """Tell whether the expression is characters and ``.*`` only: each adds one state."""
    parts = node.parts if hasattr(node, "parts") and not isinstance(node, Chars) else (node,)
    return all(part == ANYTHING or (isinstance(part, Chars) and size(part.ranges) < 16) for part in parts)


def wider(path: str, node: Node) -> Query:
    """Return what matches at least what the expression does, from the piece that says most."""
    pieces = _pieces(longest_run(node))
    if not pieces:
        return Exists(field=path)
    return all_queries(regexp(path, sequence([ANYTHING, *piece, ANYTHING])) for piece in pieces[:2])


def _pieces(run: tuple[Chars, ...]) -> list[tuple[Chars, ...]]:
    """Cut a text into pieces that are short enough as expressions."""
    pieces: list[tuple[Chars, ...]] = []
    start = length = depth = 0
    for place, character in enumerate(run):
        more, deeper = len(written(character)), _depth((character,))
        if length + more > MAX_LENGTH - 50 or depth + deeper > _DEEPEST:
            pieces.append(run[start:place])
            start, length, depth = place, 0, 0
        length, depth = length + more, depth + deeper
    return [*pieces, run[start:]] if run else []


def compared(path: str, match: Match) -> Bounds:
    """Return what a comparison of plain texts or a wildcard finds among whole, faithful texts."""
    if match.case_sensitive or not has_case(match.value):
        found = _by_case(path, match)
        if found is not None:
            return exactly(found)
    from_start = match.operator in {Operator.EQUALS, Operator.STARTS_WITH}
    if from_start and len(match.value) > MAX_LENGTH:  # Its expression would be made in vain.
        return _long(path, match)
    node = expression_of(match)
    return _long(path, match) if from_start and not fits(node) else matched(path, node)


def _by_case(path: str, match: Match) -> Query | None:
    """Return the query for a text that has only one case; None: there is none that Lucene takes."""
    if match.operator is Operator.EQUALS:
        return terms(path, [match.value])
    node = expression_of(match)
    if node == ANYTHING:
        return Exists(field=path)
    if match.operator is Operator.STARTS_WITH and len(match.value.encode()) <= _DEEPEST:
        return Prefix(path, {"value": match.value})
    return None


def _long(path: str, match: Match) -> Bounds:
    """Return what has a long text at its start: each piece at its place, in an expression of its own."""
    pieces = _pieces(literal(match.value[: _DEEPEST + 1], match.case_sensitive))
    queries, place = [], 0
    for piece in pieces:
        if place + _depth(piece) > _DEEPEST:
            break
        is_end = place + len(piece) == len(match.value) and match.operator is Operator.EQUALS
        before = Repeat(ANY, place, place)
        queries.append(
            regexp(path, sequence([*([before] if place else []), *piece, *([] if is_end else [ANYTHING])]))
        )
        place += len(piece)
    found = all_queries(queries)
    if len(queries) == len(pieces) and len(match.value) <= _DEEPEST:
        return exactly(found)
    return Bounds(terms(path, [match.value]), found)


def _depth(piece: tuple[Chars, ...]) -> int:
    """Return how many bytes a text takes that a piece matches, of several the shortest."""
    return sum(len(chr(character.ranges[0][0]).encode("utf-8", "surrogatepass")) for character in piece)


def one_of(path: str, values: Iterable[str]) -> Bounds:
    """Return what is equal to one of the texts, in any case."""
    plain: list[str] = []
    short: set[str] = set()
    long: list[Bounds] = []
    for value in values:
        if not has_case(value):
            plain.append(value)
        elif len(value) <= MAX_LENGTH and len(written(sequence(literal(value)))) <= MAX_LENGTH:
            short.add(fold(value))
        else:
            long.append(compared(path, Match("Image", Operator.EQUALS, value)))
    found = [regexp(path, choice_of(group)) for group in _groups(sorted(short))]
    sure = any_query([terms(path, plain), *found, *(part.sure for part in long)])
    if all(part.exact for part in long):
        return exactly(sure)
    return Bounds(sure, any_query([terms(path, plain), *found, *(part.maybe for part in long)]))


def _groups(texts: list[str]) -> Iterator[list[str]]:
    """Cut sorted texts into groups whose choice is short enough as an expression."""
    group: list[str] = []
    length = 0
    for text in texts:
        shared = _shared(group[-1], text) if group else 0
        more = 4 + sum(len(written(alike(character))) for character in text[shared:])
        if group and length + more > MAX_LENGTH:
            yield group
            group, length = [], 0
            more = 4 + sum(len(written(alike(character))) for character in text)
        group.append(text)
        length += more
    if group:
        yield group


def _shared(one: str, other: str) -> int:
    """Return with how many characters both texts begin."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))


def choice_of(texts: list[str]) -> Node:
    """Return one of these sorted, folded, distinct texts: what several begin with is written once."""
    if len(texts) == 1:
        return sequence(literal(texts[0]))
    shared = _shared(texts[0], texts[-1])
    by_next: dict[str, list[str]] = {}
    for text in texts:
        by_next.setdefault(text[shared : shared + 1], []).append(text[shared:])
    rest = choice(choice_of(group) for group in by_next.values())
    return sequence([*literal(texts[0][:shared]), rest])
