"""The grammar of the query language, and what its syntax errors say.

``docs/query-language.md`` explains the language; ``language.py`` gives it its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Final

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from app.errors import BadQuery
from app.sysmon.spelling import OTHER_QUOTES, PHRASE

# Each sign may come from a Japanese keyboard too, in full width.
_OPEN = "(\uff08"
_CLOSE = ")\uff09"
_COLON = ":\uff1a"
_SIGNS = "<>\uff1c\uff1e"
_EQUAL = "=\uff1d"
_QUOTES = f'"{OTHER_QUOTES}'

_END = rf"(?=[\s{_CLOSE}]|\Z)"
_KEYWORD_END = rf"(?=[\s{_OPEN}{_CLOSE}{_QUOTES}]|\Z)"
_WORD = rf'(?:\\["\\]|[^\s{_OPEN}{_CLOSE}"])++(?![{_OPEN}"])'
_IPV6 = "[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:"
_NO_KEYWORD = rf"(?!(?:and|or|not){_KEYWORD_END})"

# What stands behind a field is a language of its own: a slash, a sign or a colon means
# something else there. So both have terminals of their own, and the lexer looks at the
# parser's state to know which ones may come. FOLDER is a quoted path as it is pasted, with a
# backslash at its end: it counts only where PHRASE, which takes that quote for a part of
# the text, finds no end.
GRAMMAR: Final = rf"""
start: [either]
?either: both (_OR both)*
?both: unary (_AND? unary)*
?unary: NOT unary -> negated
    | LPAR either RPAR -> nested
    | EVERYTHING -> everything
    | WORD -> word
    | (PHRASE | FOLDER | OTHER_PHRASE) -> phrase
    | ANYWHERE -> anywhere
    | FIELD _value -> comparison

_value: single | list
list: LPAR any_value RPAR
?any_value: all_values (_OR all_values)* -> either
?all_values: one_value (_AND one_value)* -> both
?one_value: NOT one_value -> negated
    | single
    | list

?single: VALUE -> value
    | (PHRASE | FOLDER | OTHER_PHRASE) -> quoted
    | REGEX -> regex
    | CIDR (VALUE | PHRASE) RPAR -> network
    | SAME NAME RPAR -> same
    | LIMIT (VALUE | PHRASE | OTHER_PHRASE) -> limit
    | EXACT (VALUE | PHRASE | FOLDER | OTHER_PHRASE | REGEX) -> exact
    | EXACT SAME NAME RPAR -> exactly_same

