import pytest

from octo.data.html_formulas import LONGEST
from octo.data.html_text import Extent, formulas_of, page_of

BOTH = pytest.mark.parametrize("extent", ["whole", "main"])


def katex(tex: str) -> str:
    return (
        '<span class="katex"><span class="katex-mathml"><math xmlns="http://www.w3.org/1998/Math/MathML"><semantics>'
        f'<mrow><mi>s</mi></mrow><annotation encoding="application/x-tex">{tex}</annotation></semantics></math></span>'
        '<span class="katex-html" aria-hidden="true"><span class="base">s</span></span></span>'
    )


def mathjax_2(tex: str, mathml: str) -> str:
    return (
        f'<span class="MathJax_Preview">{tex}</span><span class="MathJax" data-mathml="{mathml}"><nobr><span>s</span>'
        '</nobr><span class="MJX_Assistive_MathML"><math><mi>s</mi></math></span></span>'
        f'<script type="math/tex">{tex}</script>'
    )


MATHJAX_3 = (
    '<mjx-container class="MathJax" jax="CHTML"{}><mjx-math><mjx-mi><mjx-c class="mjx-c1D465 TEX-I"></mjx-c></mjx-mi>'
    "</mjx-math><mjx-assistive-mml><math><msup><mi>x</mi><mn>2</mn></msup></math></mjx-assistive-mml></mjx-container>"
)
WIKI = (
    '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;"><math><semantics>'
    '<mi>r</mi><annotation encoding="application/x-tex">{\\displaystyle r^{2}}</annotation></semantics></math></span>'
    '<img src="/svg/1" class="mwe-math-fallback-image-inline" alt="{\\displaystyle r^{2}}"></span>'
)


@BOTH
@pytest.mark.parametrize(
    ("source", "text"),
    [
        (f"so {katex('a_1')} is {katex('b')}", "so $a_1$ is $b$"),
        (f"so {mathjax_2('x^2', '&lt;math>&lt;mi>x&lt;/mi>&lt;/math>')} is", "so $x^2$ is"),
        (f"so {mathjax_2('x^2', '')} {mathjax_2('y^2', '')} is", "so $x^2$ $y^2$ is"),
        (f"so {MATHJAX_3.format('')} is", "so $x^2$ is"),
        ("so " + MATHJAX_3.format(" display='true'") + " is", "so\n$$x^2$$\nis"),
        (f"so {WIKI} is", "so $r^{2}$ is"),
        ('so <script type="math/tex; mode=display">a\n+ b</script> is', "so\n$$a + b$$\nis"),
        ("so <script type='math/tex'>% <![CDATA[\n a < b %]]></script> is", "so $a < b$ is"),
        ("so <script type='math/mml'><math><mi>β</mi></math></script> is", "so $\\beta$ is"),
        ("so <script type='math/asciimath'>sum_(i=1)^n</script> is", "so `sum_(i=1)^n` is"),
        ("so <script>x = 1 < 2</script>is", "so is"),
        ('so <math alttext="\\pi"><apply><ci>pi</ci></apply></math> is', "so $\\pi$ is"),
        ("so <math>\\frac{a}{b}</math> is", "so $\\frac{a}{b}$ is"),
        ("so <math display='block'><mi>x</mi></math> is", "so\n$$x$$\nis"),
        ("so <math><mi>x</mi></math> <math><mi>x</mi></math> is", "so $x$ $x$ is"),
        ("so <m:math><m:mi>x</m:mi></m:math> is", "so $x$ is"),
        ("so <img class='tex' alt='\\int f'> is", "so $\\int f$ is"),
        ("so <img class='latex' src='/a.png' alt='n'> is", "so $n$ is"),
        ("so <img src='//latex.codecogs.com/gif.latex?\\dpi{120}%20\\inline%20\\frac{a}{b}'>", "so $\\frac{a}{b}$"),
        ("so <img src='/latex.php?latex=%5Cpi+r%5E2&amp;bg=fff' alt=''> is", "so $\\pi r^2$ is"),
        ("so <img src='https://c/chart?cht=tx&amp;chl=e%3Dmc%5E2'> is", "so $e=mc^2$ is"),
        ("so <img src='/cgi-bin/mimetex.cgi?x_1=2'> is", "so $x_1=2$ is"),
        ("so <img alt='$n!$'> is <img alt='\\sqrt{2}'>", "so $n!$ is $\\sqrt{2}$"),
        ("so <img class='Wirisformula' data-mathml='«math»«mi»k«/mi»«/math»' alt='k'> is", "so $k$ is"),
        ("so <span class='ql-formula' data-value='e^x'>ex</span> is", "so $e^x$ is"),
        ("so <span data-latex='\\alpha'>a</span> is", "so $\\alpha$ is"),
        ("so <math><mtext>5</mtext><annotation encoding='TeX'>\\text{$5}</annotation></math>", "so \\(\\text{$5}\\)"),
        ("so $a &lt; b$ and \\(c\\) and \\[d\\] are", "so $a < b$ and \\(c\\) and \\[d\\] are"),
        ("<i>E</i>=<i>m</i><i>c</i><sup>2</sup> and E=mc<sup>2</sup>", "E=mc^2 and E=mc^2"),
        ("x<sup>2</sup>+y<sub>ij</sub>=10<sup>-3</sup>", "x^2+y_{ij}=10^{-3}"),
        ("&Sigma;<sup>2</sup>, r&#931;<sub>1</sub>, <i>&#x3A3;</i><sup>3</sup>", "\u03a3^2, r\u03a3_1, \u03a3^3"),
        ("f<sup><i>n</i></sup>(<i>x</i><sub>0</sub>)", "f^n(x_0)"),
        ("the 2<sup>nd</sup> of CO<sub>2</sub>, Na<sup>+</sup>, a word<sup>3</sup> and x<sup>[4]</sup>", None),
        ("a dog <img src='dog.jpg' class='math-teacher' alt='A dog'> barks", "a dog barks"),
    ],
)  # fmt: skip
def test_a_formula_is_in_the_text_once(extent: Extent, source: str, text: str | None) -> None:
    expected = text or "the 2nd of CO_2, Na+, a word3 and x[4]"
    page = page_of(f"<p>{source}</p>", extent=extent)
    assert (page.text, list(page.lost)) == (expected, [])


