from __future__ import annotations

import pytest

from app.demo.scenario import COMPUTERS, events
from app.sysmon.events import Event

Logs = dict[str, list[Event]]


@pytest.fixture(scope="session")
def logs() -> Logs:
    """All events of the scenario, by computer."""
    return {computer.name: list(events(computer)) for computer in COMPUTERS}
