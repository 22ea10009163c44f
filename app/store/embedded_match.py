"""One comparison as DuckDB's SQL: an operator on a text, a number or a time.

Each function returns an expression that is true where the comparison holds, and false or
null where it does not; ``embedded_sql`` joins them so that null never counts as true.
Values never stand in the SQL: they are bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Final

from app.sysmon.condition import Match, Operator
from app.sysmon.events import microseconds, time_text
from app.sysmon.fields import HASH_COLUMNS, FieldType
from app.sysmon.text import fold
from app.sysmon.values import NUMBER, number_of, time_of, wildcard_parts

NEVER: Final = "false"
ALWAYS: Final = "true"

IN_NETWORK: Final = "in_network"
"""The function of two texts, address and network, that ``embedded_engine`` registers."""

_LARGEST: Final = 2**63 - 1
WHOLE_GUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A GUID as it is stored: where a part of a GUID is as long as this, it is the whole."""

PARTS: Final = frozenset({Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH})
_HEXADECIMAL = re.compile("[0-9a-f-]*")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")


@dataclass(slots=True)
class Parameters:
    """The values of a statement, by the names under which its SQL has them."""

    values: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object) -> str:
        """Return the placeholder of a value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


@dataclass(frozen=True, slots=True)
class Operand:
    """What is compared: an SQL expression, how it is stored, and the column, where it is one."""

    sql: str
    type: FieldType = FieldType.TEXT
    column: str = ""

    def text(self) -> str:
        """Return the expression of the value's text form (``events.value_text``)."""
        if self.type is FieldType.INTEGER:
            return f"CAST({self.sql} AS VARCHAR)"
        if self.type is FieldType.TIME:
            written = f"strftime(timezone('UTC', {self.sql}), '%Y-%m-%d %H:%M:%S.%f')"
            return f"regexp_replace({written}, '000$', '')"
        return self.sql


def folded(text: str) -> str:
    """Return the expression of a text as ``text.fold`` makes it: DuckDB's lower is that."""
    return f"lower({text})"


def compared(match: Match, operand: Operand, parameters: Parameters) -> str:
    """Return the expression of one comparison; FIELD_EQUALS_FIELD is not among them."""
    if match.operator is Operator.EXISTS:
        return f"{operand.sql} IS NOT NULL"
    if match.operator is Operator.EQUALS or (
        match.operator in PARTS and operand.type is FieldType.GUID and WHOLE_GUID.fullmatch(fold(match.value))
    ):
        return equals_one_of([match.value], operand, match.case_sensitive, parameters)
    return _OPERATORS[match.operator](match, operand, parameters)


def equals_one_of(
    values: Iterable[str], operand: Operand, case_sensitive: bool, parameters: Parameters
) -> str:
    """Return the expression of a value being one of several.

    In the form that the column is stored in, so that minima, maxima and Bloom filters of
    the files can answer.
    """
    wanted = [value for value in dict.fromkeys(values) if _is_storable(value)]
    if operand.type is FieldType.INTEGER:
        return _one_of(operand.sql, [n for n in map(integer, wanted) if n is not None], parameters)
    if operand.type is FieldType.TIME:
        return _one_of(
            f"epoch_us({operand.sql})", [n for n in map(_time, wanted) if n is not None], parameters
        )
    if case_sensitive:
        return _one_of(operand.sql, wanted, parameters)
    wanted = list(dict.fromkeys(map(fold, wanted)))
    if all(map(_HEXADECIMAL.fullmatch, wanted)):  # What is stored in one case is found as it stands.
        if operand.type is FieldType.GUID:
            return _one_of(operand.sql, wanted, parameters)
        if operand.column in HASH_COLUMNS:
            return _one_of(operand.sql, [text.upper() for text in wanted], parameters)
    return _one_of(folded(operand.sql), wanted, parameters)


def _one_of(sql: str, values: list[str] | list[int], parameters: Parameters) -> str:
    if not values:
        return NEVER
    if len(values) == 1:
        return f"{sql} = {parameters.bind(values[0])}"
    return f"{sql} IN ({', '.join(parameters.bind(value) for value in values)})"


