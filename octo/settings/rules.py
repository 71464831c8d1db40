"""Settings of the rule sets: what each asks of a document, with the thresholds of the paper that it is from."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

RuleSet = Literal["basic", "gopher", "c4", "fineweb", "mathematics"]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
# fmt: off
MARKING_WORDS = (
    "algebra", "algorithm", "angle", "arithmetic", "asymptotic", "axiom", "bijection", "calculus", "circle",
    "coefficient", "combinatorics", "compute", "congruent", "conjecture", "constant", "convergence", "corollary",
    "cosine", "cube", "denominator", "derivative", "determinant", "diagonal", "differential", "digit", "dimension",
    "divisible", "divisor", "eigenvalue", "equation", "exponent", "factorial", "formula", "fraction", "function",
    "geometry", "gradient", "graph", "inequality", "infinite", "integer", "integral", "inverse", "lemma", "linear",
    "logarithm", "mathematics", "matrix", "modulo", "multiple", "multiply", "numerator", "parabola", "percent",
    "perimeter", "permutation", "polygon", "polynomial", "prime", "probability", "proof", "proportion", "quadratic",
    "quotient", "radius", "ratio", "remainder", "root", "sequence", "sine", "solve", "square", "subset", "subtract",
    "tangent", "tensor", "theorem", "topology", "triangle", "trigonometry", "variable", "vector", "vertex",
)
# fmt: on


class GopherSettings(BaseModel):
    """Quality and repetition in Gopher (arXiv 2112.11446, appendix A); a word is what white space separates."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_words: Count = 50
    """A document with fewer words that hold a letter or a digit is gopher_too_short."""
    max_words: Count = 100_000
    """One with more of them is gopher_too_long."""
    min_mean_word: float = Field(default=3, ge=0)
    """One whose words have fewer characters in the mean has gopher_short_words."""
    max_mean_word: float = Field(default=10, ge=0)
    """One whose words have more has gopher_long_words."""
    max_hashes: float = Field(default=0.1, ge=0)
    """One with more # for each word has gopher_many_hashes."""
    max_ellipses: float = Field(default=0.1, ge=0)
    """One with more ... or … for each word has gopher_many_ellipses."""
    max_bullet_lines: Share = 0.9
    """One with a larger share of lines that begin with a bullet or a dash has gopher_many_bullets."""
    max_ellipsis_lines: Share = 0.3
    """One with a larger share of lines that end with an ellipsis has gopher_cut_lines."""
    min_alphabetic_words: Share = 0.8
    """One with a smaller share of words that hold a letter is gopher_low_alphabetic."""
    min_stop_words: Count = 2
    """One with fewer different stop words has gopher_few_stop_words."""
    stop_words: tuple[str, ...] = STOP_WORDS
    """Words without which no English is written, as they stand between white space."""
    max_repeated_lines: Share = 0.3
    """One with a larger share of lines that came before has gopher_repeated_lines."""
    max_repeated_paragraphs: Share = 0.3
    """The same of paragraphs: gopher_repeated_paragraphs."""
    max_repeated_line_characters: Share = 0.2
    """One with a larger share of its characters in lines that came before: gopher_repeated_line_characters."""
    max_repeated_paragraph_characters: Share = 0.2
    """The same of paragraphs: gopher_repeated_paragraph_characters."""
    max_top_2_grams: Share = 0.2
    """One with a larger share of its characters in the pair of words that comes most often: gopher_top_2_grams."""
    max_top_3_grams: Share = 0.18
    """The same of three words: gopher_top_3_grams."""
    max_top_4_grams: Share = 0.16
    """The same of four words: gopher_top_4_grams."""
    max_repeated_5_grams: Share = 0.15
    """One with a larger share of its characters in runs of 5 words that came before: gopher_repeated_5_grams."""
    max_repeated_6_grams: Share = 0.14
    """The same of 6 words: gopher_repeated_6_grams."""
    max_repeated_7_grams: Share = 0.13
    """The same of 7 words: gopher_repeated_7_grams."""
    max_repeated_8_grams: Share = 0.12
    """The same of 8 words: gopher_repeated_8_grams."""
    max_repeated_9_grams: Share = 0.11
    """The same of 9 words: gopher_repeated_9_grams."""
    max_repeated_10_grams: Share = 0.1
    """The same of 10 words: gopher_repeated_10_grams."""

    def max_top(self, size: int) -> float:
        """Of runs of 2 to 4 words."""
        return {2: self.max_top_2_grams, 3: self.max_top_3_grams, 4: self.max_top_4_grams}[size]

    def max_repeated(self, size: int) -> float:
        """Of runs of 5 to 10 words."""
        shares = (
            self.max_repeated_5_grams,
            self.max_repeated_6_grams,
            self.max_repeated_7_grams,
            self.max_repeated_8_grams,
            self.max_repeated_9_grams,
            self.max_repeated_10_grams,
        )
        return shares[size - 5]


class C4Settings(BaseModel):
    """C4 (arXiv 1910.10683, section 2.2): lines that are no sentences are taken out of a document."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_sentences: Count = 3
    """A document whose lines that stay have fewer sentences is c4_few_sentences."""
    min_line_words: Count = 5
    """A line with fewer words is taken out."""
    max_word_length: Count = 1000
    """A line with a longer word is taken out."""
    end_marks: bool = True
    """Whether a line that does not end with . ! ? or a quotation mark is taken out; FineWeb leaves those."""
    without_braces: bool = True
    """Whether a document with a { has c4_braces: it is a program. Corpora of formulas and code say no."""


class FinewebSettings(BaseModel):
    """FineWeb's own rules (arXiv 2406.17557, section 3.6), of lines that are not blank."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_ended_lines: Share = 0.12
    """A document with a smaller share of lines that end with a full stop or the like has fineweb_few_ended_lines."""
    max_short_lines: Share = 0.67
    """One with a larger share of short lines has fineweb_short_lines."""
    short_line: Count = 30
    """A line of so many characters, or fewer, is short."""
    max_repeated_characters: Share = 0.01
    """One with a larger share of its characters in lines that came before has fineweb_repeated_lines."""
    max_line_ends: float = Field(default=0.3, ge=0)
    """One with more ends of lines for each word is a fineweb_list."""


class MathematicsSettings(BaseModel):
    """Whether a document is about mathematics at all, told without a model: by formulas, and by words that mark it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_formulas: Share = 0.01
    """A document with as large a share of its words in formulas is about mathematics."""
    min_marking_words: Count = 3
    """So is one with as many different words that mark it; one with neither has mathematics_absent."""
    marking_words: tuple[str, ...] = MARKING_WORDS
    """Words that mark it, in lower case and the singular; a final s and punctuation around a word do not count."""
    max_digits: Share = 0.5
    """One with a larger share of digits among its characters is a table: mathematics_digits."""
