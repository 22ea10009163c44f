"""What all commands share in speaking to a terminal, a file or another program.

Log data is hostile: nothing of it reaches a terminal but through ``safe``, and Rich
never reads markup in it.
"""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from app.errors import OutputLost

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

PIPED: Final = 250
"""The width of lines that go to a file or another program."""

UNBOUNDED: Final = 10_000_000
"""The width of lines that are not shortened."""

#: Controls, marks of direction and invisible characters; a lone half of a surrogate pair.
_HARMFUL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)
_SHORT: Final = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def safe(text: str) -> str:
    """Return log data as a terminal may have it: what it would obey is made visible.

    An escape becomes ``\\x1b``, a right-to-left override ``\\u202e``, a line feed ``\\n``.
    """
    return _HARMFUL.sub(_visible, text)


def _visible(found: re.Match[str]) -> str:
    char = found[0]
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def styled(text: str | None, style: str = "") -> Text:
    """Return log data for Rich: safe, and not read as markup."""
    from rich.text import Text

    return Text(safe(text or ""), style=style)


def console(*, wide: bool = False) -> Console:
    """Return the console that human output goes to.

    Its lines are as wide as the terminal, ``PIPED`` where there is none, and without
    bounds if ``wide``. Only a terminal gets colours.
    """
    from rich.console import Console

    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # A terminal may lack what a log has.
    width = UNBOUNDED if wide else None if stream.isatty() else PIPED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)


def is_terminal() -> bool:
    """Tell whether a person reads what is written, as it is written."""
    return sys.stdout.isatty()


def write_lines(lines: Iterable[bytes]) -> None:
    """Write lines to the standard output as they come."""
    sys.stdout.flush()
    stream = sys.stdout.buffer
    for line in lines:
        stream.write(line)
    stream.flush()


def write_json(document: object) -> None:
    """Write one JSON document and a line end."""
    from app.sysmon.export import json_bytes

    write_lines([json_bytes(document) + b"\n"])


@contextmanager
def careful_output() -> Iterator[None]:
    """End quietly when the reader of our output goes away, as ``head`` does; say when a disk is full."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        raise SystemExit(0) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop_output()
        raise OutputLost(
            "The output ends here, for its disk is full. Free space and run it again."
        ) from error


def _drop_output() -> None:
    # The interpreter flushes once more at its end and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
