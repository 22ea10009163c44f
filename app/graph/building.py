"""How a graph is put together: what is asked of the store, in which order, and what is drawn of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from app.graph import texts
from app.graph.activity import ActivityLog
from app.graph.crossing import crossings
from app.graph.evidence import with_evidence
from app.graph.fitting import fitted
from app.graph.folding import Folding, Rank, alike_ranks, fold_to
from app.graph.forest import Forest
from app.graph.gaps import Gap, gaps_between
from app.graph.grouping import ORDER, Plan, Scene, planned, worth_asking
from app.graph.marks import Mark, mark, mark_of
from app.graph.model import Activity, Certainty, CrossEdge, Fold, GraphSpec, ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey, node_id
from app.graph.objects import Thing
from app.graph.tally import Tally, span_of, tallies, with_ticks
from app.graph.texts import Translate
from app.store.port import Budget, Rarity
from app.store.remember import Remembering
from app.sysmon.kinds import Category

CHILDREN = ":children"
"""Behind the id of a process, in ``GraphSpec.opened`` and ``closed``: what it started."""

MOST_OPENED = 50
"""So many processes show their activity at once; more are left to their counters."""

OLD = timedelta(days=1)
"""An ancestor that started so long before the target is counted in the time of the graph only."""

MOST_RARITIES = 2_000
"""So many values are looked up at once to learn how rare they are."""


@dataclass
class Builder:
    """A graph in the making: the processes that may be drawn, and what is known of them."""

    log: ActivityLog
    forest: Forest
    spec: GraphSpec
    target: NodeKey | None
    computers: int
    translate: Translate = str
    ranks: dict[NodeKey, Rank] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    rarities: dict[str, Rarity | None] = field(default_factory=dict)
    mark: Mark = field(default_factory=Mark)
    within: tuple[datetime, datetime] | None = None
    """The time in which the events of processes aside were counted; None: all were counted."""

    @classmethod
    def of(
        cls,
        store: Remembering,
        computer: str,
        forest: Forest,
        spec: GraphSpec,
        target: NodeKey | None,
        budget: Budget | None,
        translate: Translate,
    ) -> Builder:
        """Begin a graph of these processes."""
        log = ActivityLog(store, computer, spec, budget, translate)
        return cls(log, forest, spec, target, len(store.info.computers), translate)

    def graph(
        self, *, folds: Sequence[Fold], notes: Sequence[str], more: int = 0, bands: bool = False
    ) -> ProcessGraph:
        """Ask, fold, and return what is drawn. ``more`` processes belong to it that are not known.

        With ``bands`` the trees with nothing rare or marked, and without the target, are quiet.
        """
        total = (
            len(self.forest.processes)
            + more
            + sum(fold.count for fold in folds if fold.what == self.translate(texts.ANCESTORS))
        )
        self.learn()
        things = self.things()
        plans = {key: planned(some, self.scene(key)) for key, some in things.items()}
        folding = self.fold(plans)
        drawn = [key for key in self.forest.below(self.forest.roots) if key not in folding.reasons]
        activities, counters = self.activities(drawn, plans)
        if self.spec.evidence:
            activities = with_evidence(self.log, activities)
        self.tallies |= with_ticks(self.log, self.tallies, self.guids(drawn), self.lifetime())
        edges = self.edges(drawn, things)
        spine = set(self.forest.path_to(self.target)) if self.target else set()
        nodes = {key: self.node(key, folding, activities.get(key, ()), spine) for key in drawn}
        roots, quiet = self.bands(nodes) if bands else (self.roots(nodes), ())
        return ProcessGraph(
            computer=self.log.computer,
            nodes=nodes,
            roots=roots,
            quiet=quiet,
            target=self.target,
            edges=edges,
            folds=(*folds, *self.folds(folding, activities, counters)),
            notes=tuple(notes),
            gaps=self.gaps(),
            counts=self.counts(),
            computers=self.computers,
            total=total,
            spec=self.spec,
        )

    # What is asked

    def learn(self) -> None:
        """Learn of all processes: their events, how rare their images are, which are marked."""
        if not self.tallies:
            self.tallies = self.counted()
        images = sorted({process.image for process in self.forest.processes.values() if process.image})
        self.rarities = self.rarity_of([("Image", image) for image in images])
        if self.spec.mark.strip():
            self.mark = mark_of(self.log, self.spec.mark)

    def counted(self) -> dict[str, Tally]:
        """Count the events of all processes; of old ancestors only in the time of the others.

        Services live for months and would have the whole log counted, to show a number that
        says nothing of the target.
        """
        aside = self.aside
        found = tallies(self.log, self.guids(key for key in self.forest.processes if key not in aside))
        self.within = span_of(found.values()) if aside else None
        rest = self.guids(key for key in self.forest.processes if key in aside)
        return found | tallies(self.log.within(*self.within) if self.within else self.log, rest)

    @cached_property
    def aside(self) -> Set[NodeKey]:
        """Ancestors that are much older than the target; no opened ones, none in a range asked for."""
        if self.target is None or self.spec.start or self.spec.end:
            return frozenset()
        start = self.forest.processes[self.target].started
        ancestors = {
            key: started
            for key in self.forest.path_to(self.target)[:-1]
            if (started := self.forest.processes[key].started) is not None
        }
        old = {key for key, started in ancestors.items() if start and start - started > OLD}
        return frozenset(old - set(self.open))

    def rarity_of(self, values: Sequence[tuple[str, str]]) -> dict[str, Rarity | None]:
        """Return how rare values of one field or several are, by value; of one computer's store: nothing."""
        some = values[:MOST_RARITIES]
        if self.computers < 2 or not some:
            return {}
        found = self.log.store.rarity(some, self.log.budget)
        return {value: rarity for (_, value), rarity in zip(some, found, strict=True)}

    def things(self) -> dict[NodeKey, list[Thing]]:
        """Return what the processes touched that show it: the target, and what the reader opened."""
        shown = self.open
        processes = [self.forest.processes[key] for key in shown]
        counts = {guid: tally.counts for guid, tally in self.tallies.items()}
        by_guid = self.log.things(processes, counts)
        found = {process.key: by_guid.get(process.process_guid or "", []) for process in processes}
        if self.target in found:
            tally = self.tally(self.target)
            found[self.target] += self.log.nameless(
                self.forest.processes[self.target], tally.first, tally.last
            )
        for key, things in found.items():
            found[key] = [thing for thing in things if thing.category not in self.spec.hidden]
            mark(found[key], self.mark)
        self._add_rarity(found.values())
        return found

    def _add_rarity(self, by_process: Iterable[Sequence[Thing]]) -> None:
        asked = [thing for things in by_process for thing in worth_asking(things)]
        values = sorted({thing.said.rare for thing in asked if thing.said.rare})
        rarities = self.rarity_of(values)
        for thing in asked:
            if thing.said.rare:
                thing.rarity = rarities.get(thing.said.rare[1])

    @cached_property
    def open(self) -> list[NodeKey]:
        """The processes that show their activity, the target first."""
        closed, opened = self.spec.closed, self.spec.opened
        first = [self.target] if self.target and node_id(self.target) not in closed else []
        others = [
            key
            for key in self.forest.processes
            if key != self.target and node_id(key) in opened and node_id(key) not in closed
        ]
        return (first + sorted(others, key=self.forest.order))[:MOST_OPENED]

    def gaps(self) -> tuple[Gap, ...]:
        """Return when the computer logged nothing within the time of the graph."""
        span = self.span()
        return gaps_between(self.log, *span) if span else ()

    def span(self) -> tuple[datetime, datetime] | None:
        """Return the time of the graph: the range asked for, else from the first event to the last."""
        span = span_of(self.tallies.values())
        return (self.spec.start or span[0], self.spec.end or span[1]) if span else None

    def lifetime(self) -> tuple[datetime, datetime] | None:
        """Return the time of life lines: in a range asked for of all, else of the target and all below."""
        guids: Iterable[str] = self.tallies
        if self.target and not self.spec.start and not self.spec.end:
            guids = self.guids(self.forest.below([self.target]))
        family = span_of(self.tallies[guid] for guid in guids if guid in self.tallies)
        return family or span_of(self.tallies.values())

    def edges(
        self, drawn: Iterable[NodeKey], things: Mapping[NodeKey, Sequence[Thing]]
    ) -> tuple[CrossEdge, ...]:
        """Return the ties between processes that are drawn."""
        guids = {guid: key for key in drawn if (guid := self.forest.processes[key].process_guid) is not None}
        shown = {key: some for key, some in things.items() if key in set(guids.values())}
        return crossings(self.log, guids, shown, self.forest.parents)

    # What is drawn

    def fold(self, plans: Mapping[NodeKey, Sequence[Plan]]) -> Folding:
        """Fold processes until they and the activity that is shown are within the budget."""
        wanted = sum(plan.size for some in plans.values() for plan in some)
        budget, processes = self.spec.budget, len(self.forest.processes)
        for_activity = min(wanted, max(budget - processes, budget * 2 // 3))
        closed = {key for key in self.forest.processes if node_id(key) + CHILDREN in self.spec.closed}
        return fold_to(self.forest, self.all_ranks(), closed, max(1, budget - for_activity))

    def all_ranks(self) -> dict[NodeKey, Rank]:
        """Return in which order processes fold."""
        ranks = alike_ranks(self.forest)
        opened = {key for key in self.forest.processes if node_id(key) + CHILDREN in self.spec.opened}
        shown = set(self.open)
        for key, process in self.forest.processes.items():
            rarity = self.rarities.get(process.image or "")
            if key in shown or self.mark.is_on_process(process):
                ranks[key] = Rank.PICKED
            elif self.is_rare(rarity):
                ranks[key] = max(Rank.RARE, ranks.get(key, Rank.RARE)) if key not in ranks else ranks[key]
            elif rarity and self.computers > 1 and 2 * rarity.computers > self.computers:
                ranks[key] = Rank.COMMON
            if self.forest.parents.get(key) in opened:
                ranks[key] = max(ranks.get(key, Rank.PLAIN), Rank.CHILD_OF_OPENED)
        if self.target is not None:
            ranks |= dict.fromkeys(self.forest.path_to(self.target), Rank.NEVER)
        return ranks | self.ranks

    def activities(
        self, drawn: Sequence[NodeKey], plans: Mapping[NodeKey, Sequence[Plan]]
    ) -> tuple[dict[NodeKey, tuple[Activity, ...]], int]:
        """Return the activity nodes of each process, and how many counters there was no room for."""
        room = self.spec.budget - len(drawn)
        shown = [key for key in plans if key in set(drawn)]
        found: dict[NodeKey, tuple[Activity, ...]] = {}
        for number, key in enumerate(shown):
            wanted = sum(plan.size for plan in plans[key])
            others = len(shown) - number - 1
            share = room if not others else max(room // 2 if key == self.target else 0, room // (others + 1))
            found[key] = tuple(fitted(plans[key], min(wanted, share), self.scene(key)))
            room -= len(found[key])
        waiting = [counter for key in drawn if not found.get(key) and (counter := self.counter(key))]
        waiting.sort(key=lambda counter: (counter.process != self.target, -counter.count, counter.key))
        for counter in waiting[: max(0, room)]:
            found[counter.process] = (counter,)
        return found, max(0, len(waiting) - max(0, room))

    def counter(self, key: NodeKey) -> Activity | None:
        """Return the one folded node that counts the events of a process that is not opened."""
        tally = self.tally(key)
        counts = {
            category: tally.activity[category]
            for category in ORDER
            if category not in self.spec.hidden and tally.activity[category]
        }
        if not counts or tally.first is None or tally.last is None:
            return None
        count, most = sum(counts.values()), max(counts, key=lambda category: counts[category])
        label = self.translate(texts.EVENT if count == 1 else texts.EVENTS).format(count=f"{count:,}")
        listed = ", ".join(f"{self.translate(texts.GROUPS[c])} {n:,}" for c, n in counts.items())
        return Activity(
            key=("counter", *key[1:]),
            process=key,
            category=most,
            label=label,
            title=f"{label}: {listed}",
            value=label,
            count=count,
            objects=count,
            first=tally.first,
            last=tally.last,
            certainty=Certainty.FOLDED,
            query="not EventId:(1 or 5)",
            opens=node_id(key),
        )

    def roots(self, nodes: Mapping[NodeKey, ProcessNode]) -> tuple[NodeKey, ...]:
        """Return the trees that are drawn, oldest first."""
        return tuple(key for key in self.forest.roots if key in nodes)

    def bands(self, nodes: Mapping[NodeKey, ProcessNode]) -> tuple[tuple[NodeKey, ...], tuple[NodeKey, ...]]:
        """Part the trees into those with something to look at, and all others, largest first."""
        roots = self.roots(nodes)
        trees = {root: [nodes[key] for key in self.forest.below([root]) if key in nodes] for root in roots}
        first = [root for root in roots if any(node.stands_out for node in trees[root])]
        quiet = [root for root in roots if root not in set(first)]
        first.sort(key=lambda root: not any(node.is_target for node in trees[root]))
        quiet.sort(key=lambda root: -len(trees[root]))
        return (tuple(first), tuple(quiet)) if first else (tuple(quiet), ())

    def node(
        self, key: NodeKey, folding: Folding, activities: Sequence[Activity], spine: Set[NodeKey]
    ) -> ProcessNode:
        """Return a process as it is drawn."""
        process, tally = self.forest.processes[key], self.tally(key)
        rarity = self.rarities.get(process.image or "")
        hidden = folding.hidden.get(key, Counter())
        children = [child for child in self.forest.children[key] if child not in folding.reasons]
        children.sort(key=lambda child: child not in spine)
        return ProcessNode(
            process=process,
            children=tuple(children),
            activities=tuple(activities),
            counts={category: tally.counts[category] for category in ORDER if tally.counts[category]},
            ticks=tuple((start, category, n) for (start, category), n in sorted(tally.ticks.items())),
            first=tally.first,
            last=tally.last,
            rarity=rarity,
            is_target=key == self.target,
            is_spine=key in spine,
            is_open=key in self.open,
            is_marked=self.mark.is_on_process(process),
            is_rare=self.is_rare(rarity),
            hidden_children=hidden.total(),
            hidden=tuple(sorted(hidden.items(), key=lambda item: (-item[1], item[0]))[:5]),
            reason="; ".join(sorted(map(self.translate, folding.why.get(key, ())))),
            counted_within=self.within if key in self.aside else None,
        )

    def folds(
        self, folding: Folding, activities: Mapping[NodeKey, Sequence[Activity]], counters: int
    ) -> list[Fold]:
        """Say in sums what is folded, and why."""
        folds = [
            Fold(count=count, what=self.translate(texts.PROCESSES), reason=self.translate(reason))
            for reason, count in sorted(folding.sums().items())
        ]
        objects: Counter[str] = Counter()
        for some in activities.values():
            for activity in some:
                if activity.is_folded and activity.reason:
                    objects[activity.reason] += activity.objects
        what = self.translate(texts.OBJECTS)
        folds += [Fold(count=count, what=what, reason=reason) for reason, count in sorted(objects.items())]
        if counters:
            folds.append(
                Fold(
                    count=counters,
                    what=self.translate(texts.COUNTERS),
                    reason=self.translate(texts.BUDGET),
                )
            )
        return folds

    def counts(self) -> dict[Category, int]:
        """Return the events of all processes per category."""
        total: Counter[Category] = Counter()
        for tally in self.tallies.values():
            total += tally.counts
        return {category: total[category] for category in ORDER if total[category]}

    def scene(self, key: NodeKey) -> Scene:
        """Return what folding the activity of a process has to know."""
        return Scene(key, self.computers, self.spec.opened, self.translate)

    def is_rare(self, rarity: Rarity | None) -> bool:
        """Tell whether something was seen on one computer only, of several."""
        return self.computers > 1 and rarity is not None and rarity.computers == 1

    def tally(self, key: NodeKey) -> Tally:
        """Return the events of a process; of one without a GUID none can be told."""
        return self.tallies.get(self.forest.processes[key].process_guid or "", Tally())

    def guids(self, keys: Iterable[NodeKey]) -> list[str]:
        """Return the ProcessGuids of those that have one."""
        processes = (self.forest.processes[key] for key in keys)
        return [process.process_guid for process in processes if process.process_guid]
