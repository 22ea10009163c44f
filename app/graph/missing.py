"""What to say when a process that was asked for is not stored."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from app.errors import NotFound
from app.graph.ask import ProcessLog


def not_found(log: ProcessLog, guid: str) -> NotFound:
    """Return the error for a process of which nothing is stored, with what may have been meant."""
    computers = log.store.info.computers
    known = log.computer.lower() in {name.lower() for name in computers}
    elsewhere = [name for name in log.computers_of(guid) if name.lower() != log.computer.lower()]
    if elsewhere:
        where = f"is stored of {_listed(elsewhere)}: ask for it there."
        return NotFound(f"Nothing of the process {guid} is stored of {log.computer}, but it {where}")
    if known:
        return NotFound(
            f"No event of the process {guid} is stored of {log.computer}. Compare the GUID with"
            " the ProcessGuid of the event, and see whether the log of that time was imported."
        )
    if not computers:
        return NotFound("The store is empty: import logs first.")
    similar = similar_computers(log.computer, computers)
    hint = f"Did you mean {_listed(similar)}?" if similar else f"Stored are {_some(sorted(computers))}."
    return NotFound(f"No computer {log.computer} is stored. {hint}")


def similar_computers(name: str, computers: Iterable[str]) -> list[str]:
    """Return the stored names that may have been meant, at most three.

    A name without its domain, or with another one, comes before a slip of the pen.
    """
    by_folded = {computer.lower(): computer for computer in sorted(computers)}
    host = name.lower().split(".")[0]
    same_host = [folded for folded in by_folded if folded.split(".")[0] == host]
    close = get_close_matches(name.lower(), by_folded, n=3)
    hosts: dict[str, list[str]] = {}
    for folded in by_folded:
        hosts.setdefault(folded.split(".")[0], []).append(folded)
    close += [folded for near in get_close_matches(host, hosts, n=3) for folded in hosts[near]]
    return [by_folded[folded] for folded in dict.fromkeys(same_host + close)][:3]


def _some(names: list[str], size: int = 8) -> str:
    rest = len(names) - size
    return f"{', '.join(names[:size])} and {rest:,} more" if rest > 0 else ", ".join(names)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
