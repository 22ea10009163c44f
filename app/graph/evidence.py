"""The events behind nodes that stand for one event each: what a machine reads as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from app.graph.activity import NAMELESS_NAMES, ActivityLog, by_nobody
from app.graph.describe import DONE_TO_NAMES, OWN_NAMES, SUBJECT, done_to, own
from app.graph.fitting import activity_key
from app.graph.model import Activity
from app.graph.nodes import NodeKey
from app.graph.objects import Row
from app.graph.texts import Translate
from app.sysmon.condition import Condition, all_of, any_of, equals_any
from app.sysmon.events import Event, value_text
from app.sysmon.kinds import category_of
from app.sysmon.language import parse
from app.sysmon.query import Order

MOST: Final = 500
"""So many nodes get evidence; those beyond them have their query."""

_MANY: Final = frozenset({"group", "counter", "unlisted"})

SAID: Final = ("Details", "QueryResults", "Hashes", "Hash", "CallTrace", "CreationUtcTime")
"""Fields of a single event that a group cannot tell, by their names."""


def with_evidence(
    log: ActivityLog, activities: Mapping[NodeKey, Sequence[Activity]]
) -> dict[NodeKey, tuple[Activity, ...]]:
    """Return the nodes with the events of those that stand for a single one."""
    every = [activity for some in activities.values() for activity in some]
    wanted = [activity for activity in every if activity.count == 1 and activity.key[0] not in _MANY][:MOST]
    found: dict[NodeKey, Event] = {}
    if wanted:
        processes = {activity.process for activity in wanted}
        query = replace(log.query(_any_of(wanted)), order=Order.OLDEST, size=2 * MOST)
        for event in log.store.search(query, log.budget).events:
            for process in processes:
                found |= dict.fromkeys(keys_of(event, process, log.translate), event)
    return {
        process: tuple(_with_event(activity, found.get(activity.key)) for activity in some)
        for process, some in activities.items()
    }


def keys_of(event: Event, process: NodeKey, translate: Translate) -> list[NodeKey]:
    """Return the keys that a node for this event has below a process."""
    said = []
    if event.process_guid is None:
        said.append(by_nobody(_row(event, NAMELESS_NAMES), translate))
    if event.process_guid == process[2]:
        said.append(own(_row(event, OWN_NAMES), translate))
    if event.text_of("target_process_guid") == process[2]:
        said.append(done_to(_row(event, DONE_TO_NAMES), translate))
    return [activity_key(process, category_of(event.event_id), one) for one in said]


def _any_of(activities: Sequence[Activity]) -> Condition:
    """Return the condition that holds for the events of these nodes."""
    parts = []
    for process, some in groupby(sorted(activities, key=_guid), key=_guid):
        both = list(some)
        alone = [parse(activity.query) for activity in both if activity.stands_alone]
        others = [parse(activity.query) for activity in both if not activity.stands_alone]
        if others:
            parts.append(all_of([equals_any(SUBJECT, [process]), any_of(others)]))
        parts += alone
    return any_of(parts)


def _guid(activity: Activity) -> str:
    return activity.process[2]


def _row(event: Event, names: Sequence[str]) -> Row:
    values = {name: event.get(name) for name in names}
    texts = {name: None if value is None else value_text(value) for name, value in values.items()}
    return Row(event.event_id, texts, 1, event.time, event.time)


def _with_event(activity: Activity, event: Event | None) -> Activity:
    if event is None:
        return activity
    said = {name: event.get(name) for name in SAID}
    details = {name: value_text(value) for name, value in said.items() if value is not None}
    return replace(activity, event=event.key, details={**activity.details, **details})
