"""Where Elasticsearch is, read from the settings: what is right, and what each wrong form says."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadSetting
from app.settings import Settings
from app.store.elastic.address import Host, is_elastic, read_address


def refusal(store: str = "elasticsearch://localhost", **others: str) -> str:
    """Return what is said of settings that are wrong."""
    with pytest.raises(BadSetting) as error:
        read_address(Settings(store=store, **others))  # type: ignore[arg-type]
    return str(error.value)


def test_one_host_has_the_usual_port_and_the_usual_indices() -> None:
    address = read_address(Settings(store="elasticsearch://logs.example"))

    assert address.hosts == (Host("logs.example", 9200),)
    assert address.urls == ["http://logs.example:9200"]
    assert address.patterns == ("winlogbeat-*",)
    assert not address.has_credentials


def test_several_nodes_have_one_user_in_front_and_indices_behind() -> None:
    address = read_address(
        Settings(
            store="elasticsearch+https://an%40n:s%2Fe%3Ac%25@a:9201,10.0.0.1,[fe80::1]:9202/winlogbeat-7*,x"
        )
    )

    assert address.urls == ["https://a:9201", "https://10.0.0.1:9200", "https://[fe80::1]:9202"]
    assert (address.user, address.password) == ("an@n", "s/e:c%")
    assert address.patterns == ("winlogbeat-7*", "x")


@given(st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"]), min_size=1))
def test_any_text_can_be_a_password(text: str) -> None:
    encoded = quote(text, safe="")
    address = read_address(Settings(store=f"elasticsearch+https://{encoded}:{encoded}@host/-"))

    assert (address.user, address.password) == (text, text)
    assert repr(text) not in repr(Settings(store=f"elasticsearch://u:{encoded}@host"))


@pytest.mark.parametrize(
    ("path", "patterns"),
    [
        ("", ("winlogbeat-*",)),
        ("/", ("winlogbeat-*",)),
        ("/-", ()),
        ("/logs-*,-logs-old", ("logs-*", "-logs-old")),
        ("/.ds-winlogbeat-8*", (".ds-winlogbeat-8*",)),
        ("/%C3%A4-*", ("ä-*",)),
    ],
)
def test_the_path_names_the_indices_that_are_read(path: str, patterns: tuple[str, ...]) -> None:
    assert read_address(Settings(store=f"elasticsearch://localhost{path}")).patterns == patterns


def test_only_a_store_that_says_so_is_elasticsearch() -> None:
    assert is_elastic("elasticsearch://a")
    assert is_elastic("elasticsearch+https://a")
    assert not is_elastic("embedded:")
    assert not is_elastic("https://a")
    assert "begins neither with" in refusal("embedded:")


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("elasticsearch://", "lacks a host"),
        ("elasticsearch://a,,b", "lacks a host"),
        ("elasticsearch:///x", "lacks a host"),
        ("elasticsearch://a:port", "port of a must be a whole number"),
        ("elasticsearch://a:0", "from 1 to 65535"),
        ("elasticsearch://a:65536", "from 1 to 65535"),
        ("elasticsearch://a:", "from 1 to 65535"),
        ("elasticsearch://::1", "stands in brackets"),
        ("elasticsearch://[::1", "stands in brackets"),
        ("elasticsearch://[::1]9200", "a colon and a port"),
        ("elasticsearch://[localhost]", "no IPv6 address"),
        ("elasticsearch://[127.0.0.1]", "no IPv6 address"),
        ("elasticsearch://a b", "a space"),
        ("elasticsearch://a;b", "letters, digits, dots"),
        ("elasticsearch://a/x?y=1", "has a ? or #"),
        ("elasticsearch://a/x#y", "has a ? or #"),
        ("elasticsearch://a/Upper", "no name of an index"),
        ("elasticsearch://a/x/y", "no name of an index"),
        ("elasticsearch://a/x,", "no name of an index"),
        ("elasticsearch://a/_all", "no name of an index"),
        ("elasticsearch://a/other:x", "no name of an index"),
        ("elasticsearch://a/-x", "stands behind one"),
        ("elasticsearch://a/%zz", "two hexadecimal digits"),
        ("elasticsearch://a/%ff", "no UTF-8"),
    ],
)
def test_a_wrong_form_says_what_is_right(store: str, said: str) -> None:
    assert said in refusal(store)


@pytest.mark.parametrize(
    "store",
    [
        "elasticsearch+https://user:se@cret@host",
        "elasticsearch+https://user:se/cret@host",
        "elasticsearch+https://user:se?cret@host",
        "elasticsearch+https://user:se#cret@host",
        "elasticsearch+https://user:se%cret@host",
        "elasticsearch+https://user:se cret@host",
        "elasticsearch+https://user:secret",
        "elasticsearch+https://user:secret@h1,user:secret@h2",
        "elasticsearch://user:secret@host",
        "elasticsearch+https://user:secret@host:port",
        "http://user:secret@host",
    ],
)
def test_no_complaint_quotes_a_password(store: str) -> None:
    said = refusal(store)

    assert "cret" not in said.replace("secrets", "")
    assert "cret" not in repr(Settings(store=store))


def test_a_user_comes_from_one_place_only() -> None:
    url = "elasticsearch+https://u:p@host"
    assert "Leave out one" in refusal(url, elastic_user="u")
    assert "Leave out one" in refusal(url, elastic_password="p")
    assert "Leave out one" in refusal(url, elastic_api_key="k")
    assert "Leave out one" in refusal(elastic_user="u", elastic_password="p", elastic_api_key="k")
    assert "one of them is missing" in refusal(elastic_user="u")
    assert "one of them is missing" in refusal(elastic_password="p")
    assert "one of them is missing" in refusal("elasticsearch://u@localhost")
    assert "colon" in refusal(elastic_user="u:v", elastic_password="p")


def test_a_user_may_come_from_the_settings_beside_the_store() -> None:
    settings = Settings(store="elasticsearch://localhost", elastic_user="ann", elastic_password="secret")

    address = read_address(settings)

    assert (address.user, address.password) == ("ann", "secret")
    assert "secret" not in repr(address) + str(address) + repr(settings)


def test_secrets_do_not_travel_in_the_open() -> None:
    for host in ("localhost", "127.0.0.1", "127.8.8.8:9201", "[::1]"):
        read_address(Settings(store=f"elasticsearch://u:p@{host}"))
    for host in ("10.0.0.1", "localhost,logs.example", "localhost.example"):
        assert "unencrypted" in refusal(f"elasticsearch://u:p@{host}")
        assert "unencrypted" in refusal(f"elasticsearch://{host}", elastic_api_key="k")
        read_address(Settings(store=f"elasticsearch+https://{host}", elastic_api_key="k"))


def test_an_api_key_has_no_spaces_or_line_ends() -> None:
    for key in ("a b", "a\n", "ä"):
        assert "copy it anew" in refusal(elastic_api_key=key)


@pytest.mark.parametrize("prefix", ["A", "1a", "-a", "_a", "a*", "a,b", "a.b", "a/b", "ä", "a" * 65])
def test_a_prefix_that_begins_no_name_of_an_index_is_refused(prefix: str) -> None:
    assert "ELASTIC_PREFIX" in refusal(elastic_prefix=prefix)


def test_a_ca_file_must_be_there_and_be_one(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text("no certificate")
    tls = "elasticsearch+https://host"

    assert "cannot be read" in refusal(tls, elastic_ca_file=str(tmp_path / "none.pem"))
    assert "cannot be read" in refusal(tls, elastic_ca_file=str(tmp_path))
    assert "no certificate in PEM form" in refusal(tls, elastic_ca_file=str(other))
    assert "uses no TLS" in refusal(elastic_ca_file=str(other))
