"""Which documents are Sysmon's events, and of which layout: as ``app.layouts.reader`` tells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from elasticsearch_dsl.query import Bool, Exists, MatchPhrase, Query, Term

from app.layouts.ecs import SIGNS, SYSMON_DATASET, SYSMON_MODULE
from app.layouts.names import CHANNEL, PROVIDER
from app.store.elastic.field_paths import EVENT_DATA, OWN_BATCH, paths_of
from app.store.elastic.logic import ALL, NONE, any_query
from app.store.elastic.mapped import Mapped
from app.store.elastic.places import Form, Layout

_UTC_TIME: Final = f"{EVENT_DATA[Layout.WINLOGBEAT_7]}.UtcTime"
_TIME: Final = "@timestamp"
_ECS_TERMS: Final = {
    "event.module": SYSMON_MODULE,
    "event.dataset": SYSMON_DATASET,
    "data_stream.dataset": SYSMON_DATASET,
}
_PROVIDERS: Final = {
    Layout.WINLOGBEAT_6: ("source_name",),
    Layout.WINLOGBEAT_7: ("winlog.provider_name", "event.provider"),
}


def _term(path: str, value: Any) -> Query:
    return Term(**{path: value})


PATHS_ASKED: Final = frozenset(
    {*SIGNS, *_ECS_TERMS, *(path for paths in _PROVIDERS.values() for path in paths)}
)
"""The paths, beside those of fields, by which documents are told apart."""


class LayoutQueries:
    """Queries that tell documents apart; no clause names a field that no index has.

    Winlogbeat 7 and ECS are told apart only where both can be: each clause costs.
    """

    def __init__(self, own: Mapped, foreign: Mapped) -> None:
        self._foreign = foreign
        self.layouts = frozenset(_layouts(own, foreign))

    def of_layout(self, layout: Layout) -> Query:
        """Return what only documents of a layout match, among Sysmon's events."""
        if layout not in self.layouts:
            return NONE
        if len(self.layouts) == 1:
            return ALL
        if layout is Layout.OWN:
            return Exists(field=OWN_BATCH)
        is_there: list[Query] = [self._event_id(layout)]
        is_not: list[Query] = []
        if Layout.OWN in self.layouts:
            is_not.append(Exists(field=OWN_BATCH))
        if layout is Layout.WINLOGBEAT_6:
            is_not += [self._event_id(other) for other in self._winlogbeat_7()][:1]
        elif len(self._winlogbeat_7()) > 1:
            ecs = self._is_ecs()
            (is_there if layout is Layout.ECS else is_not).append(ecs)
        return Bool(filter=is_there, must_not=is_not)

    def sysmon(self) -> Query:
        """Return what Sysmon's events match: those of its channel or provider that can be read."""
        events = [self._sysmon_of(layout) for layout in self.layouts if layout is not Layout.OWN]
        if not events:
            return ALL if self.layouts else NONE
        if Layout.OWN in self.layouts:
            events.insert(0, Exists(field=OWN_BATCH))
        unique = list({str(event.to_dict()): event for event in events}.values())
        return unique[0] if len(unique) == 1 else Bool(should=unique, minimum_should_match=1)

    def _winlogbeat_7(self) -> list[Layout]:
        return [layout for layout in (Layout.WINLOGBEAT_7, Layout.ECS) if layout in self.layouts]

    def _sysmon_of(self, layout: Layout) -> Query:
        computer = paths_of("Computer", layout)[0].path
        channel = paths_of("Channel", layout)[0].path
        providers = _PROVIDERS[Layout.WINLOGBEAT_6 if layout is Layout.WINLOGBEAT_6 else Layout.WINLOGBEAT_7]
        said = [
            *self._is_text(channel, CHANNEL),
            *(q for path in providers for q in self._is_text(path, PROVIDER)),
        ]
        return Bool(
            filter=[
                any_query(said),
                Exists(field=computer),
                Exists(field=_TIME),
                self._event_id(layout),
            ],
            must_not=[_term(computer, "")],
        )

    def _is_text(self, path: str, text: str) -> Iterator[Query]:
        """Yield what finds a text, in indices of any mapping: none has the field whole and in words only."""
        types = self._foreign.types(path)
        keywords = [path, *self._foreign.sub_fields(path, Form.KEYWORD)] if types else []
        for name in keywords:
            if self._foreign.is_textual(name):
                yield _term(name, {"value": text, "case_insensitive": True})
        if self._foreign.is_textual(path) and self._foreign.form(path) is None:
            yield MatchPhrase(path, {"query": text})

    def _event_id(self, layout: Layout) -> Query:
        return Exists(field=self._first_of(layout))

    def _first_of(self, layout: Layout) -> str:
        at = paths_of("EventId", layout)[0]
        return at.path if at.instead is None or self._foreign.has(at.path) else at.instead

    def _is_ecs(self) -> Query:
        without = [Exists(field=_UTC_TIME)] if self._foreign.has(_UTC_TIME) else []
        return Bool(
            should=[*_terms(self._foreign), *(Exists(field=sign) for sign in _signs(self._foreign))],
            minimum_should_match=1,
            must_not=without,
        )


def _layouts(own: Mapped, foreign: Mapped) -> Iterable[Layout]:
    if own.has(OWN_BATCH):
        yield Layout.OWN
    if foreign.has("computer_name") and (foreign.below("event_data") or foreign.has("log_name")):
        yield Layout.WINLOGBEAT_6
    if foreign.has("winlog.computer_name"):
        may_be_ecs = bool(_signs(foreign)) or bool(_terms(foreign))
        if foreign.has(_UTC_TIME) or not may_be_ecs:
            yield Layout.WINLOGBEAT_7
        if may_be_ecs:
            yield Layout.ECS


def _signs(foreign: Mapped) -> list[str]:
    return [sign for sign in SIGNS if foreign.below(sign)]


def _terms(foreign: Mapped) -> list[Query]:
    return [_term(path, text) for path, text in _ECS_TERMS.items() if foreign.has(path)]
