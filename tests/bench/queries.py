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
from app.sysmon.fields import ANY_FIELD, FIELDS
from app.sysmon.query import EventQuery, Order
from tests.bench.measure import Measurement, Target, Took, percentile, timed, timings

GROUP: Final = "Queries"
PAGE: Final = 100.0
SUBSTRING: Final = 150.0
COUNTED: Final = 200.0
FREE_TEXT: Final = 500.0
LOOK_UP: Final = 60.0
RARITY: Final = 30.0
GRAPH: Final = 150.0
SEARCH_PAGE: Final = 350.0
EVENT_PAGE: Final = 150.0
_BARS: Final = 120
_FACETS: Final = ("Computer", "User", "Image")
_TOUCHED: Final = (
    *("EventId", "TargetFilename", "TargetObject", "EventType", "DestinationIp", "DestinationPort"),
    *("QueryName", "PipeName", "ImageLoaded", "Signed", "TargetProcessGuid", "TargetImage"),
)
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
        "Facets of computer, user and image": (ask.facets, COUNTED),
        "Rarity of 60 values": (ask.rarity, RARITY),
        "Groups of 150 processes by event ID": (ask.groups, GRAPH),
        "Groups of one process by what it touched": (ask.touched, GRAPH),
        "What the search page asks": (ask.search_page, SEARCH_PAGE),
        "What an event's page asks": (ask.event_page, EVENT_PAGE),
        "One hour before and after: 200 events, and their number": (ask.around_page, EVENT_PAGE),
    }
    for name, (question, target) in others.items():
        if not brief or question in (ask.substring, ask.by_key, ask.children):
            yield timings(group, name, _ask(question, rounds), target)
    if not brief:
        yield from _deep_pages(store, taken, rounds)
        yield from _sorted_pages(store, rounds)


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

    def facets(self, number: int) -> Question:
        query = self._search_page_query(number)
        return lambda: self.store.facets(query, _FACETS, 10)

    def _values(self, events: Sequence[Event]) -> list[tuple[str, str]]:
        """Return the values of events that a page shows the rarity of."""
        found = [
            (name, text)
            for event in events
            for name in _SHOWN
            if (text := event.text_of(FIELDS[name].column)) is not None
        ]
        return list(dict.fromkeys(found))

    def rarity(self, number: int) -> Question:
        values = self._values(self.taken.events)
        some = [values[(number * 61 + step) % len(values)] for step in range(60)]
        return lambda: self.store.rarity(some)

    def _created(self, number: int, most: int) -> list[str]:
        created = self.taken.created
        some = [created[(number * 31 + step) % len(created)] for step in range(min(most, len(created)))]
        return [event.process_guid or "" for event in some]

    def groups(self, number: int) -> Question:
        query = EventQuery(condition=equals_any("SubjectProcessGuid", self._created(number, 150)))
        return lambda: self.store.groups(query, ["SubjectProcessGuid", "EventId"])

    def touched(self, number: int) -> Question:
        query = EventQuery(condition=equals_any("SubjectProcessGuid", self._created(number, 1)))
        return lambda: self.store.groups(query, _TOUCHED)

    def _search_page_query(self, number: int) -> EventQuery:
        conditions: tuple[Condition, ...] = (
            EVERYTHING,
            Match("EventId", Operator.EQUALS, "3"),
            Match("Image", Operator.ENDS_WITH, "\\powershell.exe"),
            Match(
                "User", Operator.EQUALS, self._event(self.taken.having("user"), number).text_of("user") or ""
            ),
        )
        return EventQuery(condition=conditions[number % len(conditions)])

    def search_page(self, number: int) -> Question:
        query = self._search_page_query(number)
        info = self.store.info()
        assert info.first
        assert info.last
        step = (info.last - info.first) / _BARS

        def ask() -> None:
            events = self.store.search(query).events
            self.store.histogram(query, step)
            self.store.facets(query, _FACETS, 10)
            self.store.rarity(self._values(events)[:60])

        return ask

    def event_page(self, number: int) -> Question:
        key = self._event(self.taken.events, number).key

        def ask() -> None:
            event = self.store.event(key)
            self.store.rarity(self._values([event]))
            process = equals_any("SubjectProcessGuid", [event.process_guid or ""])
            query = EventQuery(condition=process, computers=(event.computer,))
            self.store.groups(query, ["EventId"])

        return ask

    def around_page(self, number: int) -> Question:
        event = self._event(self.taken.events, number)
        hour = timedelta(hours=1)
        query = EventQuery(
            start=event.time - hour, end=event.time + hour, computers=(event.computer,), size=200
        )
        return lambda: (self.store.search(query), self.store.count(query))


_SHOWN: Final = (
    *("Image", "ParentImage", "TargetImage", "ImageLoaded", "TargetFilename", "CommandLine"),
    *("SHA256", "DestinationIp", "DestinationHostname", "QueryName", "PipeName"),
)


def _sorted_pages(store: EventStore, rounds: int) -> Iterator[Measurement]:
    """Compare sorted pages far behind the first with it."""
    for name in ("User", "Image", "UtcTime", "EventId"):
        first = EventQuery(sort=name, size=50)
        far = EventQuery(sort=name, size=1_000)
        cursors = []
        for _ in range(3):
            page = store.search(far)
            if page.next is not None:
                cursors.append(page.next)
                far = far.following(page.next)
        deep = [first.following(cursor) for cursor in cursors] or [first]
        firsts = [timed(partial(store.search, first)) for _ in range(rounds)]
        laters = [timed(partial(store.search, deep[number % len(deep)])) for number in range(rounds)]
        yield timings(GROUP, f"First page sorted by {name}", firsts, None)
        yield timings(GROUP, f"Deep page sorted by {name}", laters, None)


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
