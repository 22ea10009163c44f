"""One comparison at one place: what the index can say of it, and of the values it does not have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from elasticsearch_dsl.query import Exists, Query, Term

from app.store.elastic.comparisons import (
    NUMBERS,
    ORDER,
    TIMES,
    integer_in,
    integers_query,
    number_in_text,
    number_query,
    numeric_text,
    same_time,
    time_bounds,
    time_starting,
)
from app.store.elastic.expressions import (
    ANY,
    ANYTHING,
    Chars,
    Node,
    Ranges,
    Repeat,
    can_match,
    chars,
    others,
    sequence,
)
from app.store.elastic.expressions import (
    Sequence as Parts,
)
from app.store.elastic.logic import (
    NONE,
    NOWHERE,
    any_bounds,
    any_query,
    at_most,
    exactly,
    terms,
    without,
)
from app.store.elastic.networks import addresses_in
from app.store.elastic.patterns import (
    PLAIN_OPERATORS,
    compared,
    expression_of,
    literal,
    matched,
    one_of,
)
from app.store.elastic.places import Bounds, Form, Place
from app.store.elastic.regexes import expression_of_regex
from app.sysmon.condition import Match, Operator
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.fields import FIELDS, HASH_COLUMNS, FieldType
from app.sysmon.text import fold
from app.sysmon.values import time_of

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_GUID_CHARACTERS: Final = chars("0123456789abcdefABCDEF-").ranges
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]+")
_DIGITS_OF_A_HASH: Final = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8,64}(?![0-9A-Za-z])")
_HASH_FIELDS: Final = frozenset({*HASH_COLUMNS, "hashes", "hash"})
_SHORTEST_CUT: Final = 64
"""No index is taken to be so odd that it leaves out values as short as this."""

_MOMENT: Final = datetime(1970, 1, 1, tzinfo=UTC)


def lookup(match: Match, place: Place) -> Bounds:
    """Return what a comparison finds at a place, in whatever event."""
    if match.operator is Operator.EQUALS:
        return lookup_equal(match.field, [match.value], match.case_sensitive, place)
    if match.operator is Operator.EXISTS:
        return _existing(place)
    if place.form is not Form.KEYWORD and not place.faithful:
        return at_most(Exists(field=place.path))
    if place.form is Form.NUMBER:
        return _number(match, place.path)
    if place.form is not Form.KEYWORD or _type(match.field) is FieldType.TIME:
        return _time(match, place)
    if match.operator in ORDER and _type(match.field) is FieldType.INTEGER:
        return number_in_text(place, match)
    found = _text(match, place)
    nulls = [text for text in place.nulls if place.is_guid or _holds_for(match, text)]
    found = _without(found, terms(place.path, nulls))
    return found if match.operator in ORDER else _with_cut(found, place, match.field)


def lookup_equal(field: str, values: Sequence[str], case_sensitive: bool, place: Place) -> Bounds:
    """Return what is equal to one of the values at a place."""
    if place.form is not Form.KEYWORD and not place.faithful:
        return at_most(Exists(field=place.path))
    if place.form is Form.NUMBER:
        numbers = [number for value in values if (number := integer_in(value)) is not None]
        return exactly(integers_query(place.path, numbers))
    if place.form is not Form.KEYWORD or (_type(field) is FieldType.TIME and not place.faithful):
        return any_bounds(same_time(place, value) for value in values)
    wanted = [value for value in values if not _is_null(value, case_sensitive, place)]
    if not place.faithful:
        found = any_bounds(_unfaithful(Match(field, Operator.EQUALS, value), place) for value in wanted)
        found = _without(found, terms(place.path, place.nulls))
    else:
        found = _equal(field, wanted, case_sensitive, place)
    is_short = all(len(value) <= _SHORTEST_CUT for value in wanted)
    return found if is_short else _with_cut(found, place, field)


def _is_null(value: str, case_sensitive: bool, place: Place) -> bool:
    if case_sensitive:
        return value in place.nulls
    nulls = {fold(text).strip("{}" if place.is_guid else "") for text in place.nulls}
    return fold(value) in nulls if place.nulls else False


def _type(field: str) -> FieldType:
    return FIELDS[field].type if field in FIELDS else FieldType.TEXT


def _column(field: str) -> str:
    return FIELDS[field].column if field in FIELDS else ""


def _holds_for(match: Match, text: str) -> bool:
    """Tell whether a comparison holds for a text."""
    event = Event(time=_MOMENT, computer="", event_id=1, values={"description": text})
    return holds(replace(match, field="Description"), event)


def _without(found: Bounds, nulls: Query) -> Bounds:
    if nulls is NONE:
        return found
    sure = without(found.sure, nulls)
    return exactly(sure) if found.exact else Bounds(sure, without(found.maybe, nulls))


def _with_cut(found: Bounds, place: Place, field: str) -> Bounds:
    """Add events whose value is too long to be indexed: they may match."""
    if place.cut is None or _type(field) is not FieldType.TEXT:
        return found
    return Bounds(found.sure, any_query([found.maybe, Term("_ignored", {"value": place.cut})]))


def _existing(place: Place) -> Bounds:
    there = without(Exists(field=place.path), terms(place.path, place.nulls))
    if not place.faithful:
        return _with_cut(at_most(there), place, "")
    if place.cut is None:
        return exactly(there)
    return exactly(any_query([there, Term("_ignored", {"value": place.cut})]))


def _equal(field: str, values: Sequence[str], case_sensitive: bool, place: Place) -> Bounds:
    """Return what is equal to one of the values among faithful texts."""
    path = place.path
    if place.is_guid:
        return exactly(terms(path, _spellings(_guids(values, case_sensitive))))
    type_ = _type(field)
    if type_ is FieldType.INTEGER:
        return exactly(terms(path, [value for value in values if integer_in(value) is not None]))
    if case_sensitive or type_ is FieldType.TIME:
        return exactly(terms(path, values))
    if type_ is FieldType.GUID:
        # Events have GUIDs in lower case without braces; a text that is none may be there, too.
        guids = [fold(value) for value in values if _GUID.fullmatch(fold(value))]
        rest = [value for value in values if not _GUID.fullmatch(fold(value))]
        return any_bounds([exactly(terms(path, guids)), one_of(path, rest)])
    if _column(field) in HASH_COLUMNS:
        # As GUIDs, but in upper case.
        hashes = [value.upper() for value in values if _HEXADECIMAL.fullmatch(value)]
        rest = [value for value in values if not _HEXADECIMAL.fullmatch(value)]
        return any_bounds([exactly(terms(path, hashes)), one_of(path, rest)])
    return one_of(path, values)


def _guids(values: Iterable[str], case_sensitive: bool) -> Iterable[str]:
    written = values if case_sensitive else map(fold, values)
    return [value for value in written if _GUID.fullmatch(value)]


def _spellings(guids: Iterable[str]) -> list[str]:
    """Return GUIDs in all the ways in which Sysmon and its shippers write them."""
    cases = [text for guid in guids for text in (guid, guid.upper())]
    return [*cases, *("{" + text + "}" for text in cases)]


def _text(match: Match, place: Place) -> Bounds:
    """Return what a comparison finds among texts."""
    if not place.faithful:
        return _unfaithful(match, place)
    if place.is_guid:
        return _guid(match, place.path)
    type_ = _type(match.field)
    if match.operator in ORDER:
        return at_most(numeric_text(place.path))
    if match.operator is Operator.CIDR:
        return NOWHERE if type_ is FieldType.INTEGER else _address(match, place.path)
    if type_ is FieldType.INTEGER and not can_match(_node(match), NUMBERS):
        return NOWHERE
    if match.operator is Operator.REGEX:
        return at_most(matched(place.path, _node(match)).maybe)
    return compared(place.path, match)


def _node(match: Match) -> Node:
    """Return the expression of a comparison of texts; of a pattern it matches more."""
    if match.operator in PLAIN_OPERATORS:
        return expression_of(match)
    return expression_of_regex(match.value, match.case_sensitive)


def _address(match: Match, path: str) -> Bounds:
    inside = addresses_in(match.value)
    maybe = matched(path, inside.maybe).maybe
    return at_most(maybe) if inside.sure is None else Bounds(matched(path, inside.sure).sure, maybe)


def _unfaithful(match: Match, place: Place) -> Bounds:
    """Return what may match where the index has other texts than the event."""
    if _column(match.field) in _HASH_FIELDS and match.operator in PLAIN_OPERATORS - {Operator.WILDCARD}:
        return _hash(match, place)
    if place.form is Form.KEYWORD and match.operator in ORDER and _type(match.field) is FieldType.GUID:
        return NOWHERE
    return at_most(Exists(field=place.path))


def _hash(match: Match, place: Place) -> Bounds:
    """Return what may have a hash: its digits are the same everywhere, in whatever case.

    A text of several hashes is looked for by the digits of one, wherever the index has it.
    """
    if match.operator is Operator.EQUALS and _column(match.field) in HASH_COLUMNS:
        digits = match.value if _HEXADECIMAL.fullmatch(match.value) else ""
        if not digits:
            return NOWHERE
    else:
        digits = max(_DIGITS_OF_A_HASH.findall(match.value), key=len, default="")
    if not digits:
        return at_most(Exists(field=place.path))
    return at_most(matched(place.path, sequence([ANYTHING, *literal(digits), ANYTHING])).maybe)


_NO_BRACE: Final = Chars(others(chars("{}").ranges))


def _guid(match: Match, path: str) -> Bounds:
    """Return what a comparison finds among GUIDs that may be in upper case and in braces."""
    if match.operator in ORDER or match.operator is Operator.CIDR:
        return NOWHERE
    if match.operator is Operator.REGEX:
        return at_most(_pattern_of_guid(match, path))
    folded = replace(match, value=fold(match.value), case_sensitive=False)
    if match.case_sensitive and folded.value != match.value:
        return NOWHERE  # Events have GUIDs in lower case.
    node = expression_of(folded)
    if not can_match(node, _GUID_CHARACTERS):
        return NOWHERE
    return matched(path, sequence([Repeat(chars("{"), 0, 1), _braceless(node), Repeat(chars("}"), 0, 1)]))


def _pattern_of_guid(match: Match, path: str) -> Query:
    node = expression_of_regex(match.value, False)
    if not can_match(node, _GUID_CHARACTERS):
        return NONE
    return matched(path, sequence([Repeat(chars("{"), 0, 1), node, Repeat(chars("}"), 0, 1)])).maybe


def _braceless(node: Node) -> Node:
    """Return the expression with no brace in what is any text."""
    match node:
        case Parts(parts):
            return sequence(map(_braceless, parts))
        case Repeat(part, least, most):
            return Repeat(_braceless(part), least, most)
    return _NO_BRACE if node == ANY else node


def _number(match: Match, path: str) -> Bounds:
    """Return what a comparison finds among integers."""
    if match.operator in ORDER:
        return exactly(number_query(path, match))
    return NOWHERE if match.operator is Operator.CIDR else _if_possible(match, NUMBERS, path)


def _if_possible(match: Match, alphabet: Ranges, path: str) -> Bounds:
    """Return all that has a value, if a text of these characters can match at all."""
    node = _node(match)
    if node == ANYTHING and match.operator is not Operator.REGEX:
        return exactly(Exists(field=path))
    return at_most(Exists(field=path)) if can_match(node, alphabet) else NOWHERE


def _time(match: Match, place: Place) -> Bounds:
    """Return what a comparison finds among times."""
    if match.operator in ORDER:
        limit = time_of(match.value)
        return NOWHERE if limit is None else time_bounds(place, match.operator, limit)
    if match.operator is Operator.CIDR:
        return NOWHERE
    if match.operator is Operator.STARTS_WITH and can_match(_node(match), TIMES):
        return time_starting(place, match.value)
    if place.form is Form.KEYWORD and place.faithful:
        return _text(match, place)
    return _if_possible(match, TIMES, place.path)
