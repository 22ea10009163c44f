"""Plans -> the nodes that are drawn: no more than there is room for, each with all it has to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from app.graph import texts
from app.graph.describe import event_ids
from app.graph.grouping import Group, Plan, Scene, general_group
from app.graph.model import Activity, Certainty
from app.graph.nodes import NodeKey, node_id
from app.graph.objects import Said, Thing, digest
from app.sysmon.condition import all_of
from app.sysmon.kinds import Category
from app.sysmon.spelling import to_text

LABEL: Final = 120
TITLE: Final = 400


def fitted(plans: Sequence[Plan], limit: int, scene: Scene) -> list[Activity]:
    """Return at most ``limit`` nodes: the rest of each category is counted in one last group.

    Where even one node for each category is too many, there are none: the process's own
    counts say it all.
    """
    if len(plans) > limit:
        return []
    room = shares_of([plan.size for plan in plans], limit)
    return [
        activity
        for plan, size in zip(plans, room, strict=True)
        for activity in _activities(_reduced(plan, size, scene), scene)
    ]


def shares_of(sizes: Sequence[int], limit: int) -> list[int]:
    """Share a limit: everyone gets what it needs, or as much as the others; at least 1."""
    shares = [0] * len(sizes)
    left, waiting = limit, sorted(range(len(sizes)), key=lambda place: sizes[place])
    for number, place in enumerate(waiting):
        shares[place] = max(1, min(sizes[place], left // (len(waiting) - number)))
        left -= shares[place]
    return shares


def _reduced(plan: Plan, size: int, scene: Scene) -> Plan:
    """Fold what goes beyond ``size`` nodes into the category's general group."""
    if plan.size <= size:
        return plan
    general = general_group(plan.category, scene, plan.by_others)
    general.reasons = {texts.BUDGET}
    kept = max(0, size - 1 - len(plan.groups))
    groups = plan.groups if size - 1 >= len(plan.groups) else []
    if not groups:
        kept = size - 1
        general.things = [thing for group in plan.groups for thing in group.things]
    general.things = [thing for thing, _ in plan.alone[kept:]] + general.things
    same = [group for group in groups if group.key == general.key]
    for group in same:
        general.things += group.things
    return Plan(
        plan.category, plan.alone[:kept], [*(group for group in groups if group not in same), general]
    )


def _activities(plan: Plan, scene: Scene) -> Iterable[Activity]:
    for thing, group in plan.alone:
        yield replace(activity_of(thing, scene), group=group)
    for group_ in plan.groups:
        yield _folded(group_, scene)


def activity_of(thing: Thing, scene: Scene) -> Activity:
    """Return the node of a thing that stands alone."""
    said = thing.said
    return Activity(
        key=activity_key(scene.process, thing.category, said),
        process=scene.process,
        category=thing.category,
        label=_cut(_label(thing, scene), LABEL),
        title=_cut(_title(thing, scene), TITLE),
        value=said.value,
        count=thing.count,
        first=thing.first,
        last=thing.last,
        event_ids=tuple(sorted(thing.event_ids)),
        certainty=said.certainty if said.kind != "unlisted" else Certainty.FOLDED,
        reason=scene.translate(texts.UNLISTED) if said.kind == "unlisted" else "",
        rarity=thing.rarity,
        is_unsigned=thing.is_unsigned,
        is_marked=thing.is_marked,
        query=to_text(said.condition),
        details=thing.details(),
        ports=dict(_busiest(thing)),
        stands_alone=said.stands_alone,
    )


def activity_key(process: NodeKey, category: Category, said: Said) -> NodeKey:
    """Return the key of a thing below a process: its name is short, however long the thing's is."""
    return (said.kind, *process[1:], digest("\x1f".join((category.value, said.kind, said.identity))))


def _folded(group: Group, scene: Scene) -> Activity:
    things, translate = group.things, scene.translate
    ids = sorted({event_id for thing in things for event_id in thing.event_ids})
    count = sum(thing.count for thing in things)
    reason = translate(group.reason)
    rare = sum(map(scene.is_rare, things))
    title = translate(texts.FOLDED_TITLE).format(
        objects=f"{len(things):,}", what=group.label, count=f"{count:,}", reason=reason
    )
    on_one = translate(texts.ON_ONE).format(count=f"{rare:,}")
    condition = event_ids(ids)
    return Activity(
        key=group.key,
        process=scene.process,
        category=group.category,
        label=_cut(group.label, LABEL),
        title=_cut(f"{title}; {on_one}" if rare else title, TITLE),
        value=group.label,
        count=count,
        objects=len(things),
        first=min(thing.first for thing in things),
        last=max(thing.last for thing in things),
        event_ids=tuple(ids),
        certainty=Certainty.FOLDED,
        reason=reason,
        is_unsigned=any(thing.is_unsigned for thing in things),
        is_marked=any(thing.is_marked for thing in things),
        query=to_text(all_of([condition, *([group.condition] if group.condition else [])])),
        opens=node_id(group.key),
        stands_alone=things[0].said.stands_alone,
        rare=rare,
    )


def _label(thing: Thing, scene: Scene) -> str:
    """Return the short name; an address with its port, or how many ports."""
    said = thing.said
    if said.kind != "address" or not said.identity:
        return said.label
    peer = f"[{said.label}]" if ":" in said.label and len(thing.ports) == 1 else said.label
    incoming = thing.directions == {"in"}
    if len(thing.ports) > 1:
        text = scene.translate(texts.PORTS).format(peer=peer, count=len(thing.ports))
        return scene.translate(texts.FROM_PEER).format(peer=text) if incoming else text
    for port in thing.ports:
        if incoming:
            return scene.translate(texts.FROM_PEER_TO_PORT).format(peer=peer, port=port)
        return f"{peer}:{port}"
    return scene.translate(texts.FROM_PEER).format(peer=peer) if incoming else peer


def _title(thing: Thing, scene: Scene) -> str:
    """Return the whole value; what happened to it, where it was more than one thing."""
    said = thing.said
    if said.kind == "address" and said.identity:
        both = len(thing.directions) > 1
        phrase = texts.BOTH_WAYS if both else texts.INCOMING if thing.directions == {"in"} else texts.OUTGOING
        ports = ", ".join(f"{port} ×{count:,}" for port, count in _busiest(thing)[:10])
        host = thing.facts.get("DestinationHostname") or thing.facts.get("SourceHostname")
        name = f" ({next(iter(host))})" if host else ""
        return f"{scene.translate(phrase).format(peer=said.value)}{name}: {ports}"
    kinds = thing.facts.get("Kind")
    return f"{said.value}: {', '.join(sorted(kinds))}" if kinds else said.value


def _busiest(thing: Thing) -> list[tuple[str, int]]:
    return sorted(thing.ports.items(), key=lambda item: (-item[1], item[0]))


def _cut(text: str, size: int) -> str:
    """Shorten a text in its middle: both ends matter."""
    if len(text) <= size:
        return text
    end = size * 3 // 5
    return f"{text[: size - end - 1]}…{text[-end:]}"