def _is_storable(text: str) -> bool:
    """Tell whether a stored text can be, or have in it, this one: lone surrogates never are."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def integer(text: str) -> int | None:
    """Return the number whose text form this is, if a column can hold it."""
    number = int(text) if _INTEGER.fullmatch(text) else None
    return number if number is not None and -_LARGEST - 1 <= number <= _LARGEST else None


def _time(text: str) -> int | None:
    time = time_of(text)
    return microseconds(time) if time is not None and time_text(time) == text else None


def _sides(match: Match, operand: Operand, parameters: Parameters) -> tuple[str, str]:
    """Return the text and what it is compared with, folded as the match says."""
    if match.case_sensitive:
        return operand.text(), parameters.bind(match.value)
    needle = fold(match.value)
    if operand.type is FieldType.GUID and _HEXADECIMAL.fullmatch(needle):
        return operand.sql, parameters.bind(needle)
    return folded(operand.text()), parameters.bind(needle)


def _contains(match: Match, operand: Operand, parameters: Parameters) -> str:
    return f"contains({', '.join(_sides(match, operand, parameters))})"


def _starts_with(match: Match, operand: Operand, parameters: Parameters) -> str:
    return f"starts_with({', '.join(_sides(match, operand, parameters))})"


def _ends_with(match: Match, operand: Operand, parameters: Parameters) -> str:
    return f"suffix({', '.join(_sides(match, operand, parameters))})"


def _wildcard(match: Match, operand: Operand, parameters: Parameters) -> str:
    parts = wildcard_parts(match.value if match.case_sensitive else fold(match.value))
    shape = "".join(part[0] for part in parts)
    plain = next((part[1:] for part in parts if part[0] == "="), "")
    if shape in _SHAPES:
        return compared(Match(match.field, _SHAPES[shape], plain, match.case_sensitive), operand, parameters)
    text = operand.text() if match.case_sensitive else folded(operand.text())
    pattern = "".join(_LIKE.get(part) or re.sub(r"([\\%_])", r"\\\1", part[1:]) for part in parts)
    return f"{text} LIKE {parameters.bind(pattern)} ESCAPE '\\'"


_LIKE: Final = {"*": "%", "?": "_"}
_SHAPES: Final = {
    "": Operator.EQUALS,
    "=": Operator.EQUALS,
    "*": Operator.EXISTS,
    "=*": Operator.STARTS_WITH,
    "*=": Operator.ENDS_WITH,
    "*=*": Operator.CONTAINS,
}


def _regex(match: Match, operand: Operand, parameters: Parameters) -> str:
    options = "c" if match.case_sensitive else "i"
    return f"regexp_matches({operand.text()}, {parameters.bind(match.value)}, '{options}')"


def _cidr(match: Match, operand: Operand, parameters: Parameters) -> str:
    return f"{IN_NETWORK}({operand.text()}, {parameters.bind(match.value)})"


_SIGNS: Final = {
    Operator.LESS: "<",
    Operator.LESS_EQUAL: "<=",
    Operator.GREATER: ">",
    Operator.GREATER_EQUAL: ">=",
}


def _ordered(match: Match, operand: Operand, parameters: Parameters) -> str:
    sign = _SIGNS[match.operator]
    if operand.type is FieldType.TIME:
        time = time_of(match.value)
        return NEVER if time is None else f"{operand.sql} {sign} {instant(microseconds(time), parameters)}"
    limit = number_of(match.value)
    if limit is None:
        return NEVER
    if operand.type is FieldType.INTEGER:
        # Whole numbers on both sides, so that minima and maxima of the files can answer.
        up = match.operator in {Operator.LESS, Operator.GREATER_EQUAL}
        whole = int(limit.to_integral_value(ROUND_CEILING if up else ROUND_FLOOR))
        return f"{operand.sql} {sign} {parameters.bind(whole)}"
    number = f"CASE WHEN regexp_full_match({operand.sql}, '{NUMBER}') THEN {_decimal(operand.sql)} END"
    return f"{number} {sign} {_decimal(parameters.bind(match.value))}"


def _decimal(sql: str) -> str:
    return f"CAST({sql} AS DECIMAL(38, 18))"


def instant(time: int, parameters: Parameters) -> str:
    """Return the expression of a time, from microseconds since 1970."""
    return f"make_timestamptz(CAST({parameters.bind(time)} AS BIGINT))"


_OPERATORS: Final[dict[Operator, Callable[[Match, Operand, Parameters], str]]] = {
    Operator.CONTAINS: _contains,
    Operator.STARTS_WITH: _starts_with,
    Operator.ENDS_WITH: _ends_with,
    Operator.WILDCARD: _wildcard,
    Operator.REGEX: _regex,
    Operator.CIDR: _cidr,
    Operator.LESS: _ordered,
    Operator.LESS_EQUAL: _ordered,
    Operator.GREATER: _ordered,
    Operator.GREATER_EQUAL: _ordered,
}
