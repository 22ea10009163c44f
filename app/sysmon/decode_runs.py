"""Where Base64 may stand in a value: behind a switch, in a call, or bare.

Every pattern is linear: what it has passed it does not read again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

LEAST_BARE: Final = 20
"""Shorter ones are not looked at unless a switch or a call says that they are encoded."""

MAX_RUNS: Final = 5_000
"""So many places of each sort are looked at: more than the 32,767 characters of a command
line can hold."""

_LEAST: Final = 6
_LEAST_LINE: Final = 32
_MAX_PARTS: Final = 200
_ALPHABET: Final = r"A-Za-z0-9+/_\-"
_GLUE: Final = "[\\^\"`']{0,4}"


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a value that may be Base64, with what stood in between left out.

    ``how`` is the switch or the function that says so, empty where there is none;
    ``is_argument``: of PowerShell. ``is_last``: the value ends with it, so its end may be
    missing.
    """

    encoded: str
    start: int
    end: int
    how: str = ""
    is_argument: bool = False
    is_last: bool = False

    def as_bare(self) -> Run:
        """Return the same without what said that it is encoded."""
        return replace(self, how="", is_argument=False)

    def parts(self) -> Iterator[Run]:
        """Yield what stands between slashes, where nothing said that the whole is encoded."""
        if self.how or "/" not in self.encoded or len(self.encoded) != self.end - self.start:
            return
        for found in islice(_PART.finditer(self.encoded), _MAX_PARTS):
            start, end = self.start + found.start(), self.start + found.end()
            yield Run(found[0], start, end, is_last=self.is_last and end == self.end)


def runs(value: str) -> Iterator[Run]:
    """Yield the parts of a value that may be Base64, in the order in which they stand."""
    sure = sorted(
        (*islice(_arguments(value), MAX_RUNS), *islice(_calls(value), MAX_RUNS)), key=lambda run: run.start
    )
    done = 0
    for found in islice(_BARE.finditer(value), MAX_RUNS):
        while done < len(sure) and sure[done].start <= found.start():
            yield sure[done]
            done += 1
        is_inside = done > 0 and found.start() < sure[done - 1].end
        if not is_inside and not (done < len(sure) and sure[done].start < found.end()):
            yield from _bare(value, found)
    yield from sure[done:]


def _from(word: str, least: int) -> str:
    """Return a pattern of the beginnings of ``word`` with at least so many letters."""
    pattern = ""
    for letter in reversed(word[least:]):
        pattern = f"(?:{_GLUE}{letter}{pattern})?"
    return _GLUE.join(word[:least]) + pattern


#: PowerShell knows a switch by the beginning of its name, and five signs for the dash; cmd
#: drops carets and quotes on the way.
_ARGUMENT: Final = re.compile(
    rf"(?P<how>[-/\u2013\u2014\u2015](?<![^\s\"'^`,;(=].)[-\u2013\u2014\u2015]?{_GLUE}"
    rf"(?:{_from('encodedarguments', 8)}|{_from('encodedcommand', 1)}|e{_GLUE}c|e{_GLUE}a))"
    rf"[\^\"`']*+[\s,:=][\s,:=\"'`^(\\]*+"
    rf"(?P<run>[{_ALPHABET}][{_ALPHABET}\^\"`]{{{_LEAST - 1},}}+(?:\r?\n[{_ALPHABET}]++)*+={{0,2}})",
    re.IGNORECASE | re.DOTALL,
)
_CALL: Final = re.compile(
    r"\b(?P<how>FromBase64(?:String|CharArray)?|b64decode|base64_decode|decode64|atob)\s*+"
    rf"\([\s(]*+(?P<run>[\"'`\\][{_ALPHABET}=\s\"'`^\\]{{{_LEAST},}}+)",
    re.IGNORECASE,
)
#: The look behind keeps it from beginning within a word that is too short.
_BARE: Final = re.compile(
    rf"[{_ALPHABET}^](?<![{_ALPHABET}^].)[{_ALPHABET}^]{{{LEAST_BARE - 1},}}+"
    rf"(?:\r?\n[{_ALPHABET}]++)*+={{0,2}}",
    re.DOTALL,
)
_LINE: Final = re.compile(r"[^\r\n]+")
_PART: Final = re.compile(rf"[A-Za-z0-9+_-]{{{LEAST_BARE},}}={{0,2}}")
_JOIN: Final = re.compile(r"[\"'][\s\\`]*+\+[\s\\`]*+[\"']")
_BETWEEN: Final = b"^\"'`\\ \t\r\n\v\f\x1c\x1d\x1e\x1f"
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f-]+")


def _arguments(value: str) -> Iterator[Run]:
    for found in _ARGUMENT.finditer(value):
        line, start, end = _lines(found["run"], found.start("run"))[0]
        yield _run(value, line, start, end, found["how"], is_argument=True)


def _calls(value: str) -> Iterator[Run]:
    lowered = value.lower()
    if not any(word in lowered for word in ("base64", "b64decode", "decode64", "atob")):
        return
    for found in _CALL.finditer(value):
        start, end = found.span("run")
        encoded = _JOIN.sub("", found["run"]).strip(" \t\r\n\"'`^\\")
        yield _run(value, encoded, start, end, found["how"])


def _bare(value: str, found: re.Match[str]) -> Iterator[Run]:
    for line, start, end in _lines(found[0], found.start())[:_MAX_PARTS]:
        run = _run(value, line, start, end)
        if len(run.encoded) >= LEAST_BARE and not _HEXADECIMAL.fullmatch(run.encoded):
            yield run


def _run(value: str, text: str, start: int, end: int, how: str = "", *, is_argument: bool = False) -> Run:
    encoded = text.encode("ascii", "ignore").translate(None, _BETWEEN).decode()
    is_last = not value[end:].strip(" \"'\\)\r\n") if len(value) - end < 100 else False
    return Run(encoded, start, end, how.translate(_NO_GLUE), is_argument, is_last)


_NO_GLUE: Final = dict.fromkeys(map(ord, "^\"`'"))


def _lines(text: str, place: int) -> list[tuple[str, int, int]]:
    """Return the lines with their places, or all as one where an encoder broke one text into lines."""
    lines = [(found[0], place + found.start(), place + found.end()) for found in _LINE.finditer(text)]
    lengths = {len(line) for line, *_ in lines[:-1]}
    is_one = len(lengths) == 1 and len(lines[-1][0]) <= (length := lengths.pop()) and length >= _LEAST_LINE
    return [(text, place, place + len(text))] if is_one else lines
