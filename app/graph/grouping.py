"""Things a process touched -> the nodes that are drawn of them: alone, or in counted groups.

Up to ``FEW`` things of a category stand alone. Of more, what most computers have and what
is many alike is folded into groups; what one computer only has, what is not signed and
what the reader marked stands alone, as far as the budget allows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from app.graph import texts
from app.graph.describe import event_ids
from app.graph.model import Activity, Certainty
from app.graph.nodes import NodeKey, node_id
from app.graph.objects import Said, Thing, tail
from app.graph.texts import Translate
from app.sysmon.condition import Condition, Match, Operator, all_of
from app.sysmon.kinds import Category
from app.sysmon.spelling import to_text
from app.sysmon.text import fold

FEW: Final = 3
LABEL: Final = 120
TITLE: Final = 400

#: The order in which categories hang under a process.
ORDER: Final = (
    Category.REMOTE_THREAD,
    Category.NET_ACCESS,
    Category.DNS,
    Category.WMI,
    Category.PIPE,
    Category.IMAGE_LOADED,
    Category.CREATE_FILE,
    Category.FILE_CREATE_TIME,
    Category.REGISTRY,
    Category.PROCESS_ACCESS,
    Category.OTHER,
    Category.CREATE_PROCESS,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What folding has to know beside the things: whose they are, and what the reader asked for."""

    process: NodeKey
    computers: int
    opened: Set[str]
    translate: Translate

    def is_common(self, thing: Thing) -> bool:
        """Tell whether most computers have it: more than half of several."""
        seen = thing.rarity.computers if thing.rarity else 0
        return self.computers > 1 and 2 * seen > self.computers

    def is_rare(self, thing: Thing) -> bool:
        """Tell whether this computer only has it, of several."""
        return self.computers > 1 and thing.rarity is not None and thing.rarity.computers == 1

    def group_key(self, category: Category, name: str) -> NodeKey:
        """Return the key of a group: made of process, category and name, never of counts."""
        return ("group", *self.process[1:], category.value, name)


@dataclass(slots=True)
class Group:
    """Things of one category that are folded together, or were, until the reader opened them."""

    key: NodeKey
    category: Category
    label: str
    condition: Condition | None = None
    things: list[Thing] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)

    @property
    def reason(self) -> str:
        """Say why it is folded."""
        for reason in (texts.BUDGET, texts.UNLISTED):
            if reason in self.reasons:
                return reason
        return texts.COMMON_OR_ALIKE if len(self.reasons) > 1 else next(iter(self.reasons), texts.ALIKE)


@dataclass(slots=True)
class Plan:
    """What is drawn of one category: things alone (with the group they were opened from), groups."""

    category: Category
    alone: list[tuple[Thing, NodeKey]]
    groups: list[Group]

    @property
    def size(self) -> int:
        return len(self.alone) + len(self.groups)


def worth_asking(things: Sequence[Thing]) -> list[Thing]:
    """Return the things of one process of which it matters how rare they are.

    Files that are many alike are rare by nature, their names are made up; and few pipes
    stand alone anyway. Both are costly to look up.
    """
    forms = Counter(thing.said.form for thing in things if thing.said.form)
    pipes = sum(thing.said.kind == "pipe" for thing in things)
    return [
        thing
        for thing in things
        if not (thing.said.kind in _FILES and forms[thing.said.form] > FEW)
        and not (thing.said.kind == "pipe" and pipes <= FEW)
    ]


_FILES: Final = frozenset({"file", "filetime"})


def planned(things: Iterable[Thing], scene: Scene) -> list[Plan]:
    """Decide what stands alone and what is folded, as if there were no budget."""
    by_category: dict[Category, list[Thing]] = {}
    for thing in things:
        by_category.setdefault(thing.category, []).append(thing)
    return [
        _plan(category, sorted(by_category[category], key=lambda thing: thing.order), scene)
        for category in ORDER
        if category in by_category
    ]


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


