"""Exact measures against hand-written NumPy and SciPy: ratios of times, measured in turn in one process.

python benchmarks/measures.py [repeats]
Equality is asserted first. Each line runs us and the peer in turn and compares the fastest of each; ours validates its
input and is exact in the corners, the hand-written does neither. Prints a table and one line of JSON.
"""

import json
import sys
import time

import numpy as np
from scipy import special, stats

from entropist import measures

ROWS = 100_000


def rows_of_64(seed):
    weights = np.random.default_rng(seed).random((ROWS, 64))
    return weights / weights.sum(-1, keepdims=True)


P, Q = rows_of_64(1), rows_of_64(2)
SPARSE = np.where(P > 0.01, P, 0.0)
SPARSE /= SPARSE.sum(-1, keepdims=True)
JOINT = P.reshape(ROWS, 8, 8)
_CHUNK = 1024


def in_chunks(function, *arrays):
    """The row chunks that stay in the cache: what whoever writes NumPy by hand and measures it ends up with."""
    out = np.empty(len(arrays[0]))
    for i in range(0, len(out), _CHUNK):
        out[i : i + _CHUNK] = function(*(a[i : i + _CHUNK] for a in arrays))
    return out


def entropy_plain(p):
    return -(p * np.log(p)).sum(-1)


def entropy_einsum(p):
    return -np.einsum("ij,ij->i", p, np.log(p))


def entropy_vecdot(p):
    return -np.vecdot(p, np.log(p))


def entropy_chunks(p):
    return in_chunks(lambda part: -np.vecdot(part, np.log(part)), p)


def entropy_with_zeros(p):
    return in_chunks(lambda part: -np.vecdot(part, np.log(np.where(part > 0, part, 1))), p)


def entropy_entr(p):
    return special.entr(p).sum(-1)


def kl_chunks(p, q):
    return in_chunks(lambda a, b: np.vecdot(a, np.log(a / b)), p, q)


def kl_rel_entr(p, q):
    return special.rel_entr(p, q).sum(-1)


def mi_chunks(table):
    def one(part):
        apart = part.sum(2, keepdims=True) * part.sum(1, keepdims=True)
        return np.vecdot(part.reshape(len(part), -1), np.log(part / apart).reshape(len(part), -1))

    return in_chunks(one, table)


def mi_entropies(table):
    return (
        stats.entropy(table.sum(2), axis=-1)
        + stats.entropy(table.sum(1), axis=-1)
        - stats.entropy(table.reshape(len(table), -1), axis=-1)
    )


def joint_mi(table):
    return measures.mutual_information(table, axis=(1, 2))


CASES = [
    ("entropy", measures.entropy, (P,), "NumPy, p·log p summed", entropy_plain),
    ("entropy", measures.entropy, (P,), "NumPy, einsum", entropy_einsum),
    ("entropy", measures.entropy, (P,), "NumPy, vecdot", entropy_vecdot),
    ("entropy", measures.entropy, (P,), "NumPy, vecdot in chunks", entropy_chunks),
    ("entropy, zeros", measures.entropy, (SPARSE,), "NumPy, where + vecdot in chunks", entropy_with_zeros),
    ("entropy", measures.entropy, (P,), "scipy.special.entr", entropy_entr),
    ("entropy", measures.entropy, (P,), "scipy.stats.entropy", lambda p: stats.entropy(p, axis=-1)),
    ("KL", measures.kl_divergence, (P, Q), "NumPy, vecdot in chunks", kl_chunks),
    ("KL", measures.kl_divergence, (P, Q), "scipy.special.rel_entr", kl_rel_entr),
    ("KL", measures.kl_divergence, (P, Q), "scipy.stats.entropy", lambda p, q: stats.entropy(p, q, axis=-1)),
    ("MI of 8 by 8", joint_mi, (JOINT,), "NumPy, vecdot in chunks", mi_chunks),
    ("MI of 8 by 8", joint_mi, (JOINT,), "scipy.stats.entropy, three times", mi_entropies),
]


def main(repeats):
    found = []
    for name, ours, arrays, peer_name, peer in CASES:
        np.testing.assert_allclose(ours(*arrays), peer(*arrays), rtol=1e-11, atol=1e-12)
        fastest = [float("inf"), float("inf")]
        for _ in range(repeats):
            for i, function in enumerate((ours, peer)):
                start = time.perf_counter()
                function(*arrays)
                fastest[i] = min(fastest[i], time.perf_counter() - start)
        found.append({"measure": name, "peer": peer_name, "ratio": round(fastest[0] / fastest[1], 3)})
        print(f"{name:16} ours / {peer_name:34} {found[-1]['ratio']:6.2f}", flush=True)
    print(json.dumps({"rows": ROWS, "columns": 64, "repeats": repeats, "ratios": found}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
