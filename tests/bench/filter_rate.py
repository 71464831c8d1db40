"""Documents per CPU second through the rules of Gopher, C4 and FineWeb, beside datatrove's, and whether both agree.

The documents are docstrings of installed packages, and versions of them that are cut, joined, repeated, or made lists
of. datatrove is measured where OCTO_BENCH_DATATROVE is the interpreter of an environment that has it (see near_dedup);
else octo alone. Its verdicts are compared rule by rule where words are the same: what white space separates.
OCTO_BENCH_DOCUMENTS says how many documents, 2,000 by default; with OCTO_BENCH_DIFFERENCES, differences are printed.
"""

import json
import os
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from octo.data.c4 import c4
from octo.data.documents import Document, new_document
from octo.data.fineweb import fineweb
from octo.data.gopher import gopher
from octo.data.python_docs import read_package
from octo.data.runs_of_words import REPEATED_SIZES, TOP_SIZES
from octo.data.screening import screening
from octo.data.texts import Texts
from octo.settings.curation import CurationSettings
from octo.settings.rules import C4Settings, FinewebSettings, GopherSettings

PACKAGES = ("numpy", "stdlib")
WARM_UP = 50
RULES = ("gopher", "c4", "fineweb")
NO_QUALITY = GopherSettings(
    min_words=0,
    max_words=10**9,
    min_mean_word=0,
    max_mean_word=10**9,
    max_hashes=10**9,
    max_ellipses=10**9,
    max_bullet_lines=1,
    max_ellipsis_lines=1,
    min_alphabetic_words=0,
    min_stop_words=0,
)
NO_REPETITION = GopherSettings(
    **dict.fromkeys((f"max_top_{size}_grams" for size in TOP_SIZES), 1),
    **dict.fromkeys((f"max_repeated_{size}_grams" for size in REPEATED_SIZES), 1),
    **dict.fromkeys(
        (f"max_repeated_{name}" for name in ("lines", "paragraphs", "line_characters", "paragraph_characters")), 1
    ),
)
NAMES = {
    "gopher_short_doc": "gopher_too_short",
    "gopher_long_doc": "gopher_too_long",
    "gopher_below_avg_threshold": "gopher_short_words",
    "gopher_above_avg_threshold": "gopher_long_words",
    "gopher_too_many_hashes": "gopher_many_hashes",
    "gopher_too_many_ellipsis": "gopher_many_ellipses",
    "gopher_too_many_bullets": "gopher_many_bullets",
    "gopher_too_many_end_ellipsis": "gopher_cut_lines",
    "gopher_below_alpha_threshold": "gopher_low_alphabetic",
    "gopher_enough_stop_words": "gopher_few_stop_words",
    "dup_para_frac": "gopher_repeated_paragraphs",
    "dup_para_char_frac": "gopher_repeated_paragraph_characters",
    "dup_line_frac": "gopher_repeated_lines",
    "dup_line_char_frac": "gopher_repeated_line_characters",
    **{f"top_{size}_gram": f"gopher_top_{size}_grams" for size in TOP_SIZES},
    **{f"duplicated_{size}_n_grams": f"gopher_repeated_{size}_grams" for size in REPEATED_SIZES},
    "lorem_ipsum": "c4_placeholder",
    "curly_bracket": "c4_braces",
    "too_few_sentences": "c4_few_sentences",
    "empty": "fineweb_empty",
    "line_punct_ratio": "fineweb_few_ended_lines",
    "short_line_ratio": "fineweb_short_lines",
    "char_dup_ratio": "fineweb_repeated_lines",
    "list_ratio": "fineweb_list",
}
"""What octo calls datatrove's reasons."""


def measure() -> dict[str, float]:
    """Rates, and the share of documents of which both say the same, for each of datatrove's filters."""
    texts = list(_texts(int(os.environ.get("OCTO_BENCH_DOCUMENTS", "2000"))))
    documents = [new_document(text, source="web", url=str(number)) for number, text in enumerate(texts)]
    screen = screening(CurationSettings(rules=RULES))
    list(screen.screened(documents[:WARM_UP]))
    began = time.process_time()
    left = sum(reason is None for _, reason in screen.screened(documents))
    seconds = time.process_time() - began
    figures = {
        "documents": float(len(texts)),
        "left": float(left),
        "documents_per_cpu_s": len(texts) / seconds,
        "megabytes_per_cpu_s": sum(len(text) for text in texts) / 1e6 / seconds,
    }
    if interpreter := os.environ.get("OCTO_BENCH_DATATROVE", ""):
        theirs = _datatrove(interpreter, texts)
        figures["datatrove_documents_per_cpu_s"] = len(texts) / theirs["seconds"]
        figures["datatrove_left"] = theirs["left"]
        figures["ratio_to_datatrove"] = theirs["seconds"] / seconds
        for name, ours in _verdicts(texts).items():
            figures[f"agreement_{name}"] = _agreement(name, texts, ours, theirs["verdicts"][name])
    return figures


def _texts(count: int) -> Iterator[str]:
    prose = [
        record.text for name in PACKAGES for record in read_package(name, label=name) if isinstance(record, Document)
    ]
    draw = random.Random(0)
    for number in range(count):
        text, other = draw.choice(prose), draw.choice(prose)
        words, lines = text.split(), text.splitlines()
        match number % 6:
            case 0 | 1:
                yield text
            case 2:
                yield f"{text}\n\n{other}\n\n{draw.choice(prose)}"
            case 3:
                yield "\n".join(draw.choices(lines, k=2 * len(lines)) if lines else [text])
            case 4:
                yield " ".join(words[: draw.randrange(10, 200)] * draw.randrange(1, 4))
            case _:
                yield "\n".join(
                    f"{draw.choice(['- ', '', '• '])}{line}{draw.choice(['', '...', '.'])}" for line in lines
                )


def _verdicts(texts: Sequence[str]) -> dict[str, list[str | None]]:
    """What octo says of each text alone, by datatrove's filters."""
    return {
        "GopherQualityFilter": gopher(Texts(texts), NO_REPETITION),
        "GopherRepetitionFilter": gopher(Texts(texts), NO_QUALITY),
        "C4QualityFilter": [c4(text, C4Settings()).reason for text in texts],
        "FineWebQualityFilter": fineweb(Texts(texts), FinewebSettings()),
    }


def _agreement(name: str, texts: Sequence[str], ours: Sequence[str | None], theirs: Sequence[str | None]) -> float:
    same = [one == (other and NAMES[other]) for one, other in zip(ours, theirs, strict=True)]
    if os.environ.get("OCTO_BENCH_DIFFERENCES"):
        different = [at for at, is_same in enumerate(same) if not is_same]
        print(name, Counter((ours[at], theirs[at]) for at in different).most_common())
        for at in different[:10]:
            print("   ", ours[at], theirs[at], repr(texts[at][:300]))
    return sum(same) / len(same)


def _datatrove(interpreter: str, texts: Sequence[str]) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus.jsonl"
        corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        script = Path(__file__).with_name("_datatrove_filters.py")
        ended = subprocess.run([interpreter, str(script), str(corpus)], check=False, capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(ended.stderr[-2000:])
    found: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return found
