"""Of answers of every kind, drawn at random: all ways to write one are right, and whatever is changed is wrong."""

import itertools
from fractions import Fraction

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from octo.data.answers.formulas import UnreadableError
from octo.data.answers.numbers import correct, last_number
from octo.data.equivalence import equivalent
from octo.data.final_answers import settled, unreadable

DRAWN = settings(deadline=None, max_examples=60)
WHOLE = st.integers(-(10**6), 10**6)
SMALL = st.integers(-20, 20)
POSITIVE = st.integers(1, 60)
PIECES = st.sampled_from(
    [
        *(
            r"\frac",
            r"\sqrt",
            r"\sin",
            r"\log",
            r"\pi",
            r"\infty",
            r"\text{cm}",
            r"\text{ and }",
            r"\pm",
            r"\cup",
            r"\le",
        ),
        *(
            r"\begin{pmatrix}",
            r"\end{pmatrix}",
            r"\overline{3}",
            r"\binom",
            r"\over",
            r"\ldots",
            r"\{",
            r"\}",
            r"\$",
            r"\\",
        ),
        *(
            "{",
            "}",
            "(",
            ")",
            "[",
            "]",
            "^",
            "_",
            "+",
            "-",
            "*",
            "/",
            "=",
            "<",
            ",",
            ";",
            ":",
            "|",
            "!",
            "%",
            "&",
            "$",
            "**",
        ),
        *(
            "0",
            "1",
            "12",
            "3.5",
            "9^{99}",
            "e5",
            "x",
            "i",
            "n",
            "A",
            "(A)",
            "cm",
            "is",
            "or",
            "the",
            "½",
            "√",
            "°",
            "²",
            "\n",
            " ",
        ),
    ]
)


def written(number: Fraction) -> list[str]:
    """Ways to write a fraction."""
    sign, top, bottom = "-" if number < 0 else "", abs(number.numerator), number.denominator
    whole, rest = divmod(top, bottom)
    ways = [
        rf"{sign}\frac{{{top}}}{{{bottom}}}",
        f"{sign}{top}/{bottom}",
        rf"\dfrac{{{sign}{2 * top}}}{{{2 * bottom}}}",
    ]
    if whole and rest:
        ways += [rf"{sign}{whole}\frac{{{rest}}}{{{bottom}}}", f"{sign}{whole} {rest}/{bottom}"]
    if bottom == 1:
        ways += [
            f"{sign}{top:,}",
            f"{sign}{top}.00",
            rf"{sign}{top}\text{{ apples}}",
            f"x={sign}{top}",
            f"{sign}{top}e0",
        ]
    return [*ways, rf"\text{{Area}} = {ways[0]}", rf"\left({ways[0]}\right)", f"**{ways[0]}**", f"${ways[0]}$."]


@DRAWN
@given(top=WHOLE, bottom=POSITIVE, other=SMALL)
@example(top=1, bottom=2, other=0)
def test_a_number_is_itself_in_every_writing_and_no_other_number_in_any(top: int, bottom: int, other: int) -> None:
    number = Fraction(top, bottom)
    gold = written(number)[0]
    assert all(equivalent(gold, way) for way in written(number))
    changed = {number + other, -number, number * 10, number + Fraction(1, bottom), Fraction(bottom, top or 1)} - {
        number
    }
    assert not [way for each in changed for way in written(each) if equivalent(gold, way)]


@DRAWN
@given(
    digits=st.text("0123456789", min_size=2, max_size=8),
    point=st.integers(0, 8),
    at=st.integers(0, 7),
    by=st.integers(1, 9),
)
def test_another_digit_is_another_number(digits: str, point: int, at: int, by: int) -> None:
    at %= len(digits)
    changed = f"{digits[:at]}{(int(digits[at]) + by) % 10}{digits[at + 1 :]}"
    gold, answer = (f"{each[:point] or '0'}.{each[point:]}0" for each in (digits, changed))
    assert equivalent(gold, gold)
    assert not equivalent(gold, answer)
    assert not equivalent(gold, f"{answer}\\text{{ cm}}")
    assert correct(f"so it is {gold}.", gold)
    assert not correct(f"so it is {answer}.", gold)


@DRAWN
@given(
    whole=st.integers(0, 99),
    fixed=st.text("0123456789", max_size=3),
    repeated=st.text("0123456789", min_size=1, max_size=5),
)
def test_a_repeating_decimal_is_its_fraction(whole: int, fixed: str, repeated: str) -> None:
    nines = 10 ** len(repeated) - 1
    value = whole + Fraction(int(fixed or "0") * nines + int(repeated), nines * 10 ** len(fixed))
    gold = rf"\frac{{{value.numerator}}}{{{value.denominator}}}"
    assert equivalent(gold, rf"{whole}.{fixed}\overline{{{repeated}}}")
    assert equivalent(gold, f"{whole}.{fixed}{repeated * 3}\\ldots")
    assert not equivalent(gold, rf"{whole + 1}.{fixed}\overline{{{repeated}}}")
    wrong = str((int(repeated[-1]) + 1) % 10)
    assert not equivalent(gold, rf"{whole}.{fixed}\overline{{{repeated[:-1]}{wrong}}}") or repeated[-1] in "09"


