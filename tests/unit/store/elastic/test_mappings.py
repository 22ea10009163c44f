"""What the mappings of a real server are made of: in which field each value is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from elasticsearch_dsl.query import Term

from app.settings import Settings
from app.store.elastic.connection import Connection
from app.store.elastic.indices import Names
from app.store.elastic.mappings import FieldsCache
from app.store.elastic.places import Form, Layout, Place
from app.store.port import Budget
from app.sysmon.fields import DERIVED, FIELDS
from tests.builders import create_remote_thread, network_connect, process_create
from tests.services.elastic import own_prefix
from tests.unit.layouts.render import winlogbeat_6
from tests.unit.store.elastic.foreign import IMAGE, TEXT, WINLOGBEAT, Cluster, module, properties_of, raw


@pytest.fixture
def cluster(elastic_url: str) -> Iterator[Cluster]:
    with own_prefix(elastic_url) as prefix:
        cluster = Cluster(elastic_url, prefix)
        yield cluster
        cluster.connection.close()


def place_of(places: Sequence[Place], layout: Layout) -> Place:
    (place,) = (place for place in places if place.layout is layout)
    return place


def test_an_empty_cluster_has_no_layouts(cluster: Cluster) -> None:
    fields = cluster.fields()
    assert fields.layouts == frozenset()
    assert all(not fields.texts(name) and not fields.ordered(name) for name in FIELDS)
    assert fields.keywords() == ()
    assert fields.sysmon().to_dict() == {"match_none": {}}
    assert fields.notes() == []


def test_our_own_indices_alone_need_no_query_to_tell_events(cluster: Cluster) -> None:
    cluster.own(process_create())
    fields = cluster.fields()
    assert fields.layouts == {Layout.OWN}
    assert fields.sysmon().to_dict() == fields.of_layout(Layout.OWN).to_dict() == {"match_all": {}}
    assert fields.runtime == {}
    assert fields.notes() == []


def test_our_own_indices_have_every_field_before_any_event_has_it(cluster: Cluster) -> None:
    cluster.own(process_create())
    fields = cluster.fields()
    for name in FIELDS:
        assert bool(fields.texts(name)) == bool(fields.ordered(name)) == (name not in DERIVED)
        assert all(place.faithful and not place.nulls for place in fields.ordered(name))


def test_our_own_integers_are_compared_as_integers_and_as_texts(cluster: Cluster) -> None:
    cluster.own(network_connect())
    fields = cluster.fields()
    for name in ("DestinationPort", "EventId", "RecordId", "EventVersion"):
        (text,), (number,) = fields.texts(name), fields.ordered(name)
        assert (text.form, text.faithful) == (Form.KEYWORD, True)
        assert (number.path, number.form) == (f"{text.path}.number", Form.NUMBER)


def test_our_own_times_are_microseconds(cluster: Cluster) -> None:
    cluster.own(process_create())
    fields = cluster.fields()
    places = [place_of(fields.ordered(name), Layout.OWN) for name in ("Time", "UtcTime")]
    assert [place.path for place in places] == ["sysmonsearch.time", "sysmonsearch.utc_time"]
    assert {place.form for place in places} == {Form.MICROSECONDS}
    assert not any(place.faithful for name in ("Time", "UtcTime") for place in fields.texts(name))


def test_a_pattern_that_takes_in_our_own_indices_does_not_make_them_foreign(cluster: Cluster) -> None:
    cluster.own(process_create())
    settings = Settings(store=f"{cluster.settings.store.rpartition('/')[0]}/*", elastic_prefix=cluster.prefix)
    connection = Connection(settings)
    fields = FieldsCache(connection, settings).get(Budget(30))
    connection.close()
    assert f"-{cluster.prefix}-events-*" not in fields.indices
    assert Names(cluster.prefix).of_month("2019-05") not in fields.foreign.indices


def test_documents_without_values_in_a_field_do_not_make_it_one_to_ask(cluster: Cluster) -> None:
    process = {"process": {"properties": {"entity_id": {"type": "keyword"}}}}
    cluster.index("7", {**WINLOGBEAT, "properties": {**WINLOGBEAT["properties"], **process}})
    cluster.index("7-too", WINLOGBEAT, raw(process_create()))
    assert cluster.fields().layouts == {Layout.WINLOGBEAT_7}


def test_each_layout_is_told_from_the_others(cluster: Cluster) -> None:
    cluster.index("6", WINLOGBEAT, winlogbeat_6(process_create()))
    cluster.index("7", WINLOGBEAT, raw(process_create()), raw(network_connect()))
    cluster.index("ecs", WINLOGBEAT, *[module(event) for event in (process_create(), network_connect())] * 2)
    cluster.own(*[process_create(record_id=number) for number in range(8)])
    other = raw(process_create())
    other["winlog"] |= {"channel": "Security", "provider_name": "Microsoft-Windows-Security-Auditing"}
    cluster.index("other", WINLOGBEAT, other)
    fields = cluster.fields()
    assert fields.layouts == set(Layout)
    counts = {layout: cluster.count(fields, fields.sysmon() & fields.of_layout(layout)) for layout in Layout}
    assert counts == {Layout.OWN: 8, Layout.WINLOGBEAT_6: 1, Layout.WINLOGBEAT_7: 2, Layout.ECS: 4}
    assert cluster.count(fields, fields.sysmon()) == 15


@pytest.mark.parametrize(
    ("changed", "is_event"),
    [
        ({"channel": "MICROSOFT-WINDOWS-SYSMON/Operational", "provider_name": None}, True),
        ({"channel": "ForwardedEvents"}, True),
        ({"channel": None}, True),
        ({"channel": "Security", "provider_name": "Other"}, False),
        ({"channel": None, "provider_name": None}, False),
        ({"computer_name": None}, False),
        ({"computer_name": ""}, False),
        ({"event_id": None}, False),
    ],
)
def test_events_are_of_sysmons_channel_or_provider_and_can_be_read(
    cluster: Cluster, changed: Mapping[str, Any], is_event: bool
) -> None:
    document = raw(process_create())
    document["winlog"] |= changed
    cluster.index("7", WINLOGBEAT, document, module(process_create()))
    fields = cluster.fields()
    assert cluster.count(fields, fields.sysmon()) == 1 + is_event
    assert cluster.count(fields, fields.sysmon() & fields.of_layout(Layout.WINLOGBEAT_7)) == is_event


def test_keywords_of_winlogbeats_template_are_asked_as_they_are(cluster: Cluster) -> None:
    cluster.index("7", WINLOGBEAT, raw(process_create()), raw(create_remote_thread()))
    fields = cluster.fields()
    (image,) = fields.texts("Image")
    assert (image.path, image.form, image.faithful) == (IMAGE, Form.KEYWORD, True)
    assert fields.texts("ProcessGuid")[0].is_guid
    assert "-" in image.nulls
    process_id = place_of(fields.ordered("ParentProcessId"), Layout.WINLOGBEAT_7)
    assert (process_id.form, process_id.faithful) == (Form.KEYWORD, False)
    assert place_of(fields.ordered("UtcTime"), Layout.WINLOGBEAT_7).form is Form.KEYWORD
    assert place_of(fields.ordered("Time"), Layout.WINLOGBEAT_7).form is Form.DATE
    assert fields.runtime == {}


def test_texts_of_dynamic_mapping_are_asked_by_their_multi_field(cluster: Cluster) -> None:
    cluster.index("7", {}, raw(process_create(image="C:\\a.exe")))
    fields = cluster.fields()
    (image,) = fields.texts("Image")
    assert image.path == f"{IMAGE}.keyword"
    assert cluster.terms(fields, image) == {"C:\\a.exe": 1}
    assert place_of(fields.ordered("EventId"), Layout.WINLOGBEAT_7).form is Form.NUMBER
    assert fields.runtime == {}


def test_a_text_that_is_nothing_else_is_read_from_the_documents(cluster: Cluster) -> None:
    cluster.index("7", properties_of(IMAGE, TEXT), raw(process_create(image="C:\\Two Words.exe")))
    fields = cluster.fields()
    (image,) = fields.texts("Image")
    assert fields.runtime == {IMAGE: {"type": "keyword"}}
    assert cluster.terms(fields, image) == {"C:\\Two Words.exe": 1}
    assert cluster.count(fields, Term(image.path, {"value": "C:\\Two Words.exe"})) == 1
    (note,) = fields.notes()
    assert note.startswith(f"{IMAGE} is indexed as text only: searches read it from the documents")


def test_a_multi_field_that_one_index_lacks_is_not_relied_on(cluster: Cluster) -> None:
    cluster.index("7", {}, raw(process_create(image="C:\\a.exe")))
    cluster.index("8", properties_of(IMAGE, TEXT), raw(process_create(image="C:\\b.exe")))
    fields = cluster.fields()
    assert cluster.terms(fields, fields.texts("Image")[0]) == {"C:\\a.exe": 1, "C:\\b.exe": 1}


def test_a_field_of_several_types_is_read_from_the_documents_and_said(cluster: Cluster) -> None:
    one = cluster.index("7", properties_of(IMAGE, TEXT), raw(process_create(image="C:\\a.exe")))
    other = cluster.index("8", WINLOGBEAT, raw(process_create(image="C:\\b.exe")))
    fields = cluster.fields()
    assert cluster.terms(fields, fields.texts("Image")[0]) == {"C:\\a.exe": 1, "C:\\b.exe": 1}
    assert any(
        f"indexed as keyword in {other} and text in {one}: searches" in note for note in fields.notes()
    )


def test_an_object_where_others_have_a_text_does_no_harm_and_is_said(cluster: Cluster) -> None:
    odd = cluster.index("7", WINLOGBEAT, raw(process_create(), Image={"path": "C:\\a.exe"}))
    cluster.index("8", WINLOGBEAT, raw(process_create(image="C:\\b.exe")))
    fields = cluster.fields()
    assert cluster.terms(fields, fields.texts("Image")[0]) == {"C:\\b.exe": 1}
    assert any(f"{IMAGE} is an object in {odd}" in note for note in fields.notes())


def test_event_data_that_is_flattened_is_read_from_the_documents(cluster: Cluster) -> None:
    flattened = properties_of("winlog.event_data", {"type": "flattened"})
    cluster.index("7", flattened, raw(process_create(image="C:\\a.exe")))
    cluster.index("8", WINLOGBEAT, raw(process_create(image="C:\\b.exe")))
    fields = cluster.fields()
    assert cluster.terms(fields, fields.texts("Image")[0]) == {"C:\\a.exe": 1, "C:\\b.exe": 1}


def test_our_own_fields_are_asked_by_aliases_where_others_map_them_otherwise(cluster: Cluster) -> None:
    cluster.index("7", properties_of(IMAGE, TEXT), raw(process_create(image="C:\\a.exe")))
    cluster.own(process_create(image="C:\\b.exe"))
    fields = cluster.fields()
    ours, theirs = fields.texts("Image")
    assert (ours.layout, ours.path) == (Layout.OWN, "sysmonsearch.fields.Image")
    assert cluster.terms(fields, ours) == {"C:\\b.exe": 1}
    assert cluster.terms(fields, theirs) == {"C:\\a.exe": 1}


def test_our_own_integers_stay_what_they_are_beside_numbers_of_others(cluster: Cluster) -> None:
    cluster.index("7", {}, raw(process_create(), ParentProcessId=7))
    cluster.own(process_create(parent_process_id=8))
    fields = cluster.fields()
    for places in (fields.texts("ParentProcessId"), fields.ordered("ParentProcessId")):
        ours, theirs = places
        assert (cluster.terms(fields, ours), cluster.terms(fields, theirs)) in (
            ({"8": 1}, {"7": 1}),
            ({8: 1}, {"7": 1}),
        )


def test_addresses_of_ecs_are_compared_as_texts(cluster: Cluster) -> None:
    cluster.index("ecs", WINLOGBEAT, module(network_connect(destination_ip="10.0.0.1", destination_port=443)))
    fields = cluster.fields()
    (address,), (port,) = fields.texts("DestinationIp"), fields.ordered("DestinationPort")
    assert cluster.terms(fields, address) == {"10.0.0.1": 1}
    assert (port.path, port.form) == ("destination.port", Form.NUMBER)
    assert not fields.texts("DestinationPort")[0].faithful


def test_what_the_pipeline_copied_is_asked_in_one_place(cluster: Cluster) -> None:
    cluster.index("ecs", WINLOGBEAT, module(process_create(company="Example")))
    fields = cluster.fields()
    assert [place.path for place in fields.texts("Company")] == ["winlog.event_data.Company"]
    assert [place.path for place in fields.texts("CommandLine")] == ["process.command_line"]


def test_what_only_some_documents_have_in_an_old_place_is_asked_there_too(cluster: Cluster) -> None:
    old = module(process_create(company="Example"))
    old["process"]["args"] = [old["process"].pop("command_line")]
    del old["winlog"]["event_data"]["Company"]
    cluster.index("ecs", WINLOGBEAT, old, module(process_create(company="Example")))
    fields = cluster.fields()
    assert {place.path for place in fields.texts("Company")} == {
        "winlog.event_data.Company",
        "process.pe.company",
    }
    assert [place.faithful for place in fields.texts("CommandLine")] == [True, False]


def test_values_that_are_cut_are_named_and_counted(cluster: Cluster) -> None:
    long = [raw(process_create(command_line=letter * 2_000)) for letter in "ab"]
    cluster.index("7", WINLOGBEAT, *long, raw(process_create(command_line="short")))
    fields = cluster.fields()
    path = "winlog.event_data.CommandLine"
    assert fields.texts("CommandLine")[0].cut == path
    assert fields.texts("Image")[0].cut is None
    assert cluster.count(fields, Term(_ignored=path)) == 2
    (note,) = fields.notes()
    assert f"{path} in 2 documents" in note


def test_multi_fields_that_are_cut_are_named_as_documents_name_them(cluster: Cluster) -> None:
    cluster.index("7", {}, raw(process_create(command_line="a" * 300)))
    (place,) = cluster.fields().texts("CommandLine")
    assert place.cut == place.path == "winlog.event_data.CommandLine.keyword"


def test_a_field_all_of_whose_values_are_cut_is_there(cluster: Cluster) -> None:
    cluster.index("7", WINLOGBEAT, raw(process_create(command_line="a" * 2_000)))
    (place,) = cluster.fields().texts("CommandLine")
    assert place.cut == place.path == "winlog.event_data.CommandLine"


def test_a_field_that_no_mapping_had_room_for_is_read_from_the_documents(cluster: Cluster) -> None:
    cluster.index("7", WINLOGBEAT)
    limits = {"mapping.total_fields.limit": 26, "mapping.total_fields.ignore_dynamic_beyond_limit": True}
    cluster.client.indices.put_settings(index=f"{cluster.prefix}-beat-7", settings=limits)
    cluster.fill("7", raw(process_create(), Zebra="striped"))
    fields = cluster.fields()
    (place,) = (place for place in fields.keywords() if place.path.endswith("Zebra"))
    assert cluster.count(fields, Term(place.path, {"value": "striped"})) == 1


def test_what_others_cut_is_not_cut_in_ours(cluster: Cluster) -> None:
    cluster.index("7", WINLOGBEAT, raw(process_create(command_line="a" * 2_000)))
    cluster.own(process_create(command_line="a" * 2_000))
    ours, theirs = cluster.fields().texts("CommandLine")
    assert (ours.cut, theirs.cut) == (None, "winlog.event_data.CommandLine")


def test_keywords_are_looked_for_in_fields_that_no_table_knows_too(cluster: Cluster) -> None:
    cluster.index("7", WINLOGBEAT, raw(process_create(), Novelty="x"))
    cluster.own(process_create())
    fields = cluster.fields()
    paths = [(place.layout, place.path) for place in fields.keywords()]
    assert (Layout.WINLOGBEAT_7, "winlog.event_data.Novelty") in paths
    assert (Layout.OWN, "sysmonsearch.other.value") in paths
    assert not any(path.endswith(".UtcTime") for _, path in paths)
    strays = {place.path: place.event_ids for place in fields.keywords() if place.layout is not Layout.OWN}
    assert strays[IMAGE] == frozenset({8, 10})


def test_fields_are_read_again_when_told_or_when_there_was_nothing(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("app.store.elastic.mappings.monotonic", lambda: now[0])
    cache = FieldsCache(cluster.connection, cluster.settings)
    layouts: Callable[[], frozenset[Layout]] = lambda: cache.get(Budget(30)).layouts  # noqa: E731
    assert layouts() == frozenset()
    cluster.index("7", WINLOGBEAT, raw(process_create()))
    assert layouts() == {Layout.WINLOGBEAT_7}
    cluster.own(process_create())
    assert layouts() == {Layout.WINLOGBEAT_7}
    cache.forget()
    assert layouts() == {Layout.WINLOGBEAT_7, Layout.OWN}
    cluster.index("6", WINLOGBEAT, winlogbeat_6(process_create()))
    assert len(layouts()) == 2
    now[0] += 61  # Too old to be used while it is read again beside.
    assert len(layouts()) == 3
