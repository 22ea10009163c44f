"""The graph of one process: its tree, what it and those that the reader opened did, within a budget."""

from __future__ import annotations

from app.graph.building import Builder
from app.graph.folding import Rank
from app.graph.forest import Forest
from app.graph.model import Fold, GraphSpec, ProcessGraph, size_of
from app.graph.nodes import NodeKey
from app.graph.texts import ANCESTORS, BUDGET, PROCESSES, Translate, words
from app.graph.tree import LIMIT, ProcessTree, build_tree
from app.store.port import Budget, EventStore
from app.store.remember import Remembering, remembering


def build_process_graph(
    store: EventStore,
    computer: str,
    guid: str,
    spec: GraphSpec,
    *,
    budget: Budget | None = None,
    translate: Translate = str,
    limit: int = LIMIT,
) -> ProcessGraph:
    """Build the graph of the process with this ProcessGuid on this computer.

    At most ``spec.budget`` nodes are drawn; what is folded is counted in ``folds`` and on
    the nodes that hide it. Raise what ``build_tree`` raises.
    """
    asked = remembering(store)

    def make() -> ProcessGraph:
        tree = build_tree(asked, computer, guid, budget=budget, limit=limit)
        return graph_of(asked, tree, spec, budget=budget, translate=translate)

    question = ("graph", computer, guid, spec, limit, words(translate))
    return asked.derived(question, make, size_of)


def graph_of(
    store: EventStore | Remembering,
    tree: ProcessTree,
    spec: GraphSpec,
    *,
    budget: Budget | None = None,
    translate: Translate = str,
) -> ProcessGraph:
    """Build the graph of a tree that is known already."""
    target = tree.process(tree.target)
    builder = Builder.of(
        remembering(store), target.computer, Forest.of(tree), spec, tree.target, budget, translate
    )
    folds = [
        Fold(count=folded.count, what=translate(PROCESSES), reason=folded.reason, node=folded.node)
        for folded in tree.folded
    ]
    folds += _without_far_ancestors(builder, tree.target)
    return builder.graph(folds=folds, notes=tree.notes, more=sum(folded.count for folded in tree.folded))


def _without_far_ancestors(builder: Builder, target: NodeKey) -> list[Fold]:
    """Leave out the oldest ancestors where they alone are more than the budget."""
    spine = builder.forest.path_to(target)
    far = spine[: max(0, len(spine) - max(1, builder.spec.budget))]
    if not far:
        return []
    builder.forest = builder.forest.without(set(far))
    builder.ranks = dict.fromkeys(spine[len(far) :], Rank.NEVER)
    return [Fold(count=len(far), what=builder.translate(ANCESTORS), reason=builder.translate(BUDGET))]
