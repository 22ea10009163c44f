"""What the mappings of indices say of their fields, by the answer of ``_field_caps``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.store.elastic.places import Form

_KEYWORDS: Final = frozenset({"keyword", "wildcard", "constant_keyword"})
_INTEGERS: Final = frozenset({"long", "integer", "short", "byte", "unsigned_long"})
_DATES: Final = frozenset({"date", "date_nanos"})
_OBJECTS: Final = frozenset({"object", "nested"})


def _form(type_name: str) -> Form | None:
    if type_name in _KEYWORDS:
        return Form.KEYWORD
    if type_name in _INTEGERS:
        return Form.NUMBER
    return Form.DATE if type_name in _DATES else None


class Mapped:
    """The fields of some indices that are searched together."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.indices: tuple[str, ...] = tuple(answer["indices"])
        self._types: Mapping[str, Mapping[str, Mapping[str, Any]]] = answer["fields"]

    def has(self, path: str) -> bool:
        """Tell whether some index has values at a path."""
        return any(type_name not in _OBJECTS for type_name in self._types.get(path, ()))

    def form(self, path: str) -> Form | None:
        """Return how a field can be asked; None: it cannot, or not in the same way in all indices."""
        types = self._types.get(path, {})
        forms = {_form(name) for name in types}
        usable = all(can["searchable"] and can["aggregatable"] for can in types.values())
        return forms.pop() if len(forms) == 1 and usable else None

    def sub_field(self, path: str, form: Form) -> str | None:
        """Return the multi-field of ``path`` that has a form, as ``.keyword`` or ``.number``."""
        if not self.has(path):
            return None
        within = path + "."
        names = sorted(name for name in self._types if name.startswith(within))
        return next((name for name in names if self.form(name) is form), None)

    def below(self, path: str) -> list[str]:
        """Return the paths of the fields in an object; multi-fields are left out."""
        within = path + "."
        return [
            name
            for name in self._types
            if name.startswith(within) and self.has(name) and not self.has(name.rpartition(".")[0])
        ]


NOTHING: Final = Mapped({"indices": [], "fields": {}})
"""No index at all."""
