"""Whether the kernels of this machine are compiled yet; nobody with little to do waits for a compiler.

Numba keeps what it compiled beside the source, or in the user's cache directory where that is read-only, or in
NUMBA_CACHE_DIR. Beside it stands an empty file per kernel that says it is there, named by everything that makes
Numba compile again: the source's bytes and time, Numba's and Python's version, the processor.
"""

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from entropist.errors import first_line
