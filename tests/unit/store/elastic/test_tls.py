"""TLS to Elasticsearch: which certificates are believed, and what is said of the others."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.errors import StoreUnavailable
from app.settings import Settings
from app.store.elastic.connection import Connection
from app.store.port import Budget
from tests.services.programs import needed
from tests.unit.store.elastic.playing import Player, play


@dataclass(frozen=True)
class Authority:
    """A certificate authority in a folder of its own."""

    openssl: str
    folder: Path

    @property
    def file(self) -> Path:
        """Its certificate."""
        return self.folder / "ca.crt"

    def make(self) -> Authority:
        """Make key and certificate."""
        self.folder.mkdir()
        (self.folder / "ca.cnf").write_text(CONFIGURATION)
        (self.folder / "index.txt").touch()
        self._run("req", "-x509", *_key("ca"), "-out", "ca.crt", "-subj", "/CN=Authority")
        return self

    def server(self, names: str, start: str = "20200101", end: str = "20990101") -> ssl.SSLContext:
        """Return what a server needs whose certificate is for these names, and valid so long."""
        self._run("req", *_key("node"), "-out", "node.csr", "-subj", "/CN=node", *_names(names))
        days = ("-startdate", f"{start}000000Z", "-enddate", f"{end}000000Z")
        self._run("ca", "-batch", "-config", "ca.cnf", "-in", "node.csr", "-out", "node.crt", *days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "node.crt", self.folder / "node.key")
        return context

    def _run(self, *arguments: str) -> None:
        subprocess.run([self.openssl, *arguments], cwd=self.folder, capture_output=True, check=True)


CONFIGURATION = """
[ca]
default_ca = own
[own]
database = index.txt
unique_subject = no
rand_serial = yes
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
certificate = ca.crt
private_key = ca.key
[any]
commonName = supplied
"""


def _key(name: str) -> tuple[str, ...]:
    return ("-newkey", "rsa:2048", "-noenc", "-keyout", f"{name}.key")


def _names(names: str) -> tuple[str, ...]:
    return ("-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    openssl = needed(shutil.which("openssl"), "openssl")
    return Authority(openssl, tmp_path_factory.mktemp("tls") / "one").make()


@pytest.fixture(scope="module")
def player(authority: Authority) -> Iterator[Player]:
    with play(authority.server("IP:127.0.0.1,DNS:localhost")) as player:
        yield player


def ask(player: Player, ca_file: Path | None, host: str = "127.0.0.1", secret: str = "") -> None:
    """Ask once, over TLS."""
    store = f"elasticsearch+https://{secret}{host}:{player.port}"
    connection = Connection(Settings(store=store, elastic_ca_file=str(ca_file or "")))
    try:
        connection.search({}, indices="i", budget=Budget(10))
    finally:
        connection.close()


def refusal(player: Player, ca_file: Path | None, host: str = "127.0.0.1") -> str:
    """Return what is said of a server that is not believed."""
    with pytest.raises(StoreUnavailable) as error:
        ask(player, ca_file, host, "ann:secret@")
    assert not player.asked("/i"), "nothing is sent to a server that is not believed"
    assert "secret" not in str(error.value)
    return str(error.value)


def test_a_server_whose_authority_is_named_is_believed(authority: Authority, player: Player) -> None:
    for host in ("127.0.0.1", "localhost"):
        ask(player, authority.file, host, "ann:secret@")

    assert {request.headers["authorization"] for request in player.requests} == {"Basic YW5uOnNlY3JldA=="}
    player.requests.clear()


def test_an_authority_that_is_not_known_is_refused(
    authority: Authority, player: Player, tmp_path: Path
) -> None:
    other = Authority(authority.openssl, tmp_path / "other").make()

    for ca_file in (None, other.file):
        said = refusal(player, ca_file)
        assert "signed by an authority that is not known here" in said
        assert "SYSMONSEARCH_ELASTIC_CA_FILE" in said


@pytest.mark.parametrize(
    ("names", "host"),
    [("IP:127.0.0.2", "127.0.0.1"), ("DNS:logs.example", "127.0.0.1"), ("DNS:logs.example", "localhost")],
)
def test_a_certificate_of_another_host_is_refused(authority: Authority, names: str, host: str) -> None:
    with play(authority.server(names)) as player:
        assert "is for another host or address" in refusal(player, authority.file, host)


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("20200101", "20200201", "has expired. Give the server a new one."),
        ("20980101", "20990101", "not valid yet"),
    ],
)
def test_a_certificate_that_has_expired_is_refused(
    authority: Authority, start: str, end: str, said: str
) -> None:
    with play(authority.server("IP:127.0.0.1", start, end)) as player:
        assert said in refusal(player, authority.file)


def test_tls_and_plain_http_are_told_apart(authority: Authority, player: Player) -> None:
    with play() as plain, pytest.raises(StoreUnavailable, match=r"speaks no TLS\. Use elasticsearch://"):
        ask(plain, authority.file)
    connection = Connection(Settings(store=f"elasticsearch://127.0.0.1:{player.port}"))
    with pytest.raises(StoreUnavailable, match=r"Where it speaks TLS, use elasticsearch\+https://"):
        connection.search({}, indices="i", budget=Budget(10))
    connection.close()