def _plan(category: Category, things: Sequence[Thing], scene: Scene) -> Plan:
    if len(things) <= FEW:
        return Plan(category, [(thing, ()) for thing in things], [])
    alone, folded = _parted(things, scene)
    groups: dict[NodeKey, Group] = {}
    for thing, reason in folded:
        group = _group_of(thing, scene)
        group = groups.setdefault(group.key, group)
        group.things.append(thing)
        group.reasons.add(reason)
    plan = Plan(category, [(thing, ()) for thing in alone], _merged(category, groups, scene))
    return _with_opened(_without_small(plan), scene)


def _parted(things: Sequence[Thing], scene: Scene) -> tuple[list[Thing], list[tuple[Thing, str]]]:
    """Part things into those that stand alone and those that fold, with the reason."""
    forms = Counter(thing.said.form for thing in things if thing.said.form)
    alone: list[Thing] = []
    folded: list[tuple[Thing, str]] = []
    others: list[Thing] = []
    for thing in things:
        if thing.is_marked or thing.said.keeps:
            alone.append(thing)
        elif thing.said.kind == "unlisted":
            folded.append((thing, texts.UNLISTED))
        elif scene.is_common(thing):
            folded.append((thing, texts.COMMON))
        elif forms[thing.said.form] > FEW:
            folded.append((thing, texts.ALIKE))
        elif scene.is_rare(thing) or thing.said.kind == "thread":
            alone.append(thing)
        else:
            others.append(thing)
    if len(others) > FEW:
        folded += [(thing, texts.ALIKE) for thing in others]
    else:
        alone = sorted([*alone, *others], key=lambda thing: thing.order)
    return alone, folded


def _group_of(thing: Thing, scene: Scene) -> Group:
    """Return the group, still empty, that a thing folds into."""
    category, translate = thing.category, scene.translate
    if thing.said.folder:
        label = translate(texts.FILES_IN).format(folder=tail(thing.said.folder))
        inside = Match("TargetFilename", Operator.STARTS_WITH, f"{thing.said.folder}\\")
        return Group(
            scene.group_key(category, f"folder-{digest(fold(thing.said.folder))}"), category, label, inside
        )
    if category is Category.IMAGE_LOADED:
        name, label = (
            ("unsigned", texts.UNSIGNED_IMAGES) if thing.is_unsigned else ("signed", texts.SIGNED_IMAGES)
        )
        return Group(scene.group_key(category, name), category, translate(label))
    return _general(category, scene)


def _general(category: Category, scene: Scene) -> Group:
    return Group(scene.group_key(category, "all"), category, scene.translate(texts.GROUPS[category]))


def _merged(category: Category, groups: dict[NodeKey, Group], scene: Scene) -> list[Group]:
    """Put small groups together in the category's general one, but unsigned images."""
    general = _general(category, scene)
    kept = []
    for key, group in groups.items():
        small = len(group.things) <= FEW and not group.things[0].is_unsigned
        if key == general.key or small:
            general.things += group.things
            general.reasons |= group.reasons
        else:
            kept.append(group)
    return sorted(kept, key=lambda group: (group.label, group.key)) + ([general] if general.things else [])


def _without_small(plan: Plan) -> Plan:
    """Let groups of few things go: they stand alone."""
    few = [group for group in plan.groups if len(group.things) <= FEW]
    alone = plan.alone + [(thing, ()) for group in few for thing in group.things]
    alone.sort(key=lambda item: item[0].order)
    return Plan(plan.category, alone, [group for group in plan.groups if len(group.things) > FEW])


def _with_opened(plan: Plan, scene: Scene) -> Plan:
    """Take those groups apart that the reader opened."""
    opened = [group for group in plan.groups if node_id(group.key) in scene.opened]
    alone = plan.alone + [
        (thing, group.key)
        for group in opened
        for thing in sorted(group.things, key=lambda thing: thing.order)
    ]
    return Plan(plan.category, alone, [group for group in plan.groups if group not in opened])


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
    general = _general(plan.category, scene)
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


def digest(text: str) -> str:
    """Return a short name for a text of any length, the same everywhere."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _cut(text: str, size: int) -> str:
    """Shorten a text in its middle: both ends matter."""
    if len(text) <= size:
        return text
    end = size * 3 // 5
    return f"{text[: size - end - 1]}…{text[-end:]}"
