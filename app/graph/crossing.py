"""Ties between processes of different branches: remote threads, and accesses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from app.graph.activity import ActivityLog
from app.graph.ask import PORTION
from app.graph.describe import EVENT_ID, OBJECT, SUBJECT, event_ids
from app.graph.model import CrossEdge
from app.graph.nodes import NodeKey
from app.sysmon.condition import all_of, equals_any

KINDS = {8: "thread", 10: "access"}


def crossings(
    log: ActivityLog,
    guids: Mapping[str, NodeKey],
    looked_at: Collection[NodeKey],
    parents: Mapping[NodeKey, NodeKey],
) -> tuple[CrossEdge, ...]:
    """Return the ties between these processes: all remote threads, and the accesses of those looked at.

    A parent's access to its child belongs to starting it: the line between them says so.
    """
    names: Sequence[str] = (SUBJECT, OBJECT, EVENT_ID)
    known = sorted(guids)[:PORTION]
    if len(known) < 2:
        return ()
    condition = all_of([event_ids([8, 10]), equals_any(OBJECT, known), equals_any(SUBJECT, known)])
    edges = []
    for row in log.groups(condition, names).rows:
        source, target = guids.get(row.values[0] or ""), guids.get(row.values[1] or "")
        event_id = int(row.values[2] or 0)
        if source is None or target is None or source == target:
            continue
        if event_id == 10 and (parents.get(target) == source or not {source, target} & set(looked_at)):
            continue
        edges.append(
            CrossEdge(
                source=source, target=target, kind=KINDS[event_id], label=KINDS[event_id], count=row.count
            )
        )
    return tuple(edges)
