"""Every field that a reader gives is found at one of the paths that are named for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given

from app.layouts.codes import text_of
from app.layouts.values import guid_of
from app.store.elastic.documents import documents_of
from app.store.elastic.field_paths import (
    EVENT_IDS,
    NULLS,
    OWN_ALIASES,
    FieldPath,
    every_path,
    keyword_names,
    paths_of,
)
from app.store.elastic.indices import Names
from app.store.elastic.places import Layout
from app.sysmon.events import Event, value_text
from app.sysmon.fields import DERIVED, FIELDS, KEYWORD_COLUMNS, FieldType
from tests.builders import as_stored, batch_of, create_remote_thread, process_access, process_create
from tests.unit.layouts.anything import events
from tests.unit.layouts.pipeline import through_agent, through_pipeline
from tests.unit.layouts.read import read
from tests.unit.layouts.render import Document, winlogbeat_6, winlogbeat_7
from tests.unit.layouts.test_ecs import EVENTS

NAMES = [name for name in FIELDS if name not in DERIVED]
RENDERERS: dict[str, tuple[Layout, Callable[[Event], Document]]] = {
    "Winlogbeat 6": (Layout.WINLOGBEAT_6, winlogbeat_6),
    "Winlogbeat 7": (Layout.WINLOGBEAT_7, winlogbeat_7),
    "module": (Layout.ECS, lambda made: through_pipeline(winlogbeat_7(made))),
    "agent": (Layout.ECS, lambda made: through_agent(winlogbeat_7(made))),
}


def values_at(document: Any, keys: list[str]) -> Iterator[str]:
    """Yield the texts that an index would have at a path: of lists, each part."""
    if isinstance(document, list):
        for part in document:
            yield from values_at(part, keys)
    elif keys and isinstance(document, dict):
        yield from values_at(document.get(keys[0]), keys[1:])
    elif not keys and document is not None:
        yield text_of(document)


def found_at(at: FieldPath, document: Document, event_id: int) -> list[str]:
    if at.event_ids is not None and event_id not in at.event_ids:
        return []
    path = at.path if next(values_at(document, at.path.split(".")), None) else at.instead or at.path
    return [text for text in values_at(document, path.split(".")) if text not in at.nulls]


def check(document: Document, event: Event, layout: Layout, name: str) -> None:
    value = event.get(name)
    found = {at: texts for at in paths_of(name, layout) if (texts := found_at(at, document, event.event_id))}
    texts = [text for at, some in found.items() if at.faithful for text in some]
    if FIELDS[name].type is FieldType.TIME:
        assert (value is not None) == bool(texts)
        return
    if FIELDS[name].type is FieldType.GUID:
        texts = [guid_of(text) or "" for text in texts]
    if value is None:
        assert not texts, f"{name} is {texts} in the index, and nothing in the event"
    elif texts:
        assert value_text(value) in texts
    else:
        assert found, f"{name} is {value!r} in the event, and nowhere in the index"


def check_all(document: Document, layout: Layout) -> None:
    event = read(document)
    for name in NAMES:
        check(document, event, layout, name)


@pytest.mark.parametrize("name", RENDERERS)
def test_each_field_of_each_kind_of_event_is_where_it_is_looked_for(name: str) -> None:
    layout, rendered = RENDERERS[name]
    for made in EVENTS:
        check_all(rendered(made), layout)


@given(made=events())
def test_any_text_is_where_it_is_looked_for(made: Event) -> None:
    for rendered, layout in ((winlogbeat_6, Layout.WINLOGBEAT_6), (winlogbeat_7, Layout.WINLOGBEAT_7)):
        check_all(rendered(made), layout)


def test_each_field_of_our_own_documents_is_where_it_is_looked_for() -> None:
    stored = [as_stored(made) for made in EVENTS]
    bodies = [orjson.loads(one.body) for one in documents_of(batch_of(*EVENTS), 1, "x", Names("x"))]
    for made, body in zip(stored, bodies, strict=True):
        for name in NAMES:
            check(body, made, Layout.OWN, name)


def test_our_own_places_are_the_values_themselves() -> None:
    assert all(at.faithful and not at.nulls and at.event_ids is None for at in every_path(Layout.OWN))


def test_what_others_may_map_otherwise_has_an_alias_of_our_own() -> None:
    for at in every_path(Layout.OWN):
        assert at.path.startswith("sysmonsearch.") or (at.alias or "").startswith(OWN_ALIASES)


@pytest.mark.parametrize("layout", [Layout.WINLOGBEAT_6, Layout.WINLOGBEAT_7, Layout.ECS])
def test_the_process_of_events_8_and_10_is_the_source(layout: Layout) -> None:
    image, source = paths_of("Image", layout), paths_of("SourceImage", layout)
    assert all(at.event_ids and not at.event_ids & {8, 10} for at in image)
    assert all(at.event_ids == frozenset({8, 10}) for at in source)
    assert {at.path for at in paths_of("Process", layout)} == {at.path for at in (*image, *source)}


def test_both_spellings_of_guids_are_looked_for() -> None:
    paths = {at.path for at in paths_of("SourceProcessGuid", Layout.WINLOGBEAT_7)}
    assert paths == {"winlog.event_data.SourceProcessGuid", "winlog.event_data.SourceProcessGUID"}


def test_a_stray_image_of_an_event_with_a_source_is_none() -> None:
    document = winlogbeat_7(create_remote_thread())
    document["winlog"]["event_data"]["Image"] = "C:\\stray.exe"
    check(document, read(document), Layout.WINLOGBEAT_7, "Image")
    assert read(document).get("Image") is None


@pytest.mark.parametrize("null", NULLS)
def test_texts_for_no_value_are_no_values(null: str) -> None:
    for rendered, layout in ((winlogbeat_6, Layout.WINLOGBEAT_6), (winlogbeat_7, Layout.WINLOGBEAT_7)):
        document = rendered(process_access())
        data = document["event_data"] if "event_data" in document else document["winlog"]["event_data"]
        data |= dict.fromkeys(data, null) | {"UtcTime": data["UtcTime"]}
        check_all(document, layout)


def test_command_lines_of_old_modules_are_told_by_their_arguments() -> None:
    document = through_pipeline(winlogbeat_7(process_create()))
    document["process"]["args"] = ["cmd.exe", "/c"]
    del document["process"]["command_line"]
    check(document, read(document), Layout.ECS, "CommandLine")
    (made,) = (at for at in paths_of("CommandLine", Layout.ECS) if not at.faithful)
    assert (made.path, made.unless) == ("process.args", "process.command_line")


def test_events_that_later_versions_may_give_are_looked_for_at_the_usual_paths() -> None:
    for at in paths_of("Image", Layout.ECS):
        assert at.event_ids is not None
        assert 30 in at.event_ids
    assert {1, 29, 255, 40} < EVENT_IDS


def test_keywords_are_looked_for_in_each_column_once() -> None:
    assert [FIELDS[name].column for name in keyword_names()] == list(KEYWORD_COLUMNS)
    assert "Process" in keyword_names()


@pytest.mark.parametrize("name", DERIVED)
def test_what_is_read_from_the_event_id_has_no_place(name: str) -> None:
    assert all(paths_of(name, layout) == () for layout in Layout)
