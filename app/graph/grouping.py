"""Things a process touched -> the nodes that are drawn of them: alone, or in counted groups.

Up to ``FEW`` things of a category stand alone. Of more, what most computers have and what
is many alike is folded into groups; what one computer only has, what is not signed and
what the reader marked stands alone, as far as the budget allows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Final

from app.graph import texts
from app.graph.describe import LONG, OBJECT
from app.graph.nodes import NodeKey, node_id
from app.graph.objects import Thing, digest, tail
from app.graph.texts import Translate
from app.sysmon.condition import Condition, Match, Operator
from app.sysmon.kinds import Category
from app.sysmon.text import fold

FEW: Final = 3

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
    by_others: bool = False
    """All of it was done by others, or nobody says by whom: no event of the process tells of it."""

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
    parts: dict[tuple[Category, bool], list[Thing]] = {}
    for thing in things:
        parts.setdefault((thing.category, thing.said.stands_alone), []).append(thing)
    return [
        _plan(*part, sorted(parts[part], key=lambda thing: thing.order), scene)
        for part in product(ORDER, (False, True))
        if part in parts
    ]


def _plan(category: Category, by_others: bool, things: Sequence[Thing], scene: Scene) -> Plan:
    if len(things) <= FEW:
        return Plan(category, [(thing, ()) for thing in things], [], by_others)
    alone, folded = _parted(things, scene)
    groups: dict[NodeKey, Group] = {}
    for thing, reason in folded:
        group = _group_of(thing, scene)
        group = groups.setdefault(group.key, group)
        group.things.append(thing)
        group.reasons.add(reason)
    general = general_group(category, scene, by_others)
    plan = Plan(category, [(thing, ()) for thing in alone], _merged(general, groups), by_others)
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
        plain = [thing for thing in others if not thing.said.form]
        alone += plain if len(plain) <= FEW else []
        folded += [(thing, texts.ALIKE) for thing in others if thing.said.form or len(plain) > FEW]
        alone.sort(key=lambda thing: thing.order)
    else:
        alone = sorted([*alone, *others], key=lambda thing: thing.order)
    return alone, folded


def _group_of(thing: Thing, scene: Scene) -> Group:
    """Return the group, still empty, that a thing folds into."""
    category, translate = thing.category, scene.translate
    if thing.said.folder:
        label = translate(texts.FILES_IN).format(folder=tail(thing.said.folder))
        inside = Match("TargetFilename", Operator.STARTS_WITH, f"{thing.said.folder}\\"[:LONG])
        return Group(
            scene.group_key(category, f"folder-{digest(fold(thing.said.folder))}"), category, label, inside
        )
    if category is Category.IMAGE_LOADED:
        name, label = (
            ("unsigned", texts.UNSIGNED_IMAGES) if thing.is_unsigned else ("signed", texts.SIGNED_IMAGES)
        )
        return Group(scene.group_key(category, name), category, translate(label))
    return general_group(category, scene, thing.said.stands_alone)


def general_group(category: Category, scene: Scene, by_others: bool) -> Group:
    """Return the group, still empty, of all that no other group takes."""
    if not by_others:
        label = scene.translate(texts.GROUPS[category])
        return Group(scene.group_key(category, "all"), category, label)
    label = scene.translate(texts.OTHERS_GROUPS.get(category, texts.GROUPS[category]))
    touched = category in (Category.REMOTE_THREAD, Category.PROCESS_ACCESS)
    condition = Match(OBJECT, Operator.EQUALS, scene.process[2]) if touched else None
    return Group(scene.group_key(category, "by-others"), category, label, condition)


def _merged(general: Group, groups: dict[NodeKey, Group]) -> list[Group]:
    """Put small groups together in the category's general one, but unsigned images."""
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
    """Let groups of one thing go, and those of a few images without a signature: they stand alone."""

    def is_small(group: Group) -> bool:
        return len(group.things) <= (FEW if group.things[0].is_unsigned else 1)

    alone = plan.alone + [(thing, ()) for group in plan.groups if is_small(group) for thing in group.things]
    alone.sort(key=lambda item: item[0].order)
    return replace(plan, alone=alone, groups=[group for group in plan.groups if not is_small(group)])


def _with_opened(plan: Plan, scene: Scene) -> Plan:
    """Take those groups apart that the reader opened."""
    opened = [group for group in plan.groups if node_id(group.key) in scene.opened]
    alone = plan.alone + [
        (thing, group.key)
        for group in opened
        for thing in sorted(group.things, key=lambda thing: thing.order)
    ]
    return replace(plan, alone=alone, groups=[group for group in plan.groups if group not in opened])
