"""Questions to a large store, through the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from app.demo.dice import Dice
from app.demo.fleet import START
from app.store.port import EventStore
from app.sysmon.condition import EVERYTHING, And, Condition, Match, Operator, equals_any
from app.sysmon.events import Event
from app.sysmon.fields import ANY_FIELD
from app.sysmon.query import EventQuery, Order
from tests.bench.measure import Measurement, Target, Took, percentile, timed, timings

GROUP: Final = "Queries"
PAGE: Final = 100.0
SUBSTRING: Final = 150.0
COUNTED: Final = 200.0
FREE_TEXT: Final = 500.0
LOOK_UP: Final = 60.0
_FIRST: Final = datetime.fromtimestamp(START / 1_000_000, UTC)


@dataclass(slots=True)
class Sample:
    """Events from all over the store: where the questions' values come from."""

    events: list[Event]
    created: list[Event] = field(init=False)

    def __post_init__(self) -> None:
        self.created = [event for event in self.events if event.event_id == 1]

    def having(self, column: str) -> list[Event]:
        return [event for event in self.events if event.column(column) is not None]

    def tails(self) -> list[str]:
        """Return parts of command lines that occur once: their last eight characters."""
        lines = [event.text_of("command_line") or "" for event in self.created]
        return [line[-8:] for line in lines if line[-8:].isalnum() and any(c.isdigit() for c in line[-8:])]


def sample(store: EventStore, days: int, pages: int = 24) -> Sample:
    """Take pages of events, half of them process creations, at moments all over the store."""
    dice = Dice("bench")
    events: list[Event] = []
    for number in range(pages):
        end = _FIRST + timedelta(minutes=dice.between(60, days * 24 * 60))
        condition: Condition = Match("EventId", Operator.EQUALS, "1") if number % 2 else EVERYTHING
        query = EventQuery(condition=condition, end=end, size=100)
        events += store.search(query).events
    return Sample(events)


Question = Callable[[], object]


def measure_queries(
    store: EventStore, taken: Sample, *, rounds: int, group: str = GROUP, brief: bool = False
) -> Iterator[Measurement]:
    """Ask each kind of question so many times, each time about something else."""
    ask = Asker(store, taken)
    pages: list[Took] = []
    for name, questions in ask.pages().items():
        times = _ask(questions, rounds)
        pages += times
        yield timings(group, f"Newest page: {name}", times, PAGE)
    yield timings(group, "Newest page: all of the above", pages, PAGE)
    others: dict[str, tuple[Callable[[int], Question], float]] = {
        "Selective substring": (ask.substring, SUBSTRING),
        "Histogram by the hour": (ask.histogram, COUNTED),
        "Facet of a query": (ask.facet, COUNTED),
        "Free text, one hit": (ask.free_text, FREE_TEXT),
        "Free text, common word": (ask.common_word, FREE_TEXT),
        "Free text, no hit": (ask.no_such_word, FREE_TEXT),
        "Event by key": (ask.by_key, LOOK_UP),
        "One hour before and after, one computer": (ask.around, LOOK_UP),
        "Children of 100 processes": (ask.children, LOOK_UP),
    }
    for name, (question, target) in others.items():
        if not brief or question in (ask.substring, ask.by_key, ask.children):
            yield timings(group, name, _ask(question, rounds), target)
    if not brief:
        yield from _deep_pages(store, taken, rounds)


def _ask(question: Callable[[int], Question], rounds: int) -> list[Took]:
    question(0)()  # The first one may open files that all others find open.
    return [timed(question(number + 1)) for number in range(rounds)]


