"""A copy that is killed in its second chunk: ``killed_copy.py DATA TARGET MOMENT ROWS``."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

from app.settings import Settings
from app.store import embedded
from app.store.copying import Copy, Kept, Mark, Progress
from app.store.scan import scan
from app.store.sides import source_side, target_side


class _Killed(Kept):
    """Does not come to keep the second mark."""

    def write(self, mark: Mark) -> None:
        if mark.read > _ROWS:
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(mark)


def _die(progress: Progress) -> None:
    if progress.read > _ROWS:
        os.kill(os.getpid(), signal.SIGKILL)


_ROWS = int(sys.argv[4])
vars(embedded)["scan"] = partial(scan, chunk_rows=_ROWS)
settings = Settings(data=Path(sys.argv[1]), elastic_prefix=os.environ.get("TEST_PREFIX", "sysmonsearch"))
source, target = source_side("embedded:", settings), target_side(sys.argv[2], settings)
kept = (_Killed if sys.argv[3] == "before the mark" else Kept)(settings.data, source, target)
with source.open() as one, target.open() as other:
    Copy(kept, one, other, _die).run()