@DRAWN
@given(a=SMALL, b=st.integers(-9, 9).filter(bool), c=st.sampled_from([2, 3, 5, 6, 7, 10, 11]), d=POSITIVE)
def test_a_surd_is_told_from_its_neighbours(a: int, b: int, c: int, d: int) -> None:
    def surd(a: int, b: int, c: int, d: int) -> str:
        return rf"\frac{{{a}{b:+}\sqrt{{{c}}}}}{{{d}}}"

    gold = surd(a, b, c, d)
    sign = "-" if b < 0 else "+"
    assert equivalent(gold, rf"\frac{{{a}}}{{{d}}}{sign}\frac{{\sqrt{{{b * b * c}}}}}{{{d}}}")
    assert equivalent(gold, rf"({a}{b:+}√{c})/{d}")
    wrong = [
        surd(a + 1, b, c, d),
        surd(a, -b, c, d),
        surd(a, b, c + 1, d),
        surd(a, b, c, d + 1),
        rf"\frac{{{a}\pm{abs(b)}\sqrt{{{c}}}}}{{{d}}}",
    ]
    assert not [each for each in wrong if equivalent(gold, each)]


@DRAWN
@given(
    roots=st.lists(st.integers(-9, 9), min_size=2, max_size=2),
    scale=st.integers(1, 5),
    by=st.integers(1, 3),
    name=st.sampled_from("xyt"),
)
def test_a_polynomial_is_its_product_and_no_other(roots: list[int], scale: int, by: int, name: str) -> None:
    p, q = roots
    middle, last = -scale * (p + q), scale * p * q
    gold = f"{scale}{name}^2{middle:+}{name}{last:+}"
    assert equivalent(gold, f"{scale}({name}{-p:+})({name}{-q:+})")
    assert equivalent(gold, f"{last}{middle:+}{name}+{scale}{name}²")
    wrong = [
        f"{scale + by}{name}^2{middle:+}{name}{last:+}",
        f"{scale}{name}^2{middle + by:+}{name}{last:+}",
        f"{scale}{name}^2{middle:+}{name}{last - by:+}",
        f"{scale}{name}^3{middle:+}{name}{last:+}",
        f"{gold}=0",
        f"{scale}z^2{middle:+}z{last:+}",
        f"{gold}+10^{{-40}}",
    ]
    assert not [each for each in wrong if equivalent(gold, each)]


@DRAWN
@given(low=SMALL, size=POSITIVE, ends=st.sampled_from(["()", "(]", "[)", "[]"]))
def test_an_interval_is_its_inequality_and_differs_by_every_bracket_and_end(low: int, size: int, ends: str) -> None:
    high = low + size
    gold = f"{ends[0]}{low},{high}{ends[1]}"
    less = {"(": "<", "[": r"\le"}[ends[0]], {")": "<", "]": r"\le"}[ends[1]]
    assert equivalent(gold, f"{low} {less[0]} x {less[1]} {high}")
    assert equivalent(gold, rf"x\in\left{ends[0]}{low}.0, {high}\right{ends[1]}")
    others = [f"{one}{low},{high}{other}" for one, other in itertools.product("([", ")]") if one + other != ends]
    moved = [f"{ends[0]}{low},{high + 1}{ends[1]}", f"{ends[0]}{low - 1},{high}{ends[1]}", rf"\{{{low},{high}\}}"]
    turned = [f"{low} {less[0]} x", f"x {less[1]} {high}", f"{high} {less[0]} x {less[1]} {low}"]
    assert not [each for each in others + moved + turned if equivalent(gold, each)]


@DRAWN
@given(members=st.lists(SMALL, min_size=2, max_size=5, unique=True), other=st.integers(30, 40), data=st.data())
def test_a_list_has_no_order_and_a_tuple_has_one(members: list[int], other: int, data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(members))
    listed, shuffled = (", ".join(map(str, each)) for each in (members, mixed))
    assert equivalent(listed, shuffled)
    assert equivalent(rf"\{{{listed}\}}", rf"\{{{shuffled}\}}")
    assert equivalent(f"({listed})", f"({shuffled})") is (members == mixed)
    for changed in ([*members, other], members[1:], [other, *members[1:]], [-other, *members[1:]]):
        text = ", ".join(map(str, changed))
        assert not equivalent(listed, text)
        assert not equivalent(rf"\{{{listed}\}}", rf"\{{{text}\}}")
        assert not equivalent(f"({listed})", f"({text})")
    assert not equivalent(rf"\{{{listed}\}}", f"({listed})")