@dataclass(frozen=True, slots=True)
class Asker:
    """Makes questions; each method returns the one with this number."""

    store: EventStore
    taken: Sample

    def _event(self, events: Sequence[Event], number: int) -> Event:
        return events[number * 37 % len(events)]

    def _page(self, condition: Condition, **where: tuple[str, ...]) -> Question:
        query = EventQuery(condition=condition, computers=where.get("computers", ()))
        return lambda: self.store.search(query)

    def _equal(self, field_name: str, column: str) -> Callable[[int], Question]:
        events = self.taken.having(column)

        def question(number: int) -> Question:
            value = self._event(events, number).text_of(column) or ""
            return self._page(Match(field_name, Operator.EQUALS, value))

        return question

    def pages(self) -> dict[str, Callable[[int], Question]]:
        """Return questions for the newest page of a field query."""
        powershell = Match("Image", Operator.ENDS_WITH, "\\powershell.exe")
        ids = ("1", "3", "7", "11", "13", "22", "8", "255")
        return {
            "everything": lambda number: self._page(EVERYTHING),
            "EventId": lambda number: self._page(Match("EventId", Operator.EQUALS, ids[number % len(ids)])),
            "Image ends with": lambda number: self._page(powershell),
            "Image": self._equal("Image", "image"),
            "User": self._equal("User", "user"),
            "DestinationIp": self._equal("DestinationIp", "destination_ip"),
            "DestinationPort": self._equal("DestinationPort", "destination_port"),
            "QueryName": self._equal("QueryName", "query_name"),
            "TargetObject": self._equal("TargetObject", "target_object"),
            "ImageLoaded": self._equal("ImageLoaded", "image_loaded"),
            "SHA256": self._equal("SHA256", "sha256"),
            "ProcessGuid": self._equal("ProcessGuid", "process_guid"),
            "CommandLine": self._equal("CommandLine", "command_line"),
            "one computer, process creations": lambda number: self._page(
                Match("EventId", Operator.EQUALS, "1"),
                computers=(self._event(self.taken.events, number).computer,),
            ),
            "Image and EventId": lambda number: self._page(
                And((powershell, Match("EventId", Operator.EQUALS, "10")))
            ),
        }

    def substring(self, number: int) -> Question:
        tails = self.taken.tails()
        return self._page(Match("CommandLine", Operator.CONTAINS, tails[number * 7 % len(tails)]))

    def histogram(self, number: int) -> Question:
        conditions: tuple[Condition, ...] = (
            EVERYTHING,
            Match("EventId", Operator.EQUALS, "3"),
            Match("Image", Operator.ENDS_WITH, "\\svchost.exe"),
        )
        query = EventQuery(condition=conditions[number % 3])
        return lambda: self.store.histogram(query, timedelta(hours=1))

    def facet(self, number: int) -> Question:
        names = ("Image", "Computer", "User", "EventId", "DestinationIp", "TargetObject")
        conditions: tuple[Condition, ...] = (
            Match("EventId", Operator.EQUALS, "3"),
            Match("Image", Operator.ENDS_WITH, "\\svchost.exe"),
        )
        query = EventQuery(condition=conditions[number % 2])
        return lambda: self.store.terms(query, names[number % len(names)], 10)

    def _words(self, word: str) -> Question:
        return self._page(Match(ANY_FIELD, Operator.CONTAINS, word))

    def free_text(self, number: int) -> Question:
        tails = self.taken.tails()
        return self._words(tails[number * 11 % len(tails)])

    def common_word(self, number: int) -> Question:
        return self._words(("powershell", "svchost", "temp", "microsoft", "user00001")[number % 5])

    def no_such_word(self, number: int) -> Question:
        return self._words(f"xyzzy{number}")

    def by_key(self, number: int) -> Question:
        key = self._event(self.taken.events, number).key
        return lambda: self.store.event(key)

    def around(self, number: int) -> Question:
        event = self._event(self.taken.events, number)
        hour = timedelta(hours=1)
        query = EventQuery(start=event.time - hour, end=event.time + hour, computers=(event.computer,))
        return lambda: self.store.search(query)

    def children(self, number: int) -> Question:
        created = self.taken.created
        some = [created[(number * 31 + step) % len(created)] for step in range(min(100, len(created)))]
        guids = [event.process_guid or "" for event in some]
        parents = And((Match("EventId", Operator.EQUALS, "1"), equals_any("ParentProcessGuid", guids)))
        query = EventQuery(condition=parents, order=Order.OLDEST, size=10_000)
        return lambda: self.store.search(query)


def _deep_pages(store: EventStore, taken: Sample, rounds: int) -> Iterator[Measurement]:
    """Compare pages in the middle of a long answer with its first page."""
    condition = Match("EventId", Operator.EQUALS, "7")
    first = EventQuery(condition=condition)
    cursors = []
    for event in taken.events[:: max(1, len(taken.events) // 20)]:
        page = store.search(EventQuery(condition=condition, end=event.time, size=50))
        if page.next is not None:
            cursors.append(page.next)
    firsts = [timed(partial(store.search, first)) for _ in range(rounds)]
    deep = [
        timed(partial(store.search, first.following(cursors[number % len(cursors)])))
        for number in range(rounds)
    ]
    yield timings(GROUP, "First page of EventId 7", firsts, PAGE)
    yield timings(GROUP, "Deep page of EventId 7", deep, PAGE)
    yield Measurement(
        GROUP,
        "Deep page against first, medians",
        percentile([took.wall for took in deep], 50) / percentile([took.wall for took in firsts], 50),
        "times",
        Target(1.5),
        f"{len(cursors)} places in the answer",
    )
