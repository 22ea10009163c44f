"""Where Elasticsearch is and who asks: ``SYSMONSEARCH_STORE`` and the settings beside it, read."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from app.errors import BadSetting
from app.settings import PREFIX, Settings

_HTTP: Final = "elasticsearch://"
_TLS: Final = "elasticsearch+https://"
_DEFAULT_PORT: Final = 9200
_DEFAULT_PATTERNS: Final = ("winlogbeat-*",)
_STORE: Final = PREFIX + "STORE"
_SHAPE: Final = f"It reads like {_TLS}host:9200/winlogbeat-* (docs/settings.md)."
_PREFIX: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_PATTERN: Final = re.compile(r"-?[^\s\\/?\"<>|,#:A-Z]{1,255}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Host:
    """A node's name or address, and its port."""

    name: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Tell whether what is sent there stays on this machine."""
        try:
            return ip_address(self.name).is_loopback
        except ValueError:
            return self.name.lower() == "localhost"

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """The nodes of a cluster, how to be let in, and the indices of others that are read.

    At most one of ``user`` (with its ``password``) and ``api_key`` is there; else both are empty.
    """

    hosts: tuple[Host, ...]
    is_tls: bool
    patterns: tuple[str, ...]
    prefix: str
    user: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)
    ca_file: Path | None = None

    @property
    def urls(self) -> list[str]:
        """The nodes as URLs, without user and password."""
        scheme = "https" if self.is_tls else "http"
        return [f"{scheme}://{host}" for host in self.hosts]

    @property
    def has_credentials(self) -> bool:
        """Tell whether a user or an API key is named."""
        return bool(self.user or self.api_key)

    def __str__(self) -> str:
        return ", ".join(str(host) for host in self.hosts)


def is_elastic(store: str) -> bool:
    """Tell whether the setting ``store`` names an Elasticsearch."""
    return store.startswith((_HTTP, _TLS))


def read_address(settings: Settings) -> Address:
    """Read what the settings say of Elasticsearch; raise BadSetting where they are wrong.

    No message quotes what may be a password.
    """
    credentials, hosts, path = _split(settings.store)
    user, password = _user(credentials, settings)
    address = Address(
        hosts=tuple(_hosts(hosts)),
        is_tls=settings.store.startswith(_TLS),
        patterns=tuple(_patterns(path)),
        prefix=_prefix(settings),
        user=user,
        password=password,
        api_key=_api_key(settings, user),
        ca_file=Path(settings.elastic_ca_file) if settings.elastic_ca_file else None,
    )
    _check_transport(address)
    return address


def _split(store: str) -> tuple[str, str, str | None]:
    """Return the part with the user, the part with the hosts, and the path (None: there is none)."""
    if not is_elastic(store):
        raise BadSetting(
            f"{_STORE} begins neither with {_HTTP} nor with {_TLS}, so it names no Elasticsearch. {_SHAPE}"
        )
    authority, slash, path = store.partition("://")[2].partition("/")
    credentials, _, hosts = authority.rpartition("@")
    if "@" in path or "@" in credentials:
        raise BadSetting(
            f"{_STORE} has an @ where none can stand. User and password stand once, in front of the first"
            " host; write @ in them as %40, / as %2F, : as %3A and % as %25."
        )
    if any(sign in store for sign in "?#"):
        raise BadSetting(
            f"{_STORE} has a ? or #, which has no meaning there. In a password write ? as %3F and # as %23."
        )
    if any(sign.isspace() or not sign.isprintable() for sign in store):
        raise BadSetting(f"{_STORE} has a space or a sign that cannot be seen. {_SHAPE}")
    return credentials, hosts, path if slash else None


def _hosts(text: str) -> Iterator[Host]:
    for part in text.split(","):
        if not part:
            raise BadSetting(f"{_STORE} lacks a host, or has one comma too many. {_SHAPE}")
        yield _host(part)


def _host(text: str) -> Host:
    name, bracket, port = text.rpartition("]") if text.startswith("[") else text.partition(":")
    if bracket == "]":
        name = name[1:]
        _check_ipv6(name)
        if port and not port.startswith(":"):
            raise BadSetting(f"{_STORE}: after the ] of [{name}] comes a colon and a port, or nothing.")
        bracket, port = port[:1], port[1:]
    elif text.count(":") > 1 or text.startswith("["):
        raise BadSetting(f"{_STORE}: an IPv6 address stands in brackets, as in {_TLS}[::1]:9200.")
    elif not _HOST.fullmatch(name):
        raise BadSetting(
            f"{_STORE}: the name of a host is made of letters, digits, dots and hyphens. {_SHAPE}"
        )
    return Host(name, _port(port, name) if bracket else _DEFAULT_PORT)


def _check_ipv6(name: str) -> None:
    try:
        is_right = ip_address(name).version == 6
    except ValueError:
        is_right = False
    if not is_right:
        raise BadSetting(f"{_STORE}: what stands in brackets is no IPv6 address.")


def _port(text: str, name: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535:
        return int(text)
    raise BadSetting(
        f"{_STORE}: the port of {name} must be a whole number from 1 to 65535. Where {name} is a user,"
        " the host is missing: user:password@host."
    )


def _patterns(path: str | None) -> Iterator[str]:
    if path is None or path == "":
        yield from _DEFAULT_PATTERNS
        return
    if path == "-":
        return
    for position, part in enumerate(path.split(",")):
        pattern = _decoded(part)
        if not _PATTERN.fullmatch(pattern) or pattern in (".", "..") or pattern[0] in "_+":
            raise BadSetting(
                f"{_STORE}: {pattern!r} is no name of an index. After the / stand names or patterns by"
                " commas, in lower case, such as winlogbeat-*; or - alone, to read none."
            )
        if pattern.startswith("-") and position == 0:
            raise BadSetting(
                f"{_STORE}: {pattern!r} leaves out what no pattern before it names; it stands behind one."
            )
        yield pattern


def _decoded(text: str) -> str:
    """Undo percent-encoding."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise BadSetting(f"{_STORE}: a % must be followed by two hexadecimal digits; write % itself as %25.")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise BadSetting(f"{_STORE}: what is percent-encoded is no UTF-8.") from None


