"""A condition read back in plain words, so that a person sees what was understood.

The phrases stand in one table. ``translate`` (gettext's, say) is given each of them as it
stands here, before names and values are filled in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.sysmon.condition import EVERYTHING, NOTHING, And, Condition, Match, Not, Operator, Or
from app.sysmon.fields import ANY_FIELD, FieldType
from app.sysmon.normal import normal_form, type_of

Translate = Callable[[str], str]

#: Operator -> what holds, and what its Not says.
PHRASES: Final[dict[Operator, tuple[str, str]]] = {
    Operator.EQUALS: ("{field} is {value}", "{field} is not {value}"),
    Operator.CONTAINS: ("{field} contains {value}", "{field} does not contain {value}"),
    Operator.STARTS_WITH: ("{field} starts with {value}", "{field} does not start with {value}"),
    Operator.ENDS_WITH: ("{field} ends with {value}", "{field} does not end with {value}"),
    Operator.WILDCARD: ("{field} is like {value}", "{field} is not like {value}"),
    Operator.REGEX: ("{field} matches {value}", "{field} does not match {value}"),
    Operator.CIDR: ("{field} is in the network {value}", "{field} is not in the network {value}"),
    Operator.LESS: ("{field} is less than {value}", "{field} is not less than {value}"),
    Operator.LESS_EQUAL: ("{field} is at most {value}", "{field} is not at most {value}"),
    Operator.GREATER: ("{field} is more than {value}", "{field} is not more than {value}"),
    Operator.GREATER_EQUAL: ("{field} is at least {value}", "{field} is not at least {value}"),
    Operator.EXISTS: ("{field} has a value", "{field} has no value"),
    Operator.FIELD_EQUALS_FIELD: ("{field} is the same as {value}", "{field} is not the same as {value}"),
}
#: The same where times are compared.
TIME_PHRASES: Final[dict[Operator, tuple[str, str]]] = {
    Operator.LESS: ("{field} is before {value}", "{field} is not before {value}"),
    Operator.LESS_EQUAL: ("{field} is {value} or before", "{field} is not {value} or before"),
    Operator.GREATER: ("{field} is after {value}", "{field} is not after {value}"),
    Operator.GREATER_EQUAL: ("{field} is {value} or after", "{field} is not {value} or after"),
}
ANY: Final = "any field"
NO_FIELD: Final = "not that {condition}"
CASE: Final = "{condition} (case counts)"
ONE_OF: Final = "{field} is one of {values}"
EVERY_EVENT: Final = "every event"
NO_EVENT: Final = "no event"
AND: Final = " and "
OR: Final = " or "
NOT: Final = "not ({condition})"


def in_words(condition: Condition, translate: Translate = str) -> str:
    """Return the condition in words: ``Image ends with '\\powershell.exe' and User is not 'bob'``."""
    return _words(normal_form(condition), translate, None)


def _words(condition: Condition, translate: Translate, around: type[Condition] | None) -> str:
    if condition in (EVERYTHING, NOTHING):
        return translate(EVERY_EVENT if condition == EVERYTHING else NO_EVENT)
    match condition:
        case Match():
            return _comparison(condition, translate, negated=False)
        case Not(Match() as inner):
            return _comparison(inner, translate, negated=True)
        case Not(part):
            return translate(NOT).format(condition=_words(part, translate, None))
        case And(parts) | Or(parts):
            field = _listed_field(condition)
            if field:
                values = ", ".join(_value(part) for part in parts if isinstance(part, Match))
                return translate(ONE_OF).format(field=field, values=values)
            joint = translate(AND if isinstance(condition, And) else OR)
            text = joint.join(_words(part, translate, type(condition)) for part in parts)
            return f"({text})" if around else text


def _listed_field(condition: Condition) -> str | None:
    """Return the field of which the condition lists values, or None."""
    if not isinstance(condition, Or):
        return None
    fields = {
        part.field if isinstance(part, Match) and _is_plain_equals(part) else None for part in condition.parts
    }
    return fields.pop() if len(fields) == 1 else None


def _is_plain_equals(match: Match) -> bool:
    return match.operator is Operator.EQUALS and not match.case_sensitive and match.field != ANY_FIELD


def _comparison(match: Match, translate: Translate, *, negated: bool) -> str:
    table = PHRASES | TIME_PHRASES if type_of(match.field) is FieldType.TIME else PHRASES
    # "Any field is not" would say that one field differs; what is meant is that none is so.
    none_at_all = negated and match.field == ANY_FIELD
    phrase = translate(table[match.operator][negated and not none_at_all])
    field = translate(ANY) if match.field == ANY_FIELD else match.field
    text = phrase.format(field=field, value=_value(match))
    if match.case_sensitive:
        text = translate(CASE).format(condition=text)
    return translate(NO_FIELD).format(condition=text) if none_at_all else text


def _value(match: Match) -> str:
    if match.operator is Operator.REGEX:
        return f"/{match.value}/"
    if match.operator in _NAMES or type_of(match.field) is not FieldType.TEXT:
        return match.value
    return f"'{match.value}'"


_NAMES: Final = {
    Operator.FIELD_EQUALS_FIELD,
    Operator.CIDR,
    Operator.LESS,
    Operator.LESS_EQUAL,
    Operator.GREATER,
    Operator.GREATER_EQUAL,
}
