"""How many copies of questions are found in each disguise, and how many texts are called copies that are none."""

import html
import json
import random
import textwrap
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from octo.data.decontamination import Benchmark, why_unprotected

NAMES = ("Ilse", "Bruno", "Amara", "Tadeo", "Noor", "Piet", "Yuki", "Sunniva")
THINGS = ("plums", "stamps", "candles", "kites", "spoons", "lanterns", "walnuts", "ribbons")
PLACES = ("at the harbour", "behind the mill", "in the old library", "near the north gate", "on the ferry")
ENDS = (
    "How many {thing} are left over when each of the {n} guests has taken {m}?",
    "What share of the {thing} did {name} keep after giving away {m} on the way back?",
    "If the price of one rises by {m} cents, how much do {n} of them cost together?",
)


def questions(count: int) -> list[str]:
    chance = random.Random(7)
    made = []
    for _ in range(count):
        name, thing = chance.choice(NAMES), chance.choice(THINGS)
        n, m = chance.randint(12, 98), chance.randint(2, 11)
        end = chance.choice(ENDS).format(name=name, thing=thing, n=n, m=m)
        made.append(f"{name}'s well-kept stall {chance.choice(PLACES)} has {n * m} {thing} and {m} boxes. {end}")
    return made


def formulas(count: int) -> list[str]:
    chance = random.Random(8)
    return [f"{chance.randint(100, 999)}+{chance.randint(100, 999)}-{chance.randint(10, 99)}=" for _ in range(count)]


def per_word(before: str, after: str) -> Callable[[str], str]:
    return lambda text: " ".join(f"{before}{word}{after}" for word in text.split())


def lookalikes(text: str) -> str:
    return text.translate(
        str.maketrans("aeopcxyTHMB", "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0422\u041d\u041c\u0412")
    )


def full_width(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else "\u3000" for each in text)


def bold_mathematics(text: str) -> str:
    return "".join(chr(0x1D41A + ord(each) - 97) if "a" <= each <= "z" else each for each in text)


def hyphenated(text: str) -> str:
    return "\n".join(
        f"{line[:-1]}-\n{line[-1]}" if line[-2:].isalpha() else line for line in textwrap.wrap(text, width=21)
    )


def numbered_lines(text: str) -> str:
    return "\n".join(f"{number:4d}  {line}" for number, line in enumerate(textwrap.wrap(text, width=30), start=1))


DISGUISES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "wrapped": lambda text: textwrap.fill(text, width=20),
    "wrapped at hyphens": hyphenated,
    "quoted as in mail": lambda text: textwrap.indent(textwrap.fill(text, width=24), "> "),
    "quoted twice": lambda text: textwrap.indent(textwrap.fill(text, width=24), "> > "),
    "in a comment": lambda text: textwrap.indent(textwrap.fill(text, width=24), "    // "),
    "in a block comment": lambda text: textwrap.indent(textwrap.fill(text, width=24), " * "),
    "numbered lines": numbered_lines,
    "a tag a word": per_word("<span class='w'>", "</span>"),
    "a tag within words": lambda text: "".join(
        f"{each}<b></b>" if index % 5 == 0 else each for index, each in enumerate(text)
    ),
    "a paragraph a word": lambda text: "".join(f"<p>{word}</p>" for word in text.split()),
    "line breaks": lambda text: "<br/>".join(text.split()),
    "entities": lambda text: html.escape(text).replace(" ", "&nbsp;"),
    "entities of all": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "escaped page": lambda text: html.escape(per_word("<i>", "</i>")(text)),
    "bold markdown": per_word("**", "**"),
    "italic markdown": per_word("_", "_"),
    "code markdown": per_word("`", "`"),
    "links": lambda text: " ".join(
        f"[{word}](https://words.example/{index})" for index, word in enumerate(text.split())
    ),
    "footnotes": lambda text: " ".join(f"{word}[{index}]" for index, word in enumerate(text.split())),
    "bulletin board": per_word("[b]", "[/b]"),
    "LaTeX": per_word(r"\textbf{", "}"),
    "a table": lambda text: "| " + " | ".join(text.split()) + " |",
    "JSON": lambda text: json.dumps({"q": textwrap.fill(text, width=20)}),
    "JSON beyond ASCII": lambda text: json.dumps("\u201c" + lookalikes(textwrap.fill(text, width=20)) + "\u201d"),
    "JSON of a page": lambda text: json.dumps(per_word("<em>", "</em>")(textwrap.fill(text, width=20))),
    "an address": quote,
    "full width": full_width,
    "mathematical letters": bold_mathematics,
    "zero width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "byte order marks": lambda text: "\ufeff ".join(text.split()),
    "both directions": per_word("\u202e", "\u202c"),
    "lookalikes": lookalikes,
    "upper case": str.upper,
    "title case": str.title,
    "no punctuation": lambda text: "".join(each for each in text if each.isalnum() or each in " +-="),
    "curly punctuation": lambda text: text.replace("'", "\u2019").replace("-", "\u2010").replace(".", "\u2026"),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "ends of lines of elsewhere": lambda text: text.replace(" ", "\r\n"),
    "marks on letters": "\u0336".join,
}
AROUND = (
    "The committee met again on a rainy evening and nobody could agree about the minutes. ",
    " Afterwards they walked home along the canal, past the shuttered bakery and the swings.",
)


