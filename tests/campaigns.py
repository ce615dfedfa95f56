"""How many random cases a test takes: `ENTROPIST_CAMPAIGN` scales them, 1.0 for the whole campaign."""

import os

SCALE = float(os.environ.get("ENTROPIST_CAMPAIGN", "0.05"))


def campaign(full: int, least: int = 1) -> int:
    """`full` cases scaled by the environment (1/20 where it says nothing), at least `least`."""
    return max(least, round(full * SCALE))
