"""The words of graphs: what groups are called, and why something is folded.

Each stands once and whole, so that it can be translated; names and numbers are filled in
afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.sysmon.kinds import Category

Translate = Callable[[str], str]


def words(translate: Translate) -> tuple[str, ...]:
    """Return all words of graphs in a language: what a graph says depends on nothing else of it."""
    own = [value for name, value in globals().items() if name.isupper() and isinstance(value, str)]
    return tuple(map(translate, [*own, *GROUPS.values(), *OTHERS_GROUPS.values()]))


COMMON: Final = "common on most computers"
ALIKE: Final = "many alike"
COMMON_OR_ALIKE: Final = "common on most computers, or many alike"
CHILDLESS: Final = "started nothing that is drawn"
BUDGET: Final = "budget"
CLOSED: Final = "folded by the reader"
UNLISTED: Final = "too many to list"

PROCESSES: Final = "processes"
ANCESTORS: Final = "ancestors"
OBJECTS: Final = "objects"
COUNTERS: Final = "counters of events"

#: What a group of such things is called.
GROUPS: Final[dict[Category, str]] = {
    Category.CREATE_PROCESS: "processes",
    Category.FILE_CREATE_TIME: "changed times",
    Category.NET_ACCESS: "addresses",
    Category.IMAGE_LOADED: "images",
    Category.REMOTE_THREAD: "remote threads",
    Category.CREATE_FILE: "files",
    Category.REGISTRY: "registry",
    Category.WMI: "WMI",
    Category.DNS: "DNS names",
    Category.PROCESS_ACCESS: "accesses",
    Category.PIPE: "pipes",
    Category.OTHER: "other events",
}
#: The same where others did it to the process, or nobody says who did it.
OTHERS_GROUPS: Final[dict[Category, str]] = {
    Category.REMOTE_THREAD: "remote threads by others",
    Category.PROCESS_ACCESS: "accesses by others",
    Category.OTHER: "drivers",
}
UNSIGNED_IMAGES: Final = "unsigned images"
SIGNED_IMAGES: Final = "signed images"
FILES_IN: Final = "files in {folder}"

EVENTS: Final = "{count} events"
EVENT: Final = "{count} event"

#: ``peer`` is an address; a port follows where there is one only.
PORTS: Final = "{peer} ({count} ports)"
FROM_PEER: Final = "from {peer}"
FROM_PEER_TO_PORT: Final = "from {peer} to {port}"
OUTGOING: Final = "Connections to {peer}"
INCOMING: Final = "Connections from {peer} to this computer"
BOTH_WAYS: Final = "Connections to {peer}, and from it"
WITHOUT: Final = "without {field}"
THREAD_INTO: Final = "Thread created in {process}"
THREAD_FROM: Final = "Thread created in this process by {process}"
ACCESS_TO: Final = "Access to {process}"
ACCESS_BY: Final = "Access to this process by {process}"
BY: Final = "by {process}"
WMI_WITHOUT_PROCESS: Final = (
    "{what}; Sysmon logs no process for it: the same user did it while this process ran"
)
DRIVER_WITHOUT_PROCESS: Final = "{what}; Sysmon logs no process for it: loaded while this process ran"
UNLISTED_TITLE: Final = "{count} more events, on more things than are listed one by one"
FOLDED_TITLE: Final = "{what}: {objects} objects, {count} events; {reason}"
ON_ONE: Final = "{count} of them on this computer only"
