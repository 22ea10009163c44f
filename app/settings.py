"""All settings, from the environment: ``SYSMONSEARCH_`` and the field's name in capitals.

docs/settings.md is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from app.errors import BadSetting

PREFIX = "SYSMONSEARCH_"


def _setting(
    default: str | int | Path,
    help: str,  # noqa: A002 - the word fits
    *,
    least: int = 1,
    is_secret: bool = False,
) -> Any:
    """Return a field; one that is, or may hold, a secret is not in the text of Settings."""
    return field(default=default, repr=not is_secret, metadata={"help": help, "least": least})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator may set; each field with its default and what it does."""

    data: Path = _setting(Path("var"), "Folder for all that the program keeps.")
    store: str = _setting(
        "embedded:",
        "Where events are stored. `embedded:` is below the data folder. `elasticsearch://host:9200` is"
        " Elasticsearch over HTTP, `elasticsearch+https://host:9200` over TLS; several nodes of one cluster"
        " are parted by commas, and `user:password@` may stand in front of them (percent-encoded). After a"
        " `/` follow the indices that others fill and that are only read, by commas: `winlogbeat-*` where"
        " nothing follows, none with `/-`.",
        is_secret=True,
    )
    elastic_prefix: str = _setting(
        "sysmonsearch",
        "Elasticsearch: how the names of the indices begin that the program makes for itself.",
    )
    elastic_user: str = _setting("", "Elasticsearch: name of the user, where the store names none.")
    elastic_password: str = _setting("", "Elasticsearch: password of the user.", is_secret=True)
    elastic_api_key: str = _setting(
        "",
        "Elasticsearch: API key in place of a user, as Kibana shows it (encoded) or as `id:key`.",
        is_secret=True,
    )
    elastic_ca_file: str = _setting(
        "",
        "Elasticsearch: file of the certificate authority (PEM) that signed the nodes' certificates; without"
        " it, the authorities that come with the program's TLS library are believed.",
    )
    elastic_shards: int = _setting(
        1, "Elasticsearch: primary shards of each month's index, when it is made; count on 50 GB in one."
    )
    elastic_replicas: int = _setting(
        1,
        "Elasticsearch: most copies of each shard beside the first, one on each further node. A cluster with"
        " fewer nodes makes fewer, and a single node none; 0: never any.",
        least=0,
    )
    kibana_url: str = _setting(
        "",
        "Address of a Kibana that shows the same events, such as `https://kibana:5601` or, for a space,"
        " `https://kibana:5601/s/soc`: pages then have links to its Discover (docs/kibana.md).",
    )
    host: str = _setting("127.0.0.1", "Address that `serve` listens on; loopback only.")
    port: int = _setting(8000, "Port that `serve` listens on.", least=0)
    query_seconds: int = _setting(30, "How long one query may take before it is stopped.")
    query_memory_mb: int = _setting(1024, "Memory that the queries of one process may take, in MB.")
    query_threads: int = _setting(2, "Threads that one query may use.")
    max_line_mb: int = _setting(8, "Longest line or single record that an import reads, in MB.")
    max_unpacked_gb: int = _setting(200, "Most that one archive may unpack to, in GB.")
    max_ratio: int = _setting(
        200, "Most that a member of an archive may unpack to, as a multiple of its packed size."
    )
    max_upload_mb: int = _setting(
        4096, "Most that the import page takes in one go, all files together, in MB."
    )
    retention_days: int = _setting(
        0, "Events older than so many days are dropped by month; 0: never.", least=0
    )
    retention_gb: int = _setting(
        0, "Oldest months are dropped above so many GB of events; 0: never.", least=0
    )

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; raise BadSetting for a value or a name that cannot be used."""
        known = {PREFIX + item.name.upper(): item for item in fields(cls)}
        foreign = {"SYSMONSEARCH_TEST_DATA"}
        for name in environ:
            if name.startswith(PREFIX) and name not in known and name not in foreign:
                raise BadSetting(f"{name} is no setting. `docs/settings.md` lists them.")
        values: dict[str, Any] = {
            item.name: _read(name, environ[name], type(item.default), item.metadata["least"])
            for name, item in known.items()
            if name in environ
        }
        return cls(**values)


_MOST = 999_999_999


def _read(name: str, text: str, kind: type, least: int) -> str | int | Path:
    if kind is int:
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST))
        if not is_number or int(text) < least:
            raise BadSetting(f"{name} is {text!r}; it must be a whole number from {least} to {_MOST}.")
        return int(text)
    if not text:
        raise BadSetting(f"{name} is empty; leave it out to have its default.")
    return Path(text) if issubclass(kind, Path) else text
