"""Where the values of a field lie in indices: the words that the adapter's parts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from elasticsearch_dsl.query import Query


class Layout(StrEnum):
    """How documents are laid out; a document is of one layout."""

    OWN = "own"
    """Written by this program: as Winlogbeat 7 writes them, and ``sysmonsearch.*``."""
    WINLOGBEAT_6 = "Winlogbeat 6"
    WINLOGBEAT_7 = "Winlogbeat 7 and 8"
    """``winlog.event_data`` as Sysmon wrote it."""
    ECS = "ECS"
    """Through the Sysmon module, its ingest pipeline, or Elastic Agent's: UtcTime is gone."""


class Form(StrEnum):
    """What an indexed field holds, and so how it is compared, sorted and counted."""

    KEYWORD = "keyword"
    """Whole texts as they are in the document (keyword, wildcard, constant_keyword, or a
    runtime field of that type)."""
    NUMBER = "number"
    """Integers of 64 bits (long and the like, or a runtime field of that type)."""
    MICROSECONDS = "microseconds"
    """Times as integers: microseconds since 1970. In documents of our own only."""
    DATE = "date"
    """Times; compared by whole milliseconds."""


@dataclass(frozen=True, slots=True)
class Place:
    """An indexed field that holds the values of a Sysmon field, in documents of one layout.

    The value that counts is the one that ``documents.Decoder`` makes of the document; a place
    says how much the index knows of it.

    ``event_ids``: only in events with these IDs (None: in all). ``faithful``: the indexed text
    is the value itself, but for ``nulls`` (texts that stand for no value) and, with ``is_guid``,
    for braces and case. Not faithful: that the field is there says only that the event may
    have a value, which may read differently. ``cut`` is the name under which ``_ignored``
    lists the field where a value was too long to be indexed; None: no document has such.
    """

    path: str
    form: Form
    layout: Layout
    event_ids: frozenset[int] | None = None
    faithful: bool = True
    is_guid: bool = False
    nulls: tuple[str, ...] = ()
    cut: str | None = None


class Fields(Protocol):
    """What the indices hold that a store reads, as their mappings say."""

    @property
    def indices(self) -> str:
        """The indices and patterns to search, joined by commas."""
        ...

    @property
    def layouts(self) -> frozenset[Layout]:
        """The layouts whose fields some index has; none: there is no index, or none with events."""
        ...

    @property
    def runtime(self) -> Mapping[str, Mapping[str, str]]:
        """``runtime_mappings`` that every search must carry.

        Fields that are indexed in a way that cannot be asked (text only, or of different types)
        are read from the documents.
        """
        ...

    def texts(self, name: str) -> Sequence[Place]:
        """Return the places where a field (of ``fields.FIELDS``) is compared as a text.

        Of an integer or time, too, where there is such a place; Category and Kind have none.
        """
        ...

    def ordered(self, name: str) -> Sequence[Place]:
        """Return the places where a field is compared by value, sorted and counted.

        Integers are ``NUMBER``, times ``MICROSECONDS`` or ``DATE`` (or ``KEYWORD``, where the
        index has UtcTime as a text), all else ``KEYWORD``.
        """
        ...

    def keywords(self) -> Sequence[Place]:
        """Return every place where a keyword is looked for: of ``fields.KEYWORD_COLUMNS``, and of
        fields that no table knows."""
        ...

    def of_layout(self, layout: Layout) -> Query:
        """Return what only documents of a layout match."""
        ...

    def sysmon(self) -> Query:
        """Return what Sysmon's events match, and nothing else in the indices."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What surely matches a condition, and all that may: the documents between are read to know."""

    sure: Query
    maybe: Query

    @property
    def exact(self) -> bool:
        return self.sure is self.maybe
