"""Which indexed field is asked for what lies at a path, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from app.store.elastic.field_paths import FieldPath
from app.store.elastic.mapped import Mapped
from app.store.elastic.places import Form


class Asked(NamedTuple):
    """The field that is asked, and its form; without ``has_texts`` only whether it is there."""

    path: str
    form: Form
    has_texts: bool


class Choice:
    """The fields that are asked in indices of one owner, beside which those of another are searched.

    A field that has one type here and another there can be asked in neither: a search is of all
    indices. It is then asked by another name, or read from the documents (``runtime``).
    """

    def __init__(self, mapped: Mapped, beside: Mapped, runtime: dict[str, Mapping[str, str]]) -> None:
        self._mapped = mapped
        self._beside = beside
        self._runtime = runtime

    def text_field(self, at: FieldPath, *, needs_text: bool) -> Asked | None:
        """Return the field that has the texts, or the values if there are no texts; None: no index has it.

        Without ``needs_text`` it is enough that the field can be asked whether it is there.
        """
        path = self._path(at)
        if path is None:
            return None
        found = self._indexed(path, at.alias)
        if found is not None:
            return Asked(*found, has_texts=found[1] is Form.KEYWORD)
        if needs_text:
            self._runtime[path] = {"type": "keyword"}
        return Asked(path, Form.KEYWORD, has_texts=path in self._runtime)

    def value_field(self, at: FieldPath, form: Form) -> str | None:
        """Return the field that has values in a form, if there is one."""
        path = self._path(at)
        if path is None:
            return None
        if self._mapped.form(path) is form and path not in self._runtime and self._agrees(path, form):
            return path
        found = self._mapped.sub_field(path, form)
        return found if found is not None and self._agrees(found, form) else None

    def indexed_name(self, at: FieldPath, field: str) -> str:
        """Return the name under which ``_ignored`` has the field that is asked by ``field``."""
        return at.path if field == at.alias else field

    def _path(self, at: FieldPath) -> str | None:
        if self._mapped.has(at.path):
            return at.path
        return at.instead if at.instead is not None and self._mapped.has(at.instead) else None

    def _indexed(self, path: str, alias: str | None) -> tuple[str, Form] | None:
        form = self._mapped.form(path)
        if form is not None:
            if self._agrees(path, form):
                return path, form
            if alias is not None and self._mapped.form(alias) is form:
                return alias, form
        found = self._mapped.sub_field(path, Form.KEYWORD)
        return (found, Form.KEYWORD) if found is not None and self._agrees(found, Form.KEYWORD) else None

    def _agrees(self, path: str, form: Form) -> bool:
        return not self._beside.has(path) or self._beside.form(path) is form
