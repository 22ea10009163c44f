"""Networks -> expressions of the addresses in them, as logs write them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import Final, NamedTuple

from app.store.elastic.expressions import (
    ANYTHING,
    Chars,
    Node,
    Repeat,
    chars,
    choice,
    ranges_of,
    sequence,
)
from app.sysmon.values import network_of

_DIGIT: Final = chars("0123456789")
_POINT: Final = chars(".")
_COLON: Final = chars(":")
_HEX: Final = chars("0123456789abcdefABCDEF")
_V6: Final = chars("0123456789abcdefABCDEF:.")


class Inside(NamedTuple):
    """Texts that surely are addresses of a network (None: nobody knows), and all that may be."""

    sure: Node | None
    maybe: Node


def addresses_in(text: str) -> Inside:
    """Return the expressions of the addresses in the network that ``text`` is."""
    network = network_of(text)
    if isinstance(network, IPv4Network):
        plain = sequence(_octets(network))
        return Inside(plain, choice([plain, _MAPPED]))
    if isinstance(network, IPv6Network):
        return Inside(None, sequence([_first_group(network), Repeat(_V6), _ZONE]))
    raise ValueError(f"{text!r} is not a network")


_ZONE: Final = Repeat(sequence([chars("%"), ANYTHING]), 0, 1)

_MAPPED: Final = sequence(
    [
        Repeat(chars("0:")),
        Repeat(chars("fF"), 4, 4),
        _COLON,
        Repeat(chars("0123456789abcdefABCDEF:."), 1),
        _ZONE,
    ]
)
"""An IPv4 address written in IPv6: in decimal or hexadecimal, zeros before it or not."""


def _octets(network: IPv4Network) -> Iterator[Node]:
    for place, (low, high) in enumerate(
        zip(network.network_address.packed, network.broadcast_address.packed, strict=True)
    ):
        if place:
            yield _POINT
        yield _ANY_OCTET if (low, high) == (0, 255) else _numbers(low, high)


def _numbers(low: int, high: int) -> Node:
    """Return the numbers from ``low`` to ``high`` in decimal, without zeros before them."""
    by_tens: dict[str, str] = {}
    for number in range(low, high + 1):
        by_tens[str(number)[:-1]] = by_tens.get(str(number)[:-1], "") + str(number)[-1]
    return choice(sequence([*map(chars, tens), chars(digits)]) for tens, digits in by_tens.items())


_ANY_OCTET: Final = choice(
    [
        sequence([chars("2"), chars("5"), chars("012345")]),
        sequence([chars("2"), chars("01234"), _DIGIT]),
        sequence([chars("1"), _DIGIT, _DIGIT]),
        sequence([Repeat(chars("123456789"), 0, 1), _DIGIT]),
    ]
)


def _first_group(network: IPv6Network) -> Node:
    """Return how addresses of an IPv6 network begin: with all of a first group, where it is long."""
    first = int(network.network_address) >> 112
    last = int(network.broadcast_address) >> 112
    if first >> 12 == 0:  # Zeros may be left out in many ways.
        return sequence([Repeat(_V6), _COLON])
    nibbles: list[Node] = []
    is_open = False
    for shift in (12, 8, 4, 0):
        low, high = first >> shift & 15, last >> shift & 15
        nibbles.append(_HEX if is_open else _nibble(low, high))
        is_open = is_open or low != high
    return sequence([*nibbles, _COLON])


def _nibble(low: int, high: int) -> Chars:
    digits = "0123456789abcdef"[low : high + 1]
    return Chars(ranges_of((ord(digit), ord(digit)) for digit in digits + digits.upper()))
