"""How the query language spells a value, and a condition as a whole: ``to_text``.

A value is read into parts as ``values.wildcard_parts`` makes them: ``*``, ``?`` and plain
texts that begin with ``=``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from app.sysmon.condition import EVERYTHING, NOTHING, And, Condition, Match, Not, Operator, Or
from app.sysmon.fields import ANY_FIELD, FieldType
from app.sysmon.normal import COMPARISONS, normal_form, type_of
from app.sysmon.values import parts_of, wildcard_parts

#: Quotes of word processors and of Japanese keyboards, taken for ``"`` where a text begins with one.
OTHER_QUOTES: Final = "\u201c\u201d\u201e\u201f\uff02"

PHRASE: Final = r'"(?:\\["\\]|[^"])*+"'
"""A text in quotes; a backslash may stand before a quote or a backslash in it.

(Lark reads a backslash before a quote in its own way: hence the order in the brackets.)
"""


def read_parts(written: str) -> tuple[str, ...]:
    r"""Return the parts of a value as it is written in a query, its outer quotes taken off.

    A backslash makes the ``*``, ``?``, ``\`` or quote behind it plain; before anything
    else it is itself. In a text that is pasted as Windows shows it every backslash is
    itself, so that ``C:\Users\*`` is all below that folder. It shows by a backslash before
    an ordinary character, while none is doubled, but for the two that ``\\server\`` begins
    with.
    """
    tokens = re.findall(r'\\[*?\\"]|.', written, re.DOTALL)
    if "\\" in tokens and "\\\\" not in (tokens[1:] if tokens[1:2] != ["*"] else tokens):
        tokens = re.findall(r'\\"|.', written, re.DOTALL)
    return parts_of(tokens)


_WORD: Final = re.compile(r"(?!\w\w+:)[\w\\.*?%$~{-][\w\\.*?%$~{}:,;@#&+=/!|^'\[\]-]*")
_BARE_WORD: Final = re.compile(r"(?!\*+\Z)[\w\\.*?%$~{}@,;#&+/|^'\[\]-]*")
_KEYWORD: Final = re.compile(r"and|or|not", re.IGNORECASE)


def write_parts(parts: tuple[str, ...], *, bare: bool = False, quoted: bool = False) -> str:
    """Write parts so that ``read_parts`` reads them; ``bare`` without a field before them.

    Backslashes are doubled only where they must be: first as they are, as a person
    would paste them, then where the next character asks for it, then all.
    """
    for escape in (_escape_no_backslash, _escape_where_needed, _escape_all):
        written = "".join(part if part in {"*", "?"} else escape(part[1:]) for part in parts)
        in_quotes = f'"{written}"'
        if read_parts(written) == parts and re.fullmatch(PHRASE, in_quotes):
            break
    plain = not quoted and _WORD.fullmatch(written) and (not bare or _BARE_WORD.fullmatch(written))
    return written if plain and not _KEYWORD.fullmatch(written) else in_quotes


def _escape_no_backslash(text: str) -> str:
    return re.sub(r'[*?"]', r"\\\g<0>", text)


def _escape_where_needed(text: str) -> str:
    return re.sub(r'[*?"]|\\(?=[*?"\\]|\Z)', r"\\\g<0>", text)


def _escape_all(text: str) -> str:
    return re.sub(r'[*?"\\]', r"\\\g<0>", text)


def holds_addresses(field: str) -> bool:
    """Tell whether a value of the field may be a network: SourceIp, DestinationIp, and any field."""
    return field == ANY_FIELD or field.endswith("Ip")


def to_text(condition: Condition) -> str:
    """Return the query that ``language.parse`` reads as this condition (its normal form)."""
    return _text(normal_form(condition), None)


def _text(condition: Condition, around: type[Condition] | None) -> str:
    if condition in (EVERYTHING, NOTHING):
        return "*" if condition == EVERYTHING else "not *"
    match condition:
        case Match():
            return _match_text(condition)
        case Not(part):
            return f"not {_text(part, Not)}"
        case And(parts) | Or(parts):
            word = " and " if isinstance(condition, And) else " or "
            field = _common_field(parts)
            if field:
                return (
                    f"{field}:({word.join(_value_text(part) for part in parts if isinstance(part, Match))})"
                )
            text = word.join(_text(part, type(condition)) for part in parts)
            return text if around is None else f"({text})"


def _common_field(parts: tuple[Condition, ...]) -> str | None:
    """Return the field that all parts compare, which need be written only once, or None."""
    fields = {part.field if isinstance(part, Match) else None for part in parts}
    return fields.pop() if len(fields) == 1 and ANY_FIELD not in fields else None


def _match_text(match: Match) -> str:
    if match.field == ANY_FIELD and not match.case_sensitive:
        if match.operator is Operator.CONTAINS:
            return write_parts(("=" + match.value,), bare=True)
        parts = wildcard_parts(match.value)
        if match.operator is Operator.WILDCARD and parts[0] == parts[-1] == "*":
            return write_parts(parts[1:-1], bare=True)
    return f"{match.field}:{_value_text(match)}"


def _value_text(match: Match) -> str:
    case = "=" if match.case_sensitive else ""
    match match.operator:
        case Operator.EXISTS:
            return "*"
        case Operator.REGEX:
            return f"{case}/{re.sub(_UNESCAPED, _with_escaped_slash, match.value, flags=re.DOTALL)}/"
        case Operator.CIDR:
            return match.value if holds_addresses(match.field) else f"cidr({match.value})"
        case Operator.FIELD_EQUALS_FIELD:
            return f"{case}field({match.value})"
        case Operator.EQUALS:
            quoted = holds_addresses(match.field) and not {"/", ":"}.isdisjoint(match.value)
            return case + write_parts(("=" + match.value,) if match.value else (), quoted=quoted)
        case Operator.WILDCARD:
            return case + write_parts(wildcard_parts(match.value))
    if match.operator in COMPARISONS:
        return COMPARISONS[match.operator] + _limit_text(match)
    return case + write_parts(_AROUND[match.operator]("=" + match.value))


_AROUND: Final[dict[Operator, Callable[[str], tuple[str, ...]]]] = {
    Operator.CONTAINS: lambda text: ("*", text, "*"),
    Operator.STARTS_WITH: lambda text: (text, "*"),
    Operator.ENDS_WITH: lambda text: ("*", text),
}
_UNESCAPED: Final = r"\\.|/"


def _with_escaped_slash(found: re.Match[str]) -> str:
    return "\\/" if found[0] == "/" else found[0]


def _limit_text(match: Match) -> str:
    if type_of(match.field) is not FieldType.TIME:
        return match.value
    date = match.value.removesuffix(" 00:00:00.000")
    # Of a date alone, the other two operators would mean the end of the day.
    from_its_start = match.operator in {Operator.GREATER_EQUAL, Operator.LESS}
    return date if date != match.value and from_its_start else f'"{match.value}"'
