"""The notebook's picture: the text in colours inside a shadow root, so that no style leaks in or out.

A browser that parses the fragment as part of a document builds the shadow root itself. A notebook
that inserts it later does not, so one constant line of script does. Where neither happens, the totals
and the plain text that stand beside the template are seen instead.
"""

from html import escape

from entropist.record import Trace
from entropist.report._assets import fragment_style
from entropist.report._provenance import provenance
from entropist.report._strip import static_legend, static_strip
from entropist.report._summary import grouped, sentences
from entropist.report._view import View

LONGEST = 3000  # tokens; a notebook keeps every picture in its file
_PLAIN = 2000  # characters of the plain text

_ATTACH = """<script>
for (const template of document.querySelectorAll(".entropist-trace > template")) {
  template.parentElement.attachShadow({ mode: "open" }).append(template.content);
  template.remove();
}
</script>"""


def html_fragment(trace: Trace) -> str:
    """HTML of a trace in bits, for a notebook."""
    view = View(trace, "bits")
    words = escape(" ".join(sentences(view)))
    line = " · ".join(f"{escape(name)} {escape(value)}" for name, value in provenance(view))
    more = len(view) - LONGEST
    rest = f"… and {grouped(more)} more tokens: entropist.report.write_html(trace, 'page.html') shows all."
    note = f'<p class="fine">{rest}</p>' if more > 0 else ""
    plain = escape("".join(view.texts[:LONGEST])[:_PLAIN])
    return (
        '<div class="entropist-trace"><template shadowrootmode="open">'
        f'<style>{fragment_style()}</style><div class="sheet"><p>{words}</p>{static_legend(view)}'
        f'<div class="text">{static_strip(view, stop=LONGEST)}</div>{note}<p class="fine">{line}</p></div></template>'
        f"<p>{words}</p><pre>{plain}</pre></div>{_ATTACH}"
    )
