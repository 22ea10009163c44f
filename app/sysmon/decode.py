"""Base64 in command lines and scripts: found and decoded, for reading only.

Nothing is run or fetched. What stands behind PowerShell's ``-EncodedCommand``, or as a
text in ``FromBase64String('…')``, is meant to be decoded; anything else must give a text
that chance does not make, so a GUID, a hash, a path or a word is never "decoded". Time is
linear in the value's length.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Final

from app.sysmon.decode_bytes import NO_TEXT, Reading, hex_dump, is_program, read_bytes
from app.sysmon.decode_runs import LEAST_BARE, Run, runs
from app.sysmon.events import Event

MAX_FOUND: Final = 50
"""So many encoded texts are decoded in one value, those in decoded texts included."""

MAX_CHARACTERS: Final = 2_000_000
"""No more is decoded where so many characters came out of one value or event."""

MAX_LAYERS: Final = 5
"""A decoded text is searched again, so many times one within the other."""

DECODED_FIELDS: Final = (
    "CommandLine",
    "ParentCommandLine",
    "Details",
    "Contents",
    "Destination",
    "Query",
    "Configuration",
)
"""The fields that may hold a command line or a script, beside ``other``."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An encoded text of a value, decoded.

    ``how`` says each step: ``-enc, Base64, UTF-16LE``. ``start`` and ``end`` are where the
    encoded text stands in the value. ``layers`` were found in ``text`` itself, places
    counted there. ``truncated``: unpacking stopped at the limit. ``broken``: the encoded
    text ends too early, as where the log cut it off. Where ``is_text`` is false, ``text``
    is the hex dump of the first 256 of ``size`` bytes.
    """

    text: str
    how: str
    start: int
    end: int
    layers: tuple[Decoded, ...] = ()
    truncated: bool = False
    broken: bool = False
    is_text: bool = True
    size: int = 0

    def to_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "how": self.how,
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "truncated": self.truncated,
            "broken": self.broken,
            "is_text": self.is_text,
            "layers": [layer.to_json() for layer in self.layers],
        }


def decode(value: str) -> tuple[Decoded, ...]:
    """Return the encoded texts of a value in the order in which they stand, at most 50."""
    return _decode(value, _Allowance())


def decoded_fields(event: Event) -> tuple[tuple[str, Decoded], ...]:
    """Return the encoded texts of an event, each with the name of its field."""
    values = [(name, event.get(name)) for name in DECODED_FIELDS] + list(event.other.items())
    allowance = _Allowance()
    return tuple(
        (name, decoded)
        for name, value in values
        if isinstance(value, str)
        for decoded in _decode(value, allowance)
    )


@dataclass(slots=True)
class _Allowance:
    """What may still be decoded of one value or event, and how deep this is."""

    found: int = MAX_FOUND
    characters: int = MAX_CHARACTERS
    depth: int = 0

    @property
    def is_used_up(self) -> bool:
        return self.found <= 0 or self.characters <= 0


def _decode(value: str, allowance: _Allowance) -> tuple[Decoded, ...]:
    if allowance.depth >= MAX_LAYERS:
        return ()
    found: list[Decoded] = []
    for run in runs(value):
        if allowance.is_used_up:
            break
        decoded = _decode_run(run, allowance)
        if decoded:
            found.append(decoded)
        else:
            # A path may hold an encoded text as one of its parts.
            found += filter(None, (_decode_run(part, allowance) for part in run.parts()))
    return tuple(found)


def _decode_run(run: Run, allowance: _Allowance) -> Decoded | None:
    data, is_short = _from_base64(run)
    may_be_cut = run.is_last or bool(run.how)
    reading = read_bytes(data, is_certain=bool(run.how), may_be_cut=may_be_cut) if data else None
    if run.is_argument and not (reading and reading.steps == ("UTF-16LE",)):
        # PowerShell reads UTF-16LE only: what is none was no argument of this switch.
        return _decode_run(run.as_bare(), allowance) if len(run.encoded) >= LEAST_BARE else None
    is_text = reading is not None
    reading = reading or _binary(data, run)
    if reading is None or allowance.is_used_up:
        return None
    return Decoded(
        text=reading.text,
        how=", ".join(step for step in (run.how, "Base64", *reading.steps) if step),
        start=run.start,
        end=run.end,
        layers=_layers(reading.text if is_text else "", allowance),
        truncated=reading.is_limited,
        broken=reading.is_broken or is_short,
        is_text=is_text,
        size=len(data),
    )


def _layers(text: str, allowance: _Allowance) -> tuple[Decoded, ...]:
    allowance.found -= 1
    allowance.characters -= len(text)
    allowance.depth += 1
    layers = _decode(text, allowance)
    allowance.depth -= 1
    return layers


def _binary(data: bytes, run: Run) -> Reading | None:
    """Return a dump of what is no text, where a function's name or the bytes say that it is real."""
    is_meant = bool(run.how) and len(data) >= _LEAST_BINARY
    return Reading(hex_dump(data), (NO_TEXT,)) if is_meant or is_program(data) else None


def _from_base64(run: Run) -> tuple[bytes, bool]:
    """Return the bytes, empty where it is no Base64, and whether half a byte is left over."""
    encoded = run.encoded.rstrip("=")
    if "-" in encoded or "_" in encoded:
        if "+" in encoded or "/" in encoded:
            return b"", False
        encoded = encoded.translate(_URL_SAFE)
    is_short = len(encoded) % 4 == 1
    if is_short and not (run.how or run.is_last):
        return b"", False
    encoded = encoded[:-1] if is_short else encoded + "=" * (-len(encoded) % 4)
    try:
        return binascii.a2b_base64(encoded), is_short
    except binascii.Error:
        return b"", False


_URL_SAFE: Final = str.maketrans("-_", "+/")
_LEAST_BINARY: Final = 16
