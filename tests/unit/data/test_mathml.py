import pytest

from octo.data.html_tokens import tokens
from octo.data.mathml import DEEPEST, NoTexError, tex_of


@pytest.mark.parametrize(
    ("markup", "tex"),
    [
        ("<mi>x</mi><mo>=</mo><mn>2</mn>", "x=2"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", r"\frac{a+b}{2}"),
        ("<msqrt><mi>x</mi><mo>−</mo><mn>1</mn></msqrt>", r"\sqrt{x-1}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>12</mn></msup>", "{(a)}^{12}"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_i^2"),
        ("<msup><mi>f</mi><mo>′</mo></msup>", "f'"),
        ("<mi>α</mi><mi>x</mi><mo>≤</mo><mi>Ω</mi>", r"\alpha x\leq\Omega"),
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>θ</mi>", r"\sin\theta"),
        ("<munderover><mo>∑</mo><mrow><mi>k</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", r"\sum_{k=1}^n"),
        ("<munder><mi>lim</mi><mrow><mi>h</mi><mo>→</mo><mn>0</mn></mrow></munder>", r"\lim_{h\to0}"),
        ("<mover><mi>v</mi><mo>→</mo></mover><mover><mi>x</mi><mo>¯</mo></mover>", r"\vec{v}\bar{x}"),
        ("<mover><mo>=</mo><mi>d</mi></mover>", r"\overset{d}{=}"),
        ("<mfenced open='[' close=')'><mi>a</mi><mi>b</mi></mfenced>", r"\left[a,b\right)"),
        ("<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>", r"{n \atop k}"),
        ("<mi mathvariant='double-struck'>R</mi><mi>ℝ</mi>", r"\mathbb{R}\mathbb{R}"),
        ("<mtext>if </mtext><mi>x</mi>", r"\text{if}x"),
        (
            "<mo>(</mo><mtable><mtr><mtd>1</mtd><mtd>0</mtd></mtr><mtr><mtd>0</mtd></mtr></mtable><mo>)</mo>",
            r"(\begin{matrix} 1 & 0 \\ 0 \end{matrix})",
        ),
        (
            "<mrow><mo>{</mo><mtable><mtr><mtd><mn>1</mn></mtd></mtr><mtr><mtd><mn>2</mn></mtd></mtr></mtable></mrow>",
            r"\begin{cases}1 \\ 2\end{cases}",
        ),
        (
            "<mmultiscripts><mi>C</mi><mi>k</mi><none/><mprescripts/><none/><mi>n</mi></mmultiscripts>",
            "{}^{n}C_{k}",
        ),
        ("<menclose notation='box'><mi>x</mi></menclose>", r"\boxed{x}"),
        ("<m:mi>x</m:mi><m:msup><m:mi>y</m:mi><m:mn>2</m:mn></m:msup>", "xy^2"),
        ("<mn>50</mn><mo>%</mo>", r"50\%"),
        ("<mo>&lt;</mo><mo>&amp;</mo>", r"<\&"),
        # What is not as it should be is read as far as it goes.
        ("<mfrac><mi>a</mi></mfrac>", r"\frac{a}{}"),
        ("<msub><mi>a</mi></msub></mrow><mi>b</mi><unknown>c</unknown>", "abc"),
    ],
)
def test_what_is_shown_is_written_as_tex(markup: str, tex: str) -> None:
    assert tex_of(tokens(markup)) == tex


@pytest.mark.parametrize("encoding", ["application/x-tex", "TeX", "LaTeX", "text/x-tex"])
def test_the_tex_that_a_formula_was_made_of_is_taken_as_it_is(encoding: str) -> None:
    markup = f'<semantics><mi>x</mi><annotation encoding="{encoding}"> \\vec x &amp; 1 </annotation></semantics>'
    assert tex_of(tokens(markup)) == r"\vec x & 1"


def test_another_annotation_is_no_part_of_a_formula() -> None:
    markup = "<semantics><mi>x</mi><annotation encoding='text/plain'>the letter x</annotation></semantics>"
    assert tex_of(tokens(markup)) == "x"


@pytest.mark.parametrize(
    ("markup", "reason"),
    [("<apply><plus/><ci>a</ci></apply>", "content_markup"), ("<mrow>" * (DEEPEST + 1), "too_deep")],
)
def test_a_formula_of_which_no_tex_can_be_made_is_refused(markup: str, reason: str) -> None:
    with pytest.raises(NoTexError, match=reason):
        tex_of(tokens(markup))
