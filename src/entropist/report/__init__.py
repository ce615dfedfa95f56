"""Pictures of the record: terminal, one HTML file, notebook, SVG and PNG, all from the same data."""

from entropist.report._terminal import print_trace

__all__ = ["print_trace"]
