"""What a value of the query language means for a field: the leaves of ``language.parse``.

Values come as tokens of the grammar, so that an error can point at them. Errors are
BadQuery without the query's text; ``parse`` adds it.
"""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from typing import Final

from lark import Token

from app.errors import BadQuery
from app.sysmon.classic import CRITERIA
from app.sysmon.condition import Condition, Match, Operator
from app.sysmon.events import time_text
from app.sysmon.fields import ANY_FIELD, FIELDS, HASH_COLUMNS, FieldType, find_field
from app.sysmon.grammar import shown
from app.sysmon.normal import COMPARISONS, NAMES, conjunction, normal_form, operator_of, stored_form, type_of
from app.sysmon.spelling import holds_addresses, read_parts
from app.sysmon.times import is_day, parse_span, plain
from app.sysmon.values import network_of, number_of, regex

_OPERATORS: Final = {sign: operator for operator, sign in COMPARISONS.items()}
_IN_QUOTES: Final = {"PHRASE", "FOLDER", "OTHER_PHRASE"}


def field_named(token: Token, name: str) -> str:
    """Return the field that ``name`` means, in its own spelling."""
    if name == ANY_FIELD:
        return ANY_FIELD
    field = find_field(name)
    if field is not None:
        return field.name
    hint = "To look for the text itself, put it in quotes."
    classic = next((key for key in CRITERIA if key.lower() == name.lower()), None)
    near = get_close_matches(name.lower(), [known.lower() for known in FIELDS], n=1)
    meant = near and find_field(near[0])
    if classic:
        fields = " or ".join(CRITERIA[classic])
        hint = f"{classic} is a criterion of the classic form; in a query write {fields}."
    elif meant:
        hint = f"Did you mean {meant.name}? {hint}"
    raise _fault(f"There is no field '{shown(name)}'. {hint}", token)


def anywhere(token: Token) -> Condition:
    """Return the condition of a word or a text in quotes that has no field."""
    _refuse_comparison(token, _FIELD_AND_SIGN)
    parts = read_parts(_text(token))
    if not parts:
        raise _fault("Between these quotes stands nothing. Write a text, or * for every event.", token)
    return normal_form(Match(ANY_FIELD, *operator_of(["*", *parts, "*"])))


def _refuse_comparison(token: Token, shape: re.Pattern[str]) -> None:
    """Raise where a word looks like a comparison in another language, or holds one more field.

    It would be looked for as a text, and found nowhere.
    """
    first = shape.match(token)  # Quotes of a text in quotes are part of the token.
    field = find_field(first[1]) if first else None
    # Hashes are pasted as Sysmon writes them: MD5=….
    if first and field and not (first[2] == "=" and field.column in HASH_COLUMNS):
        form = _FORMS.get(first[2], "{}:" + first[2] + "…").format(field.name)
        raise _fault(
            f"For the field {field.name} write {form}, with a blank before it; put a text itself in quotes.",
            token,
        )


_FIELD_AND_COLON: Final = re.compile(r"(@?\w+)(:)")
_FIELD_AND_SIGN: Final = re.compile(r"(@?\w+)(!=|==|[<>]=?|=|:)")
_FORMS: Final = {"!=": "not {}:…", "==": "{}:…", "=": "{}:…", ":": "{}:…"}


def equal(field: str, token: Token, *, case_sensitive: bool = False) -> Condition:
    """Return the condition that the field's whole value is the token's, wildcards and all."""
    _refuse_comparison(token, _FIELD_AND_COLON)
    operator, value = operator_of(read_parts(_text(token)))
    if operator is Operator.EQUALS:
        network = _network_in(field, value, token)
        if network:
            return Match(field, Operator.CIDR, network)
        if type_of(field) is FieldType.TIME:
            return _within(field, value, token)
        value = _as_stored(field, value, token, case_sensitive)
    return normal_form(Match(field, operator, value, case_sensitive))


