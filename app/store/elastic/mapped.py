"""What the mappings of indices say of their fields, by the answers of ``_field_caps``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.store.elastic.places import Form

Types = Mapping[str, Mapping[str, Any]]
"""The types that a field has in some index, each with what can be done with it."""

_KEYWORDS: Final = frozenset({"keyword", "wildcard", "constant_keyword"})
_INTEGERS: Final = frozenset({"long", "integer", "short", "byte", "unsigned_long"})
_DATES: Final = frozenset({"date", "date_nanos"})
_OBJECTS: Final = frozenset({"object", "nested"})
_TEXTS: Final = frozenset({"text", "match_only_text"})
_UNMAPPED: Final = "unmapped"
_NOT_INDEXED: Final[Types] = {"nothing": {"searchable": False, "aggregatable": False}}
_FLATTENED: Final = "flattened"


def _form(type_name: str) -> Form | None:
    if type_name in _KEYWORDS:
        return Form.KEYWORD
    if type_name in _INTEGERS:
        return Form.NUMBER
    return Form.DATE if type_name in _DATES else None


class Mapped:
    """The fields of some indices that are searched together.

    ``coverage`` is an answer of the same indices that names, for some fields, the indices in
    which each has which type, or is missing.
    """

    def __init__(self, answer: Mapping[str, Any], coverage: Mapping[str, Types] | None = None) -> None:
        self.indices: tuple[str, ...] = tuple(answer["indices"])
        self._types: dict[str, Types] = dict(answer["fields"])
        self._coverage = coverage or {}
        self._children: dict[str, list[str]] = {}
        for name in sorted(self._types):
            self._children.setdefault(name.rpartition(".")[0], []).append(name)

    def types(self, path: str) -> Types:
        """Return the types that a field has; objects are none."""
        return {name: can for name, can in self._types.get(path, {}).items() if name not in _OBJECTS}

    def has(self, path: str) -> bool:
        """Tell whether some index has values at a path."""
        return bool(self.types(path)) or self._is_flattened(path)

    def form(self, path: str) -> Form | None:
        """Return how a field can be asked; None: it cannot, or not in the same way in all indices."""
        types = self._types.get(path, {})
        forms = {_form(name) for name in types}
        usable = all(can["searchable"] and can["aggregatable"] for can in types.values())
        return forms.pop() if len(forms) == 1 and usable and not self._is_flattened(path) else None

    def is_textual(self, path: str) -> bool:
        """Tell whether a field is a text of some sort in each index that has it."""
        types = self.types(path)
        return bool(types) and types.keys() <= _KEYWORDS | _TEXTS

    def with_fields(self, names: Iterable[str], answer: Mapping[str, Any]) -> Mapped:
        """Return the same with fields that no document has indexed, and some document has all the same.

        ``answer`` says what is known of them; of what is not in it, no mapping says anything.
        """
        more = {name: answer["fields"].get(name, _NOT_INDEXED) for name in names}
        return Mapped({"indices": self.indices, "fields": {**self._types, **more}}, self._coverage)

    def sub_field(self, path: str, form: Form) -> str | None:
        """Return the multi-field of ``path`` that has a form, as ``.keyword`` has, in all indices."""
        if not self.types(path):
            return None
        return next((name for name in self.sub_fields(path, form) if self._covers(name, path)), None)

    def sub_fields(self, path: str, form: Form) -> list[str]:
        """Return the multi-fields that have a form in some index."""
        return [name for name in self._children.get(path, ()) if self.form(name) is form]

    def below(self, path: str) -> list[str]:
        """Return the paths of the fields in an object; multi-fields are left out."""
        within = path + "."
        return [
            name
            for name in self._types
            if name.startswith(within) and self.types(name) and not self.types(name.rpartition(".")[0])
        ]

    def can_count(self, path: str) -> bool:
        """Tell whether every index can count the values of a field."""
        types = self._types.get(path, {})
        return bool(types) and all(can["aggregatable"] for can in types.values())

    def indexed_names(self, path: str) -> list[str]:
        """Return a field and its multi-fields, as far as some index has them."""
        return (
            [path, *(name for name in self._types if name.startswith(path + "."))] if self.has(path) else []
        )

    def indices_by_type(self, path: str) -> dict[str, list[str]]:
        """Return in which indices a field has which type, where it has several."""
        types = self._types.get(path, {})
        return {name: list(can.get("indices", ())) for name, can in types.items()} if len(types) > 1 else {}

    def _is_flattened(self, path: str) -> bool:
        """Tell whether an object that the path lies in is indexed as one field, somewhere."""
        return any(_FLATTENED in self._types.get(parent, {}) for parent in _parents(path))

    def _covers(self, name: str, path: str) -> bool:
        """Tell whether every index that has the field has this multi-field."""
        lacking = self._lacking(name)
        return not lacking or lacking <= self._lacking(path)

    def _lacking(self, path: str) -> set[str]:
        types = self._coverage.get(path, {})
        if _UNMAPPED not in types:
            return set()
        # An index list is there wherever there is more than one type.
        return set(types[_UNMAPPED].get("indices", self.indices))


def _parents(path: str) -> Iterable[str]:
    parts = path.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts)))


NOTHING: Final = Mapped({"indices": [], "fields": {}})
"""No index at all."""