_OR.9: /or{_KEYWORD_END}/i
_AND.9: /and{_KEYWORD_END}/i
NOT.9: /not{_KEYWORD_END}/i
LPAR.8: /[{_OPEN}]/
RPAR.8: /[{_CLOSE}](?=[\s{_OPEN}{_CLOSE}]|\Z)/
FIELD.7: /(?![A-Za-z]:\\|{_IPV6})(?:\*|@?[^\W\d]\w*)[{_COLON}](?!:(?!:)|\/\/)/
EVERYTHING.6: /\*+{_END}/
ANYWHERE.6: /\/(?:\\.|[^\/\\\s])++\/{_END}/
WORD: /{_NO_KEYWORD}(?![{_QUOTES}]){_WORD}/
PHRASE.5: /{PHRASE}{_END}/s
FOLDER.4: /"[^"]*[^"\\]\\["]{_END}/
OTHER_PHRASE.5: /[{OTHER_QUOTES}][^{_QUOTES}]*+[{_QUOTES}]{_END}/s
VALUE: /{_NO_KEYWORD}(?![{_QUOTES}{_SIGNS}{_EQUAL}\/]){_WORD}/
REGEX.6: /\/(?:\\.|[^\/\\])*+\/{_END}/s
LIMIT.6: /[{_SIGNS}][{_EQUAL}]?/
EXACT.6: /[{_EQUAL}]/
CIDR.6: /cidr\(/i
SAME.6: /field\(/i
NAME: /@?[^\W\d]\w*/
%ignore /\s+/
"""

_START: Final = "Write a word, a text in quotes, or a field and a value: Image:*\\cmd.exe."


@cache
def parser(meaning: type[Transformer[Token, object]]) -> Lark:
    """Return the parser; making it takes some 30 ms, so it is made once."""
    return Lark(GRAMMAR, parser="lalr", lexer="contextual", transformer=meaning(), maybe_placeholders=False)


def complaint(text: str, error: UnexpectedInput) -> BadQuery:
    """Say what is wrong at the place where the parser could not go on, and what to write."""
    at, expected = _place(text, error)
    sentence, position = (
        _at_the_end(text, error, expected) if at >= len(text) else (_in_the_text(text, at, expected), at)
    )
    return BadQuery(sentence, text=text, position=position)


def _place(text: str, error: UnexpectedInput) -> tuple[int, AbstractSet[str]]:
    if isinstance(error, UnexpectedToken):
        at = len(text) if error.token.type == "$END" else error.token.start_pos
        return at or 0, error.expected
    allowed = error.allowed if isinstance(error, UnexpectedCharacters) else None
    return error.pos_in_stream or 0, allowed or set()


def _at_the_end(text: str, error: UnexpectedInput, expected: AbstractSet[str]) -> tuple[str, int]:
    last = text.split()[-1]
    if not expected & {"WORD", "VALUE", "NAME"} and isinstance(error, UnexpectedToken):
        stack = error.interactive_parser.parser_state.value_stack if error.interactive_parser else []
        opened = [token for token in stack if isinstance(token, Token) and token.type in _OPENING]
        place = (opened[-1].end_pos or 1) - 1 if opened else len(text)
        return "This parenthesis is never closed: write ) behind the last part that belongs to it.", place
    if "WORD" in expected:
        return f"Something is missing behind '{shown(last)}'. {_START}", len(text)
    if "NAME" in expected:
        return f"The name of a field is missing behind '{shown(last)}'.", len(text)
    return f"A value is missing behind '{shown(last)}'. {_VALUE}", len(text)


_OPENING: Final = {"LPAR", "SAME", "CIDR"}
_VALUE: Final = "Write the value, any text with * and ? in it, or * alone for any value."


def _in_the_text(text: str, at: int, expected: AbstractSet[str]) -> str:
    word = re.match(rf'[^\s{_OPEN}{_CLOSE}"]*', text[at:])
    found = word[0] if word else ""
    if text[at] in _QUOTES:
        return _about_quote(text, at)
    if text[at] in _CLOSE:
        return _about_closing(expected)
    if text[at] in _OPEN and (at == 0 or not text[at - 1].isspace()):
        return "A parenthesis cannot stand here. Put a text that has parentheses in it in quotes."
    if found.lower() in {"and", "or", "not"} and not expected & {"_AND", "_OR"}:
        return f"Before '{found}' something is missing, or it is a text: then put it in quotes."
    if text[at] == "/" and "REGEX" in expected:
        return (
            "A regular expression ends with / and then a blank. Write \\/ for a slash in it, or put the"
            " value in quotes if it is a text that begins with a slash."
        )
    if found and text[at + len(found) : at + len(found) + 1] in {*_OPEN, '"'}:
        return (
            f"Put '{shown(found)}…' in quotes, for there are quotes or parentheses in it;"
            ' write \\" for a quote.'
        )
    if "RPAR" in expected and "$END" not in expected and "FIELD" not in expected and "VALUE" not in expected:
        return f"Between the values of a list stands or (or and), not '{shown(found or text[at])}'."
    if text[at] in _SIGNS + _EQUAL and "VALUE" in expected:
        return f"Behind '{text[at]}' comes a number or a time; put a text that begins with it in quotes."
    return f"'{shown(found or text[at])}' cannot stand here. {_VALUE if 'VALUE' in expected else _START}"


def _about_quote(text: str, at: int) -> str:
    closed = re.compile(PHRASE, re.DOTALL).match(text, at) if text[at] == '"' else None
    if closed:
        return 'Behind a closing quote comes a blank. Write \\" for a quote inside the text.'
    return "This quote is never closed. A backslash makes the quote behind it part of the text."


def _about_closing(expected: AbstractSet[str]) -> str:
    if expected & {"WORD", "VALUE"} and "_OR" not in expected:
        return f"Before this parenthesis something is missing. {_VALUE if 'VALUE' in expected else _START}"
    if "RPAR" in expected:
        return "Behind a closing parenthesis comes a blank. Put a text that has parentheses in it in quotes."
    return "This parenthesis closes none. Take it away, or put it in quotes if it is part of a text."


def shown(text: str) -> str:
    """Return the beginning of a text, short enough for a sentence."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_SHOWN: Final = 40