def _network_in(field: str, value: str, token: Token) -> str | None:
    """Return the network that an unquoted value of an address field is; one IPv6 address is one too.

    Sysmon does not shorten IPv6 addresses, people do: only as networks are they equal.
    """
    if token.type in _IN_QUOTES or not holds_addresses(field) or {"/", ":"}.isdisjoint(value):
        return None
    network = network_of(value)
    if network is None and field != ANY_FIELD:
        raise _fault(
            f"'{shown(value)}' is neither an address nor a network. One looks like 192.168.0.0/16 or"
            " fe80::/10; put a text in quotes.",
            token,
        )
    return None if network is None else str(network)


def _within(field: str, value: str, token: Token) -> Condition:
    start, after = _span(value, token)
    if start == after:
        return Match(field, Operator.EQUALS, time_text(start))
    return conjunction(
        [
            Match(field, Operator.GREATER_EQUAL, time_text(start)),
            Match(field, Operator.LESS, time_text(after)),
        ]
    )


def _as_stored(field: str, value: str, token: Token, case_sensitive: bool) -> str:
    if type_of(field) is FieldType.INTEGER:
        number = plain(value)
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", number):
            raise _fault(
                f"{field} is a number, and '{shown(value)}' is none. Wildcards may stand in it.", token
            )
        return str(int(number))
    known = stored_form(field, value, any_case=not case_sensitive)
    if known is None:
        names = ", ".join(NAMES[field].values())
        raise _fault(f"No event has the {field} '{shown(value)}'. It is one of {names}.", token)
    return known


def limited(field: str, sign: Token, token: Token) -> Condition:
    """Return the condition that the value is above or below a number or a time.

    A date alone is a whole day: ``<=`` takes it in, ``>`` begins behind it.
    """
    operator = _OPERATORS[plain(sign)]
    if type_of(field) is FieldType.TIME:
        start, after = _span(_text(token), token)
        if is_day(start, after) and operator in _BEHIND:
            return Match(field, _BEHIND[operator], time_text(after))
        return Match(field, operator, time_text(start))
    number = plain(_text(token))
    if number_of(number) is None:
        raise _fault(f"'{shown(number)}' is not a number, and {field} is compared as a number.", token)
    return Match(field, operator, number)


_BEHIND: Final = {
    Operator.LESS_EQUAL: Operator.LESS,
    Operator.GREATER: Operator.GREATER_EQUAL,
}


def found(field: str, token: Token, *, case_sensitive: bool = False) -> Condition:
    """Return the condition that the regular expression between slashes is found in the value."""
    pattern = token[1:-1]
    try:
        regex(pattern, case_sensitive)
    except ValueError as error:
        raise _regex_fault(token, pattern, str(error)) from error
    return normal_form(Match(field, Operator.REGEX, pattern, case_sensitive))


def _regex_fault(token: Token, pattern: str, reason: str) -> BadQuery:
    what, _, piece = reason.partition(": ")
    offset = max(pattern.find(piece), 0) if piece else 0
    hint = ""
    if piece.startswith("(?") or re.match(r"\\[1-9]", piece):
        hint = " It has no look-ahead, no look-behind and no references back: they can take for ever."
    return _fault(
        f"This is no regular expression of RE2: {what}{f' at {shown(piece)!r}' if piece else ''}.{hint}",
        token,
        offset + 1,
    )


def inside(field: str, token: Token) -> Condition:
    """Return the condition that the value is an address inside the network."""
    network = network_of(plain(_text(token)))
    if network is None:
        raise _fault(
            f"'{shown(_text(token))}' is not a network. One looks like 192.168.0.0/16 or fe80::/10.", token
        )
    return Match(field, Operator.CIDR, str(network))


def same(field: str, name: Token, *, case_sensitive: bool = False) -> Condition:
    """Return the condition that two fields have the same value."""
    other = field_named(name, str(name))
    return Match(field, Operator.FIELD_EQUALS_FIELD, other, case_sensitive)


def _span(text: str, token: Token) -> tuple[datetime, datetime]:
    try:
        return parse_span(text)
    except BadQuery as error:
        raise _fault(str(error), token) from error


def _text(token: Token) -> str:
    return token[1:-1] if token.type in _IN_QUOTES else str(token)


def _fault(sentence: str, token: Token, offset: int = 0) -> BadQuery:
    return BadQuery(sentence, position=(token.start_pos or 0) + offset)
