"""The eight classic criteria, by the names that the old tool's form and rules give them.

Each looks for a text in some fields, and one event must hold all that is joined with
"all": nothing is correlated over events. An event that has none of a criterion's fields
does not meet it. The old meaning of each is kept; where the old list of events was plainly
short, all events of today that carry the field are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from app.errors import BadQuery
from app.sysmon.condition import Condition, Match, Operator, any_of
from app.sysmon.normal import conjunction, disjunction, negation, operator_of
from app.sysmon.values import network_of

CRITERIA: Final[Mapping[str, tuple[str, ...]]] = {
    # Addresses, ports and names of the other end, as ever; SourceIp would find all that a
    # computer of one's own does.
    "IpAddress": ("DestinationIp",),
    "Port": ("DestinationPort",),
    "HostName": ("DestinationHostname", "QueryName"),
    # The process that did it (events 8 and 10: the source), the other process of 8 and 10,
    # and what 6 and 7 loaded.
    "ProcessName": ("Process", "TargetImage", "ImageLoaded"),
    "FileName": ("TargetFilename",),
    "RegistryKey": ("TargetObject", "NewName"),
    "RegistryValue": ("Details",),
    "Hash": ("Hashes", "Hash", "ConfigurationFileHash"),
}
"""Criterion -> the fields of which one contains the text."""

_KEY: Final = re.compile(r"(not)?[ +_-]*([a-z]*)", re.IGNORECASE)


def condition_of(criteria: Sequence[tuple[str, str]], match: Literal["all", "any"] = "any") -> Condition:
    """Return the condition of a classic form: pairs of criterion and text.

    A key may begin with ``not`` (``not ProcessName``): such criteria always exclude, with
    "any" too. No criteria: every event. An empty text is met by every event that has one
    of the fields; forms leave out rows that are empty. Raise BadQuery for a key that is
    none of the eight.
    """
    wanted: list[Condition] = []
    unwanted: list[Condition] = []
    for key, text in criteria:
        name, is_negated = _criterion(key)
        (unwanted if is_negated else wanted).append(_found_in(CRITERIA[name], text))
    joined = conjunction(wanted) if match == "all" or not wanted else disjunction(wanted)
    return conjunction([joined, *map(negation, unwanted)])


def _criterion(key: str) -> tuple[str, bool]:
    parts = _KEY.fullmatch(key.strip())
    name = _NAMES.get(parts[2].lower()) if parts else None
    if parts is None or name is None:
        raise BadQuery(f"There is no criterion '{key}'. The eight are {', '.join(CRITERIA)}.", text=key)
    return name, bool(parts[1])


_NAMES: Final = {name.lower(): name for name in CRITERIA}


def _found_in(fields: Sequence[str], text: str) -> Condition:
    return any_of(_contains(field, text) for field in fields)


def _contains(field: str, text: str) -> Match:
    """Look for the text anywhere in the field; ``*`` and ``?`` are wildcards, a backslash is itself."""
    if field == "DestinationIp" and "/" in text and network_of(text):
        return Match(field, Operator.CIDR, str(network_of(text)))
    parts = [part if part in {"*", "?"} else "=" + part for part in re.findall(r"[*?]|[^*?]+", text)]
    operator, value = operator_of(["*", *parts, "*"])
    return Match(field, operator, value)
