"""Ties between processes of different branches: remote threads, and accesses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from app.graph.activity import ActivityLog
from app.graph.ask import portions
from app.graph.describe import OBJECT, SUBJECT, event_ids
from app.graph.model import CrossEdge
from app.graph.nodes import NodeKey
from app.graph.objects import Thing
from app.sysmon.condition import all_of, equals_any
from app.sysmon.kinds import Category

THREAD, ACCESS = "thread", "access"


def crossings(
    log: ActivityLog,
    guids: Mapping[str, NodeKey],
    things: Mapping[NodeKey, Sequence[Thing]],
    parents: Mapping[NodeKey, NodeKey],
) -> tuple[CrossEdge, ...]:
    """Return the ties between these processes: all remote threads, and accesses by and to those that
    show their activity, ``things``.

    A parent's access to its child belongs to starting it: the line between them says so.
    """
    if len(guids) < 2:
        return ()
    counts: dict[tuple[NodeKey, NodeKey, str], int] = {}
    for source, target, kind, count in (*_told(guids, things), *_threads(log, guids)):
        if source != target and not (kind == ACCESS and parents.get(target) == source):
            # Both ends may tell of the same events.
            counts[source, target, kind] = max(count, counts.get((source, target, kind), 0))
    return tuple(
        CrossEdge(source=source, target=target, kind=kind, label=kind, count=count)
        for (source, target, kind), count in sorted(counts.items())
    )


def _told(
    guids: Mapping[str, NodeKey], things: Mapping[NodeKey, Sequence[Thing]]
) -> Iterator[tuple[NodeKey, NodeKey, str, int]]:
    """Yield the ties that the activity of processes tells of."""
    for key, some in things.items():
        for thing in some:
            if thing.category not in (Category.REMOTE_THREAD, Category.PROCESS_ACCESS):
                continue
            kind = THREAD if thing.category is Category.REMOTE_THREAD else ACCESS
            for name in (OBJECT, SUBJECT):
                for guid, count in thing.facts.get(name, {}).items():
                    other = guids.get(guid)
                    if other is not None:
                        yield (key, other, kind, count) if name == OBJECT else (other, key, kind, count)


def _threads(log: ActivityLog, guids: Mapping[str, NodeKey]) -> Iterator[tuple[NodeKey, NodeKey, str, int]]:
    found: Counter[tuple[NodeKey, NodeKey]] = Counter()
    if Category.REMOTE_THREAD in log.spec.hidden:
        return
    for portion in portions(sorted(guids)):
        condition = all_of([event_ids([8]), equals_any(OBJECT, portion)])
        for row in log.groups(condition, (SUBJECT, OBJECT)).rows:
            source, target = guids.get(row.values[0] or ""), guids.get(row.values[1] or "")
            if source is not None and target is not None:
                found[source, target] += row.count
    for (source, target), count in found.items():
        yield source, target, THREAD, count
