"""Verdicts on answers of every kind beside Math-Verify's with its defaults, on the same pairs in the same run.

`python -m tests.bench.answers FILE...` judges the pairs of files of JSON lines instead: `gold`, `completion` (or
`answer`, the content of its box) and `expected`, whose null is left out.
"""

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from math_verify import parse, verify

from octo.data.mathematics import Verifier
from tests.unit.data.answer_table import pairs

Cases = Sequence[tuple[str, str, bool]]


def measure() -> dict[str, float]:
    """How many verdicts are wrong, and how many of those call a wrong answer right."""
    return compared([(gold, rf"Thus $\boxed{{{answer}}}$.", right) for gold, answer, right in pairs()])


def compared(cases: Cases) -> dict[str, float]:
    """Of true answers and completions that are right or not."""
    with Verifier(2) as verifier:
        ours = verifier.verdicts([(gold, completion) for gold, completion, _ in cases])
    theirs = [_math_verify(gold, completion) for gold, completion, _ in cases]
    return {"num_pairs": len(cases), **_wrong("", ours, cases), **_wrong("math_verify_", theirs, cases)}


def _wrong(whose: str, said: Sequence[bool | None], cases: Cases) -> dict[str, float]:
    wrong = [verdict for verdict, (*_, right) in zip(said, cases, strict=True) if verdict is not right]
    return {f"{whose}wrong": len(wrong), f"{whose}false_positives": wrong.count(True)}


def _math_verify(gold: str, completion: str) -> bool | None:
    try:
        return verify(parse(f"${gold}$"), parse(completion))
    except Exception:  # noqa: BLE001 - whatever it raises is no verdict
        return None


def _read(path: Path) -> Cases:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        (row["gold"], row.get("completion", rf"\boxed{{{row.get('answer')}}}"), row["expected"])
        for row in rows
        if row["expected"] is not None
    ]


if __name__ == "__main__":
    for name in ("math_verify", "latex2sympy2_extended"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for file in map(Path, sys.argv[1:]):
        print(file, json.dumps(compared(_read(file))))
