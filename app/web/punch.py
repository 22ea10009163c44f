"""Giving back the blocks of a file that was read already (Linux, and file systems that can)."""

from __future__ import annotations

import ctypes
import sys
from typing import Final

_KEEP_SIZE: Final = 1
_PUNCH_HOLE: Final = 2


def punch(descriptor: int, start: int, size: int) -> bool:
    """Free the blocks of a part of a file; False: the system cannot, and the file stays as it is."""
    if not sys.platform.startswith("linux"):
        return False
    fallocate = ctypes.CDLL(None).fallocate64
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return bool(fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, start, size) == 0)
