"""The query language: text to condition (``parse``) and back (``to_text``).

The two are inverses: ``parse(to_text(condition)) == normal_form(condition)``.
docs/query-language.md explains the language to its users.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, cast

from lark import Token, Transformer, v_args
from lark.exceptions import UnexpectedInput

from app.errors import BadQuery
from app.sysmon.condition import EVERYTHING, Condition
from app.sysmon.fields import ANY_FIELD
from app.sysmon.grammar import complaint, parser
from app.sysmon.meaning import anywhere, equal, field_named, found, inside, limited, same
from app.sysmon.normal import conjunction, disjunction, negation, normal_form
from app.sysmon.spelling import to_text

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "normal_form", "parse", "to_text"]

MAX_LENGTH: Final = 100_000
"""Characters of a query."""

MAX_DEPTH: Final = 100
"""Levels of parentheses and ``not`` in each other."""


def parse(text: str) -> Condition:
    """Return the condition, in normal form, that a query says.

    An empty query and ``*`` are every event. Raise BadQuery, with the position of the
    character that is to blame, where the query cannot be understood.
    """
    if len(text) > MAX_LENGTH:
        raise BadQuery(
            f"The query has {len(text):,} characters; {MAX_LENGTH:,} are the limit. Search in parts.",
            text=text,
            position=MAX_LENGTH,
        )
    half = re.search("[\ud800-\udfff]", text)
    if half:
        raise BadQuery(
            "Here stands half a character (a lone surrogate), which no event holds.",
            text=text,
            position=half.start(),
        )
    try:
        # The transformer runs in the parser, so what comes back is no tree.
        query = cast(_Part, parser(_Meaning).parse(text))
    except UnexpectedInput as error:
        raise complaint(text, error) from error
    except BadQuery as error:
        raise BadQuery(str(error), text=text, position=error.position) from error
    return query.condition_of("")


class _Part(NamedTuple):
    """A part of a query: its place, how deep it is, and what it says of a field.

    Values wait for the field that stands before them; a part that has its own field or
    none says the same whatever it is given.
    """

    place: int
    depth: int
    condition_of: Callable[[str], Condition]
    is_joined: bool = False


def _said(token: Token, condition: Condition) -> _Part:
    return _Part(token.start_pos or 0, 0, lambda _: condition)


def _value(token: Token, condition_of: Callable[[str], Condition]) -> _Part:
    return _Part(token.start_pos or 0, 0, condition_of)


def _deeper(place: int, part: _Part, condition_of: Callable[[str], Condition]) -> _Part:
    if part.depth >= MAX_DEPTH:
        raise BadQuery(
            f"The query has more than {MAX_DEPTH} levels of parentheses and 'not' in each other."
            " Say it with fewer.",
            position=place,
        )
    return _Part(place, part.depth + 1, condition_of)


def _joined(parts: Sequence[_Part], join: Callable[[list[Condition]], Condition]) -> _Part:
    if len(parts) == 1:
        return parts[0]

    def condition_of(field: str) -> Condition:
        return join([part.condition_of(field) for part in parts])

    deepest = max(parts, key=lambda part: part.depth)
    return _deeper(deepest.place, deepest, condition_of)._replace(place=parts[0].place, is_joined=True)


@v_args(inline=True)
class _Meaning(Transformer[Token, object]):
    """What each rule of the grammar means; it runs while the parser goes, so nothing recurs."""

    def start(self, part: _Part | None = None) -> _Part:
        return part or _Part(0, 0, lambda _: EVERYTHING)

    def either(self, *parts: _Part) -> _Part:
        return _joined(parts, disjunction)

    def both(self, *parts: _Part) -> _Part:
        return _joined(parts, conjunction)

    def negated(self, word: Token, part: _Part) -> _Part:
        return _deeper(word.start_pos or 0, part, lambda field: negation(part.condition_of(field)))

    def nested(self, opening: Token, part: _Part, _closing: Token) -> _Part:
        # Parentheses around "and" and "or" are no level of their own: those are one already.
        if part.is_joined:
            return part._replace(is_joined=False)
        return _deeper(opening.start_pos or 0, part, part.condition_of)

    list = nested

    def everything(self, star: Token) -> _Part:
        return _said(star, EVERYTHING)

    def word(self, token: Token) -> _Part:
        return _said(token, anywhere(token))

    phrase = word

    def anywhere(self, token: Token) -> _Part:
        return _said(token, found(ANY_FIELD, token))

    def comparison(self, name: Token, value: _Part) -> _Part:
        condition = value.condition_of(field_named(name, name[:-1]))
        return value._replace(place=name.start_pos or 0, condition_of=lambda _: condition)

    def value(self, token: Token) -> _Part:
        return _value(token, lambda field: equal(field, token))

    quoted = value

    def regex(self, token: Token) -> _Part:
        return _value(token, lambda field: found(field, token))

    def network(self, opening: Token, token: Token, _closing: Token) -> _Part:
        return _value(opening, lambda field: inside(field, token))

    def same(self, opening: Token, name: Token, _closing: Token) -> _Part:
        return _value(opening, lambda field: same(field, name))

    def limit(self, sign: Token, token: Token) -> _Part:
        return _value(sign, lambda field: limited(field, sign, token))

    def exact(self, sign: Token, token: Token) -> _Part:
        meaning = found if token.type == "REGEX" else equal
        return _value(sign, lambda field: meaning(field, token, case_sensitive=True))

    def exactly_same(self, sign: Token, _opening: Token, name: Token, _closing: Token) -> _Part:
        return _value(sign, lambda field: same(field, name, case_sensitive=True))
