"""Questions to a store that do not wait for each other's answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

Answer = TypeVar("Answer")


class Together:
    """Takes questions, and gives their answers: here each is asked when its answer is wanted.

    Where each way to an engine is long, it sends them off at once.
    """

    def ask(self, question: Callable[[], Answer]) -> Callable[[], Answer]:
        """Return what gives the answer, or raises the error in its place.

        Where the answer is not wanted after all, it may be that nobody asks for it.
        """
        return cache(question)
