"""Sphinx reads this: pages in Markdown (MyST), the theme Furo, and what `_engine` generates from the code."""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import entropist.provenance

logging.getLogger("httpx").setLevel(logging.WARNING)  # the examples that ask a server
logging.getLogger("datasets").setLevel(logging.WARNING)  # it says which other libraries it found

project = "Entropist"
author = "The Entropist contributors"
version = release = entropist.provenance.library_versions()["entropist"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "_engine"]
exclude_patterns = ["_engine", "examples"]

myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
smartquotes = False  # names and texts in quotes are to be copied as they stand

autodoc_member_order = "bysource"
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "Entropist"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_last_updated_fmt = None