@BOTH
@pytest.mark.parametrize(
    ("source", "reason", "formula"),
    [
        ("<img class=tex src=eq7.png>", "image_without_text", "eq7.png"),
        ("<img class=latex src=a.png alt=Formula>", "image_without_text", "a.png"),
        ("<math><apply><ci>q</ci></apply></math>", "content_markup", "q"),
        (f"<math>{'<mrow>' * 200}z{'</mrow>' * 200}</math>", "too_deep", "z"),
        ("<mjx-container class=MathJax><svg><g></g></svg></mjx-container>", "shown_only", "MathJax"),
        ("<span class=katex-html>x2</span>", "shown_only", "x2"),
        ("<math><mi>x</mi>", "never_closed", "<math>"),
    ],
)
def test_a_formula_that_is_not_in_the_text_is_listed(extent: Extent, source: str, reason: str, formula: str) -> None:
    page = page_of(f"<p>Let it be {source} and so on.<p>After it.", extent=extent)
    assert [(each.reason, each.formula) for each in page.lost] == [(reason, formula)]
    assert page.num_formulas == 0
    # What follows is not lost with it.
    assert page.text.endswith("After it.")


def test_a_formula_outside_the_main_content_is_listed() -> None:
    page = page_of("<nav>Menu <math><mi>m</mi></math></nav><p>The <math><mi>t</mi></math>.", extent="main")
    assert (page.text, page.num_formulas) == ("The $t$.", 1)
    assert page.lost == [("outside_main_content", "m")]


def test_what_was_never_closed_hides_no_other_formula() -> None:
    source = "<math><p>a <span class=MathJax>b <p>c <math><mi>k</mi></math> <script type=math/tex>j</script>"
    page = page_of(source)
    assert page.text == "a b\n\nc $k$ $j$"
    assert [each.reason for each in page.lost] == ["never_closed", "never_closed"]


def test_a_formula_longer_than_any_is_text() -> None:
    page = page_of(f"<math><mi>{'x' * LONGEST}</mi></math> end")
    assert page.text.endswith("xx\n\nend")
    assert [each.reason for each in page.lost] == ["never_closed"]


@BOTH
def test_a_page_cannot_say_where_formulas_are(extent: Extent) -> None:
    page = page_of("<p>a \ufdd00\ufdd1 &#xFDD0;0&#xFDD1; <math><mi>x</mi></math> &#xFDD0;7&#xFDD1;", extent=extent)
    assert page.text.count("$x$") == 1
    assert page.num_formulas == 1


def test_formulas_are_counted_by_what_a_document_says() -> None:
    assert formulas_of('{"formulas": 3, "formulas_lost": 1}') == {"formulas.kept": 3, "formulas.lost": 1}
    assert formulas_of('{"title": "none"}') == {}
    assert formulas_of('{"formulas": "a field of somebody else\'s"}') == {}
