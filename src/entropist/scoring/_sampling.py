"""Documents in an order drawn from a seed, without holding them all: the ones next in that order a few at a time."""

from collections.abc import Iterator

import numpy as np

from entropist.corpus import Document, Documents

_HELD = 256


def random_order(documents: Documents, seed: int) -> Iterator[Document]:
    """All documents, in a random order that `seed` fixes; the source is read once more for every 256 of them."""
    count = sum(1 for _ in documents)
    order = np.random.default_rng(seed).permutation(count)
    for first in range(0, count, _HELD):
        places = {int(place): rank for rank, place in enumerate(order[first : first + _HELD])}
        held: dict[int, Document] = {}
        for number, document in enumerate(documents):
            if number in places:
                held[places[number]] = document
        yield from (held[rank] for rank in sorted(held))