@DRAWN
@given(a=SMALL, b=SMALL.filter(bool))
def test_a_complex_number_is_told_from_its_conjugate(a: int, b: int) -> None:
    gold = f"{a}{b:+}i"
    assert equivalent(gold, f"{b}i{a:+}")
    assert equivalent(gold, rf"\frac{{{2 * a}{2 * b:+}i}}{{2}}")
    wrong = [f"{a}{-b:+}i", f"{a + 1}{b:+}i", f"{a}{b:+}", f"{a}{b:+}j", f"({a},{b})", f"{a}{b + 1:+}i"]
    assert not [each for each in wrong if equivalent(gold, each)]


@DRAWN
@given(mantissa=st.integers(101, 999), power=st.integers(-40, 40))
def test_a_number_in_scientific_notation_is_told_from_its_neighbours(mantissa: int, power: int) -> None:
    gold = rf"{mantissa / 100}\times10^{{{power}}}"
    assert equivalent(gold, f"{mantissa / 100}e{power}")
    assert equivalent(gold, rf"{mantissa} \cdot 10^{{{power - 2}}}")
    wrong = [
        rf"{mantissa / 100}\times10^{{{power + 1}}}",
        rf"{(mantissa + 1) / 100}\times10^{{{power}}}",
        f"-{gold}",
        "0",
    ]
    assert not [each for each in wrong if equivalent(gold, each)]


@DRAWN
@given(number=st.integers(2, 500), units=st.permutations(["cm", "km", "kg", "mL", "hours", "dollars", "apples", "m^2"]))
def test_a_unit_may_be_missing_but_not_be_another(number: int, units: list[str]) -> None:
    gold = rf"{number}\text{{ {units[0]}}}"
    assert equivalent(gold, str(number))
    assert equivalent(str(number), gold)
    assert not [unit for unit in units[1:] if equivalent(gold, rf"{number}\text{{ {unit}}}")]
    assert not equivalent(gold, rf"{number + 1}\text{{ {units[0]}}}")


@DRAWN
@given(word=st.text("abcdefghinorstuvwy", min_size=2, max_size=8), data=st.data())
def test_letters_in_another_order_are_another_word(word: str, data: st.DataObject) -> None:
    other = "".join(data.draw(st.permutations(word)))
    assume(other != word)
    assert equivalent(rf"\text{{{word}}}", rf"\text{{{word}}}.")
    assert not equivalent(rf"\text{{{word}}}", other)
    assert not equivalent(word.upper(), other.upper())


@DRAWN
@given(value=WHOLE, other=WHOLE.filter(bool))
def test_the_last_number_of_a_text_has_its_sign(value: int, other: int) -> None:
    for text in (
        f"x = {value}",
        f"{other}, so {value}.",
        f"it is {value:,} apples",
        rf"\boxed{{{value}}}",
        f"**{value}**",
    ):
        assert correct(text, str(value))
        assert correct(text, f"{value:,}")
        assert not correct(text, str(value + other))
        assert value == 0 or not correct(text, str(-value))
    assert not correct(f"{other}+{abs(value)}", str(value))


@settings(deadline=None, max_examples=300)
@given(
    answer=st.lists(PIECES, max_size=30).map("".join), gold=st.sampled_from(["5", "x^2+1", r"\sqrt{2}", "(1,2)", "yes"])
)
@example(answer=r"1\frac{" * 100, gold="5")
@example(answer="2√123√", gold="5")
@example(answer="1+" * 400 + "1", gold="5")
@example(answer="-" * 900 + "5", gold="5")
@example(answer=r"\sqrt" * 180 + "2", gold=r"\sqrt{2}")
@example(answer="x!" * 400, gold="x^2+1")
@example(answer="2^" * 400 + "2", gold="5")
@example(answer="9^{9999}" * 120, gold="5")
@example(answer="+".join(f"1/{n}^{{999}}" for n in range(2, 80)), gold="5")
def test_any_text_is_read_or_refused_and_nothing_is_right_by_chance(answer: str, gold: str) -> None:
    assert settled(answer, answer) in (True, False)
    last_number(answer)
    if not unreadable(answer) and equivalent(gold, answer):
        # Equality goes both ways, but for names and units, which may be missing on one side.
        assert equivalent(answer, gold) or not unreadable(answer)
    else:
        try:
            assert equivalent(gold, answer) in (True, False)
        except UnreadableError:
            raise AssertionError(f"{gold} can be read") from None
