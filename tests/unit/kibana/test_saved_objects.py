"""Saved objects against the shapes that Kibana's public sources of 8.x have for their types.

From ``dashboard_saved_object/schema/v1``, ``saved_search/server/saved_objects/schema``,
``visualizations/common/content_management/v1`` and ``data_views/common`` of elastic/kibana: the names
of attributes and their types, and what the names of references must be. No code is taken over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from app.errors import BadSetting
from app.kibana.export import lines, saved_objects
from app.kibana.hunts import HUNTS
from app.kibana.panels import PANELS
from app.kibana.saved import DATA_VIEW
from app.sysmon.fields import FIELDS
from app.sysmon.language import parse

PATTERN = "sysmonsearch-events-*,winlogbeat-*"
URL = "http://127.0.0.1:8000"

Json = dict[str, Any]

#: Type -> the attributes that its schema knows, and what they are; those with ! must be there.
ATTRIBUTES: dict[str, dict[str, type]] = {
    "index-pattern": {
        "title!": str,
        "name": str,
        "timeFieldName!": str,
        "fields": str,
        "fieldAttrs": str,
        "fieldFormatMap!": str,
        "runtimeFieldMap!": str,
        "sourceFilters": str,
        "typeMeta": str,
    },
    "search": {
        "title!": str,
        "description": str,
        "columns!": list,
        "sort!": list,
        "grid": dict,
        "hideChart": bool,
        "isTextBasedQuery": bool,
        "kibanaSavedObjectMeta!": dict,
        "timeRestore": bool,
    },
    "visualization": {
        "title!": str,
        "description": str,
        "version": int,
        "kibanaSavedObjectMeta!": dict,
        "uiStateJSON!": str,
        "visState!": str,
    },
    "dashboard": {
        "title!": str,
        "description": str,
        "kibanaSavedObjectMeta!": dict,
        "timeRestore": bool,
        "timeFrom": str,
        "timeTo": str,
        "refreshInterval": dict,
        "controlGroupInput": dict,
        "panelsJSON!": str,
        "optionsJSON!": str,
        "version": int,
    },
}
#: Kind of visualisation -> the schemas that its aggregations may have.
SCHEMAS = {
    "histogram": {"metric", "segment", "group"},
    "horizontal_bar": {"metric", "segment", "group"},
    "pie": {"metric", "segment"},
    "table": {"metric", "bucket"},
}
METRICS = {"count", "cardinality"}
BUCKETS = {"terms", "rare_terms", "date_histogram", "filters"}


@pytest.fixture(scope="module")
def objects() -> list[Json]:
    return [json.loads(line) for line in lines(PATTERN, URL)]


def of_type(objects: list[Json], type_: str) -> Iterator[Json]:
    return (each for each in objects if each["type"] == type_)


def test_each_object_has_the_attributes_of_its_type_and_no_others(objects: list[Json]) -> None:
    for each in objects:
        known = {name.removesuffix("!"): type_ for name, type_ in ATTRIBUTES[each["type"]].items()}
        needed = {name[:-1] for name in ATTRIBUTES[each["type"]] if name.endswith("!")}
        assert set(each["attributes"]) <= set(known), each["id"]
        assert needed <= set(each["attributes"]), each["id"]
        for name, value in each["attributes"].items():
            assert type(value) is known[name], (each["id"], name)


def test_each_object_says_in_which_shape_it_is(objects: list[Json]) -> None:
    for each in objects:
        assert each["coreMigrationVersion"] == "8.8.0"
        assert tuple(map(int, each["typeMigrationVersion"].split("."))) <= (8, 9, 0)
        assert set(each) == {
            "attributes",
            "coreMigrationVersion",
            "id",
            "managed",
            "references",
            "type",
            "typeMigrationVersion",
        }


def test_ids_are_unique_and_references_lead_to_what_comes_before(objects: list[Json]) -> None:
    seen: set[tuple[str, str]] = set()
    for each in objects:
        for reference in each["references"]:
            assert (reference["type"], reference["id"]) in seen, each["id"]
        names = [reference["name"] for reference in each["references"]]
        assert len(names) == len(set(names))
        assert (each["type"], each["id"]) not in seen
        seen.add((each["type"], each["id"]))


def test_search_sources_name_their_references(objects: list[Json]) -> None:
    for each in [*of_type(objects, "search"), *of_type(objects, "visualization")]:
        source = json.loads(each["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
        names = {source["indexRefName"], *(one["meta"]["indexRefName"] for one in source["filter"])}
        assert names == {reference["name"] for reference in each["references"]}
        assert {reference["id"] for reference in each["references"]} == {DATA_VIEW}
        assert source["query"] == {"language": "kuery", "query": ""}
        for one in source["filter"]:
            assert one["$state"] == {"store": "appState"}
            assert one["meta"]["type"] == "custom"
            assert json.loads(one["meta"]["value"]) == one["query"]


def test_the_data_view_links_guids_and_events_to_this_program(objects: list[Json]) -> None:
    [view] = of_type(objects, "index-pattern")
    attributes = view["attributes"]
    formats = json.loads(attributes["fieldFormatMap"])

    assert attributes["title"] == PATTERN
    assert attributes["timeFieldName"] == "@timestamp"
    for field in (
        "winlog.event_data.ProcessGuid",
        "winlog.event_data.SourceProcessGuid",
        "winlog.event_data.SourceProcessGUID",
        "winlog.event_data.ParentProcessGuid",
        "winlog.event_data.TargetProcessGuid",
        "process.entity_id",
        "process.parent.entity_id",
        "event_data.ProcessGuid",
    ):
        assert formats[field]["params"]["urlTemplate"] == URL + "/processes/{{value}}"
    for field, said in formats.items():
        assert said["id"] == "url", field
        assert said["params"]["type"] == "a"
    computed = json.loads(attributes["runtimeFieldMap"])
    assert set(computed) <= set(formats)
    assert set(json.loads(attributes["fieldAttrs"])) <= set(formats)


def test_visualisations_are_of_kinds_that_kibana_has(objects: list[Json]) -> None:
    for each in of_type(objects, "visualization"):
        state = json.loads(each["attributes"]["visState"])
        assert set(state) == {"aggs", "params", "title", "type"}
        assert state["title"] == each["attributes"]["title"]
        assert [one["id"] for one in state["aggs"]] != []
        ids = [one["id"] for one in state["aggs"]]
        assert len(ids) == len(set(ids))
        for one in state["aggs"]:
            assert set(one) == {"enabled", "id", "params", "schema", "type"}
            assert one["schema"] in SCHEMAS[state["type"]]
            assert one["type"] in (METRICS if one["schema"] == "metric" else BUCKETS)
            if one["type"] == "terms":
                assert one["params"]["orderBy"] in ids


def test_the_dashboard_shows_every_panel_once_without_overlaps(objects: list[Json]) -> None:
    [board] = of_type(objects, "dashboard")
    panels = json.loads(board["attributes"]["panelsJSON"])
    references = {one["name"]: one for one in board["references"]}

    taken: set[tuple[int, int]] = set()
    for panel in panels:
        key = panel["panelIndex"]
        reference = references.pop(f"{key}:{panel['panelRefName']}")
        assert reference["type"] == panel["type"]
        assert panel["gridData"]["i"] == key
        place = panel["gridData"]
        assert place["x"] + place["w"] <= 48
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, key
        taken |= cells
    shown = {panel["panelIndex"] for panel in panels}
    assert {panel.key for panel in PANELS} <= shown
    assert shown <= {panel.key for panel in PANELS} | {hunt.key for hunt in HUNTS}
    assert all(name.startswith("controlGroup_") for name in references)


def test_the_lists_above_the_panels_are_those_of_the_classic_dashboard_and_the_computer(
    objects: list[Json],
) -> None:
    [board] = of_type(objects, "dashboard")
    group = board["attributes"]["controlGroupInput"]
    controls = json.loads(group["panelsJSON"])

    assert set(group) <= {"panelsJSON", "controlStyle", "chainingSystem", "ignoreParentSettingsJSON"}
    fields = {control["explicitInput"]["fieldName"] for control in controls.values()}
    assert fields == {
        "winlog.computer_name",
        "winlog.event_data.Image",
        "winlog.event_data.Hashes",
        "winlog.event_data.QueryName",
    }
    names = {reference["name"] for reference in board["references"]}
    for key, control in controls.items():
        assert control["type"] == "optionsListControl"
        assert control["explicitInput"]["id"] == key
        assert f"controlGroup_{key}:optionsListDataView" in names


def test_columns_are_fields_that_sysmon_has() -> None:
    for hunt in HUNTS:
        parse(hunt.query)
        assert all(name in FIELDS for name in hunt.fields), hunt.key


def test_the_same_arguments_write_the_same_file() -> None:
    assert list(lines(PATTERN, URL)) == list(lines(PATTERN, URL + "/"))
    assert len({each.id for each in saved_objects(PATTERN, URL)}) == len(list(lines(PATTERN, URL)))


@pytest.mark.parametrize("url", ["", "server", "ftp://server", "http://", "http://a b", "http://a/{{x}}"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadSetting, match="not the address of a server"):
        list(lines(PATTERN, url))


def test_the_command_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "kibana.ndjson"
    environ = {
        "SYSMONSEARCH_STORE": "elasticsearch://127.0.0.1:1/logs-*,winlogbeat-*",
        "SYSMONSEARCH_ELASTIC_PREFIX": "ours",
    }

    said = CliRunner().invoke(cli, ["kibana", "export", "-o", str(path)], env=environ)

    assert said.exit_code == 0, said.output
    view = json.loads(path.read_bytes().splitlines()[0])
    assert view["attributes"]["title"] == "ours-events-*,logs-*,winlogbeat-*"
    assert "http://127.0.0.1:8000/processes/" in view["attributes"]["fieldFormatMap"]


def test_the_command_says_what_it_was_given(tmp_path: Path) -> None:
    said = CliRunner().invoke(
        cli, ["kibana", "export", "--url", "https://logs.example/", "--data-view", "mine-*"]
    )

    view = json.loads(said.stdout.splitlines()[0])
    assert view["attributes"]["title"] == "mine-*"
    assert "https://logs.example/search?q={{value}}" in view["attributes"]["fieldFormatMap"]
