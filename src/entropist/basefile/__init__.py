"""Next-token distributions kept small: the sparse, unbiased form, and llama.cpp's files of all log-probabilities."""

from entropist.basefile._estimate import kl_divergence, sparse_kl_rows
from entropist.basefile._files import BaseFile, BaseWriter, read_base
from entropist.basefile._kld import KldFile, read_kld
from entropist.basefile._rows import SparseRows, default_size, sparse_rows

__all__ = [
    "BaseFile",
    "BaseWriter",
    "KldFile",
    "SparseRows",
    "default_size",
    "kl_divergence",
    "read_base",
    "read_kld",
    "sparse_kl_rows",
    "sparse_rows",
]