def _user(credentials: str, settings: Settings) -> tuple[str, str]:
    user, password = settings.elastic_user, settings.elastic_password
    if credentials and (user or password):
        raise BadSetting(
            f"A user stands in {_STORE}, and {PREFIX}ELASTIC_USER or {PREFIX}ELASTIC_PASSWORD is set too."
            " Leave out one of them."
        )
    if credentials:
        name, _, word = credentials.partition(":")
        user, password = _decoded(name), _decoded(word)
    if ":" in user:
        raise BadSetting("The name of an Elasticsearch user cannot hold a colon.")
    if bool(user) != bool(password):
        raise BadSetting(
            "Elasticsearch wants a user and a password, and one of them is missing. Set both"
            f" {PREFIX}ELASTIC_USER and {PREFIX}ELASTIC_PASSWORD, or write user:password@ in {_STORE}."
        )
    return user, password


def _api_key(settings: Settings, user: str) -> str:
    key = settings.elastic_api_key
    if key and user:
        raise BadSetting(f"{PREFIX}ELASTIC_API_KEY is set, and a user too. Leave out one of them.")
    if key and not re.fullmatch(r"[\x21-\x7e]+", key):
        raise BadSetting(
            f"{PREFIX}ELASTIC_API_KEY has signs that no API key has; copy it anew from where it was made."
        )
    return key


def _prefix(settings: Settings) -> str:
    prefix = settings.elastic_prefix
    if not _PREFIX.fullmatch(prefix):
        raise BadSetting(
            f"{PREFIX}ELASTIC_PREFIX is {prefix!r}; it must begin with a letter and be made of lower-case"
            " letters, digits, - and _, 64 at most."
        )
    return prefix


def _check_transport(address: Address) -> None:
    """Refuse secrets on an open line, and a CA file that is no use."""
    far = [str(host) for host in address.hosts if not host.is_loopback]
    if address.has_credentials and far and not address.is_tls:
        raise BadSetting(
            f"The password or API key would travel unencrypted to {far[0]}. Use {_TLS} in {_STORE}."
        )
    if address.ca_file is None:
        return
    name = f"{PREFIX}ELASTIC_CA_FILE"
    if not address.is_tls:
        raise BadSetting(f"{name} is set, but {_HTTP} uses no TLS. Use {_TLS} in {_STORE}.")
    try:
        ssl.create_default_context(cafile=address.ca_file)
    except ssl.SSLError:
        raise BadSetting(f"{name}: {address.ca_file} holds no certificate in PEM form.") from None
    except OSError as error:
        raise BadSetting(f"{name}: {address.ca_file} cannot be read: {error.strerror}.") from None
