"""Pictures of the record: terminal, one HTML file, notebook, SVG and PNG, all from the same data."""

from entropist.report._corpus_lines import score_lines
from entropist.report._corpus_page import score_page, write_score_html
from entropist.report._corpus_picture import score_fragment, score_svg
from entropist.report._diagnosis import Diagnosis, comparison_lines, table_lines
from entropist.report._fragment import html_fragment
from entropist.report._generation import TokenPrinter, explanation_lines, generation_lines
from entropist.report._generation_page import generation_page, write_generation_html
from entropist.report._page import html_page, write_html
from entropist.report._segments import print_segments
from entropist.report._segments_page import segments_page, write_segments_html
from entropist.report._segments_picture import segments_svg
from entropist.report._svg import png, svg
from entropist.report._terminal import print_diagnosis, print_piece, print_trace

__all__ = [
    "Diagnosis",
    "TokenPrinter",
    "comparison_lines",
    "explanation_lines",
    "generation_lines",
    "generation_page",
    "html_fragment",
    "html_page",
    "png",
    "print_diagnosis",
    "print_piece",
    "print_segments",
    "print_trace",
    "score_fragment",
    "score_lines",
    "score_page",
    "score_svg",
    "segments_page",
    "segments_svg",
    "svg",
    "table_lines",
    "write_generation_html",
    "write_html",
    "write_score_html",
    "write_segments_html",
]
