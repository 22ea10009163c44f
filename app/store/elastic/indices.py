"""The indices that this program writes itself: their names, their template, their age."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """What this program's own things in the cluster are called."""

    prefix: str

    @property
    def events(self) -> str:
        """The pattern of all indices with events."""
        return f"{self.prefix}-events-*"

    @property
    def state(self) -> str:
        """The index of what the program remembers between its processes."""
        return f"{self.prefix}-state"

    @property
    def template(self) -> str:
        return f"{self.prefix}-events"

    @property
    def pipeline(self) -> str:
        return f"{self.prefix}-ingest"

    def of_month(self, month: str) -> str:
        """Return the index of the events of a month, as in ``2019-01``."""
        return f"{self.prefix}-events-{month.replace('-', '.')}"
