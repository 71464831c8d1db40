"""Twenty pages of mathematics in an archive, each in a way of its own: every formula survives or is listed."""

import io
import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from octo.data.documents import Document
from octo.data.files import Reading, read_file
from octo.data.html_text import Extent

MENU = "<nav class='menu'><ul><li><a href='/'>Home</a></li><li><a href='/all'>All pages</a></li></ul></nav>"
FORMULAS = [
    r"\frac{a_1}{b}",
    r"\sum_{i=1}^{n} i^2",
    r"x < y \& z",
    r"e^{i\pi} + 1 = 0",
    r"\int_0^1 f(t)\,dt",
    r"\alpha\beta",
]


def annotated(tex: str) -> str:
    held = f'<annotation encoding="application/x-tex">{escape(tex)}</annotation>'
    return f"<math><semantics><mi>s</mi>{held}</semantics></math>"


def katex(tex: str) -> str:
    return (
        f'<span class="katex"><span class="katex-mathml">{annotated(tex)}</span>'
        '<span class="katex-html" aria-hidden="true"><span class="base">seen</span></span></span>'
    )


def katex_display(tex: str) -> str:
    return f'<span class="katex-display">{katex(tex)}</span>'


def mathjax_2(tex: str) -> str:
    return (
        '<span class="MathJax_Preview">seen</span><div class="MathJax_Display"><span class="MathJax"><span>seen</span>'
        f'</span></div><script type="math/tex; mode=display">{tex}</script>'
    )


def mathjax_4(tex: str) -> str:
    held = escape(tex)
    return f'<mjx-container class="MathJax" jax="SVG"><mjx-math data-latex="{held}">seen</mjx-math></mjx-container>'


def wiki(tex: str) -> str:
    styled = f"{{{chr(92)}displaystyle {tex}}}"
    return (
        f'<span class="mwe-math-element"><span style="display:none">{annotated(styled)}</span>'
        f'<img class="mwe-math-fallback-image-inline" src="/s" alt="{escape(styled)}"></span>'
    )


def latex_php(tex: str) -> str:
    return f'<img class="latex" src="/latex.php?latex={quote(tex)}&amp;bg=fff">'


KINDS: dict[str, Callable[[str], str]] = {
    "annotated": annotated,
    "alternative": lambda tex: f'<math alttext="{escape(tex)}"><apply/></math>',
    "katex": katex,
    "katex_display": katex_display,
    "mathjax_2": mathjax_2,
    "mathjax_4": mathjax_4,
    "mathjax_source": lambda tex: f'<script type="math/tex">{tex}</script>',
    "wiki": wiki,
    "image": lambda tex: f'<img class="tex" src="/i.png" alt="{escape(tex)}">',
    "latex_php": latex_php,
    "dollars": lambda tex: f"${escape(tex)}$",
    "parentheses": lambda tex: f"\\({escape(tex)}\\)",
    "brackets": lambda tex: f"\\[{escape(tex)}\\]",
    "attribute": lambda tex: f'<span class="formula" data-tex="{escape(tex)}">seen</span>',
    "editor": lambda tex: f'<span class="ql-formula" data-value="{escape(tex)}">seen</span>',
}
MARKUP = {
    "presentation": (
        "<math><msup><mi>x</mi><mn>2</mn></msup><mo>=</mo><mfrac><mn>1</mn><mi>&gamma;</mi></mfrac></math>",
        r"$x^2=\frac{1}{\gamma}$",
    ),
    "prefixed": ("<mml:math><mml:msqrt><mml:mi>x</mml:mi></mml:msqrt></mml:math>", r"$\sqrt{x}$"),
    "exponents": ("<i>E</i> = <i>m</i><i>c</i><sup>2</sup>", "E = mc^2"),
}
LOST = {
    "unnamed_image": "<img class='tex' src='/eq9.png'>",
    "seen_only": "<mjx-container class='MathJax'><mjx-math>seen</mjx-math></mjx-container>",
}


def page(formulas: list[str]) -> bytes:
    told = "".join(
        f"<p>Theorem number {number} says of every case that {each} holds.</p>" for number, each in enumerate(formulas)
    )
    return f"<title>T</title>{MENU}<main><h1>Theorems</h1>{told}</main><footer>Imprint</footer>".encode()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    pages = {name: page([made(tex) for tex in FORMULAS]) for name, made in KINDS.items()}
    pages |= {name: page([source]) for name, (source, _) in MARKUP.items()}
    pages |= {name: page([source]) for name, source in LOST.items()}
    sink = io.BytesIO()
    writer = WARCWriter(sink, gzip=True)
    for name, body in pages.items():
        http = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
        url = f"http://mathematics/{name}"
        writer.write_record(writer.create_warc_record(url, "response", payload=io.BytesIO(body), http_headers=http))
    (tmp_path / "mathematics.warc.gz").write_bytes(sink.getvalue())
    return tmp_path / "mathematics.warc.gz"


@pytest.mark.parametrize("extent", ["whole", "main"])
def test_every_formula_survives_or_is_listed(archive: Path, extent: Extent) -> None:
    reading = Reading(100_000, skip_bad_files=False, extent=extent)
    found = {
        each.url.rpartition("/")[2]: each
        for each in read_file(archive, name="mathematics", label="web", reading=reading)
        if isinstance(each, Document)
    }
    assert len(found) == 20
    for name in KINDS:
        text, fields = found[name].text, json.loads(found[name].metadata)
        assert [tex for tex in FORMULAS if text.count(tex) != 1] == [], name
        assert "seen" not in text, name
        in_text = name in {"dollars", "parentheses", "brackets"}
        assert fields == {"title": "T", **({} if in_text else {"formulas": len(FORMULAS)})}, name
    for name, (_, tex) in MARKUP.items():
        assert f"that {tex} holds" in found[name].text
    for name in LOST:
        fields = json.loads(found[name].metadata)
        assert fields["formulas_lost"] == len(fields["lost_formulas"]) == 1, name
    assert all(("Imprint" in each.text) == (extent == "whole") for each in found.values())
