"""How conditions read a text that is more than a text: number, time, address, pattern.

Each rule is written once, here; the engines that cannot call Python follow it, and
``tests/contract`` holds them to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Protocol, cast

import re2

from app.sysmon.text import fold

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NUMBER: Final = r"[+-]?[0-9]{1,20}(\.[0-9]{1,18})?"
"""What a number looks like, whole: as RE2 and every engine read it. It fits DECIMAL(38, 18)."""

_NUMBER = re.compile(NUMBER)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_MAPPED_BITS = 96


class Pattern(Protocol):
    """A compiled RE2 pattern."""

    def search(self, text: str) -> object | None: ...


def number_of(text: str) -> Decimal | None:
    """Return the number that ``text`` is, or None: no ``0x10``, ``1e5``, ``inf``, ``1,000`` or space."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def time_of(text: str) -> datetime | None:
    """Return the time that ``text`` is, in UTC, or None.

    A date, or date and time as Sysmon and ISO 8601 write it. Without an offset it is UTC.
    Below the microsecond it is cut.
    """
    if not _TIME.fullmatch(text):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # 30 February; the year 0 after the offset.
        return None


def address_of(text: str) -> Address | None:
    """Return the address that ``text`` is, or None. ``::ffff:10.0.0.1`` is ``10.0.0.1``."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=1024)
def network_of(text: str) -> Network | None:
    """Return the network that ``text`` is, or None. Bits behind the prefix do not matter."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped and network.prefixlen >= _MAPPED_BITS:
        return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


@lru_cache(maxsize=1024)
def regex(pattern: str, case_sensitive: bool) -> Pattern:
    """Compile an RE2 pattern; raise ValueError, with RE2's reason, where it is none."""
    options = re2.Options()
    options.case_sensitive = case_sensitive
    options.log_errors = False
    try:
        return cast(Pattern, re2.compile(pattern, options))
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else reason) from error


def wildcard_parts(pattern: str) -> tuple[str, ...]:
    """Split a wildcard into ``*``, ``?`` and plain texts; a plain text begins with ``=``.

    A backslash makes the ``*``, ``?`` or backslash behind it plain; before anything else
    it is itself, so that Windows paths need no doubling.
    """
    return parts_of(re.findall(r"\\[*?\\]|.", pattern, re.DOTALL))


def parts_of(tokens: Iterable[str]) -> tuple[str, ...]:
    """Join the tokens of a wildcard that are plain; each is one character, or a backslash and one."""
    parts: list[str] = []
    for token in tokens:
        if token in {"*", "?"}:
            parts.append(token)
        elif parts and parts[-1].startswith("="):
            parts[-1] += token[-1]
        else:
            parts.append("=" + token[-1])
    return tuple(parts)


@lru_cache(maxsize=1024)
def wildcard(pattern: str, case_sensitive: bool) -> Pattern:
    """Compile a wildcard, to be searched in a text, or in the folded one unless ``case_sensitive``."""
    meaning = {"*": ".*", "?": "."}
    wanted = pattern if case_sensitive else fold(pattern)
    body = "".join(meaning.get(part) or re2.escape(part[1:]) for part in wildcard_parts(wanted))
    return regex(rf"(?s)\A{body}\z", True)
