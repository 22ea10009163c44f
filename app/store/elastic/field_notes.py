"""What mappings make of searches, said in whole sentences for the pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from app.store.elastic.mapped import Mapped

_MOST_NAMES: Final = 5
_OBJECT: Final = "object"


def read_from_documents(runtime: Iterable[str], own: Mapped, foreign: Mapped) -> Iterator[str]:
    """Say which fields are read from the documents, and why."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for path in runtime:
        alike[_why(path, own, foreign)].append(path)
    for why, paths in sorted(alike.items()):
        yield (
            f"{_listed(paths)} {'is' if len(paths) == 1 else 'are'} indexed as {why}: searches read"
            f" {'it' if len(paths) == 1 else 'them'} from the documents, which is slow. Give all indices the"
            " mapping of Winlogbeat's template (keyword)."
        )
    for path in runtime:
        objects = foreign.indices_by_type(path).get(_OBJECT)
        if objects:
            yield f"{path} is an object in {_listed(objects)}: its values there are not found by a search."


def _why(path: str, own: Mapped, foreign: Mapped) -> str:
    """Return the types of a field, and in which indices where they differ."""
    by_type = foreign.indices_by_type(path)
    types = {name: f" in {_listed(indices)}" for name, indices in by_type.items() if indices}
    types = types or dict.fromkeys(sorted(foreign.types(path)), "")
    ours = sorted(own.types(path))
    said = [f"{name}{where}" for name, where in sorted(types.items())]
    said += [f"{name} in this program's own indices" for name in ours if types and name not in types]
    if not said:
        return "a part of an object of type flattened"
    return f"{said[0]} only" if len(said) == 1 else " and ".join((", ".join(said[:-1]), said[-1]))


def not_indexed(counts: Mapping[str, int]) -> Iterator[str]:
    """Say which fields have values that are not indexed, and in how many documents."""
    if counts:
        names = sorted(counts, key=lambda name: (-counts[name], name))
        yield (
            "Some values are not indexed, for they are longer than ignore_above in the mapping, or of another"
            f" type: {_listed([f'{name} in {counts[name]:,} documents' for name in names])}. Searches for"
            " these fields read those documents too; raise ignore_above to 8191 to make them faster."
        )


def _listed(names: Sequence[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES:,} more"
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