def embedded(copy: str) -> str:
    return f"{AROUND[0]}\n\n{copy}\n\n{AROUND[1]}"


@pytest.fixture(scope="module")
def of_words() -> Benchmark:
    return Benchmark(questions(60), ngram=13)


@pytest.fixture(scope="module")
def of_numbers() -> Benchmark:
    return Benchmark(formulas(60), ngram=13)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_copies_of_questions_are_found_in_every_disguise(disguise: str, of_words: Benchmark) -> None:
    found = [bool(of_words.overlap(embedded(DISGUISES[disguise](question)))) for question in questions(60)]
    assert sum(found) == len(found)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_copies_of_formulas_are_found_in_every_disguise(disguise: str, of_numbers: Benchmark) -> None:
    found = [
        bool(of_numbers.overlap(embedded(DISGUISES[disguise](formula.replace("+", " + ").replace("-", " - ")))))
        for formula in formulas(60)
    ]
    assert sum(found) == len(found)


def clean_texts() -> Iterator[str]:
    """Texts of the same words, names, numbers and phrases as the questions, in the same disguises, that hold none."""
    chance = random.Random(9)
    words = " ".join(questions(60)).split()
    for index, disguise in enumerate(list(DISGUISES.values()) * 5):
        drawn = [chance.choice(words) for _ in range(400)]
        others = [f"{chance.randint(100, 999)}+{chance.randint(100, 999)}-{chance.randint(10, 99)}=" for _ in range(40)]
        # Parts of questions, too, of fewer than thirteen words: 'well-kept' is two.
        parts = [" ".join(question.split()[index % 7 :][:9]) for question in questions(60)[:20]]
        yield disguise(" ".join([*drawn, *others, *(f"{part} zebra" for part in parts)]))


def test_texts_of_the_same_words_are_no_copies_in_any_disguise(of_words: Benchmark, of_numbers: Benchmark) -> None:
    texts = list(clean_texts())
    assert not [text[:80] for text in texts if of_words.overlap(text)]
    own = {f"{formula} " for formula in formulas(60)}
    assert not [text[:80] for text in texts if of_numbers.overlap(text) and not any(each in text for each in own)]


@pytest.mark.parametrize(
    "question",
    [
        "",
        "?!",
        "Simplify.",
        "Prove it!",
        "Find the value of x.",
        "Which of these statements is true?",
        "12",
        "x = 12",
        "<p>Simplify.</p>",
        "<a href='https://a.example/b/c/d?e=f&g=h'>Simplify</a>",
        "化簡以下",
        "\u200b",
        "**Solve** for *x*:",
    ],
)
def test_a_phrase_that_others_write_too_is_no_question_that_can_be_protected(question: str) -> None:
    assert why_unprotected(question, least_words=8)


@pytest.mark.parametrize(
    "question",
    [
        "12+34=",
        "(1 - 2) * 3 =",
        *questions(1),
        "What is the capital city of the country Chad?",
        "三个连续整数的和是七十二",
    ],
)
def test_questions_and_formulas_can_be_protected(question: str) -> None:
    assert not why_unprotected(question, least_words=8)


def test_a_phrase_may_be_protected_by_choice() -> None:
    assert not why_unprotected("Find x.", least_words=2)
    assert why_unprotected("Find.", least_words=2) == "it has 1 word, fewer than 2"


@pytest.mark.parametrize(
    "question",
    [
        "三个连续整数的和是七十二\uff0c\u5176中最大的一个是多少\uff1f",
        "Сколько яблок осталось для Маши, если она отдала пять из двенадцати?",
    ],
)
def test_questions_of_other_scripts_are_found_in_disguise(question: str) -> None:
    benchmark = Benchmark([question], ngram=13)
    for copy in (question, question.upper(), "\u200b".join(question), "\n".join(textwrap.wrap(question, width=9))):
        assert benchmark.overlap(f"Some text before. {copy} And some after.")
    assert benchmark.overlap(question[: len(question) // 2]) is None


HOSTILE = {
    "tags that never end": "<a",
    "tags": "<b>12</b>",
    "brackets that never end": "[a=",
    "links that never end": "](a",
    "stars": "*",
    "white space": " \t",
    "ends of lines": "\n ",
    "quotation": "> > ",
    "numbers of lines": "12: \n",
    "entities": "&amp;",
    "entities of entities": "&amp;amp;amp;lt;",
    "references without end": "&#9",
    "digits": "7",
    "escapes": "\\n\\u0041",
    "backslashes": "\\",
    "commands": "\\textbf",
    "percents": "%20",
    "marks on letters": "\u0301\u0327",
    "joiners": "\u200d",
    "lookalikes": "\u039d\u03bf",
    "one word": "mill",
    "the question's own beginning": "at the mill has ",
    "the formula's own numbers": "123+45-",
    "comments": "<!--",
    "surrogates": "\\ud800",
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_the_time_is_linear_in_the_text_whatever_it_holds(shape: str) -> None:
    benchmark = Benchmark([*questions(20), *formulas(20), "123+45-123+45="], ngram=13)

    def seconds(size: int) -> float:
        text = HOSTILE[shape] * (size // len(HOSTILE[shape]))
        began = time.process_time()
        benchmark.overlap(text)
        return time.process_time() - began

    # Sixteen times the text: 256 times the time if it were quadratic.
    assert min(seconds(80_000) for _ in range(2)) < 64 * max(min(seconds(5_000) for _ in range(5)), 1e-4)
