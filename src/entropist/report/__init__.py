"""Pictures of the record: terminal, one HTML file, notebook, SVG and PNG, all from the same data."""

from entropist.report._diagnosis import Diagnosis, comparison_lines, table_lines
from entropist.report._fragment import html_fragment
from entropist.report._page import html_page, write_html
from entropist.report._svg import png, svg
from entropist.report._terminal import print_diagnosis, print_piece, print_trace

__all__ = [
    "Diagnosis",
    "comparison_lines",
    "html_fragment",
    "html_page",
    "png",
    "print_diagnosis",
    "print_piece",
    "print_trace",
    "svg",
    "table_lines",
    "write_html",
]
