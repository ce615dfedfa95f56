"""The page's own script and styles, read from `static/`, with the colours of the ramp put in."""

import base64
import hashlib
from functools import cache
from importlib import resources

from entropist.report._ramp import DARK, LEVELS, LIGHT, Ramp

# One scope, in this order: what a later file uses stands in an earlier one.
_SCRIPTS = ("data", "strip", "card", "cursor", "legend", "search", "page")


@cache
def script() -> str:
    """The page's script: the files of `static/` as one function."""
    parts = "\n".join(_static(f"{name}.js") for name in _SCRIPTS)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


@cache
def page_style() -> str:
    """Styles of the page: colours for light and dark, the tokens, the layout."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ {_variables(DARK)} }} }}"
    colours = [f":root {{ {_variables(LIGHT)} }}", dark, f":root[data-theme=dark] {{ {_variables(DARK)} }}"]
    printed = f"@media print {{ :root, :root[data-theme] {{ {_variables(LIGHT)} }} }}"
    only = [f"#strip[data-only='{k}'] .t:not(.b{k}) {{ opacity: .22; }}" for k in range(LEVELS)]
    return "\n".join([*colours, *_levels(), _static("token.css"), _static("page.css"), *only, printed])


@cache
def fragment_style() -> str:
    """Styles of the notebook's picture; they live in its shadow root."""
    dark = f"@media (prefers-color-scheme: dark) {{ .sheet {{ {_variables(DARK)} }} }}"
    colours = [f".sheet {{ {_variables(LIGHT)} }}", dark, *_levels()]
    return "\n".join([_static("fragment.css"), *colours, _static("token.css")])


def sha256_source(text: str) -> str:
    """How a Content-Security-Policy names an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _variables(ramp: Ramp) -> str:
    levels = " ".join(f"--b{k}: {colour}; --i{k}: {ramp.inks[k]};" for k, colour in enumerate(ramp.colours))
    scheme = "dark" if ramp is DARK else "light"
    return f"color-scheme: {scheme}; --paper: {ramp.paper}; --ink: {ramp.ink}; --accent: {ramp.accent}; {levels}"


def _levels() -> list[str]:
    return [f".b{k} {{ background: var(--b{k}); color: var(--i{k}); }}" for k in range(LEVELS)]


def _static(name: str) -> str:
    return resources.files("entropist.report").joinpath("static", name).read_text(encoding="utf-8")
