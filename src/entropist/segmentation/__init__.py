"""Entropy boundaries in byte streams: a segment begins where the next byte is hard to foresee."""

from entropist.segmentation._result import Opening, PatchStatistics, Segmentation
from entropist.segmentation._rules import BLT_THRESHOLD, Rule, boundaries
from entropist.segmentation._segment import segment
from entropist.segmentation._segmenter import Segmenter
from entropist.segmentation._threshold import threshold_for

__all__ = [
    "BLT_THRESHOLD",
    "Opening",
    "PatchStatistics",
    "Rule",
    "Segmentation",
    "Segmenter",
    "boundaries",
    "segment",
    "threshold_for",
]
