"""Rewards of five attempts on every rank: `python -m octo.ml.gang ... -m tests.unit.ml.rewards_run FOLDER`.

Each rank writes what it was asked to score, and what it knows of all.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import distributed

from octo.data.questions import Question
from octo.ml.rl.rewards import rewards_of
from octo.ml.scoring import Attempt, Score
from octo.processes import rank
from octo.settings.scoring import RewardSettings


def main(folder: Path) -> None:
    distributed.init_process_group("gloo")
    scored: list[str] = []

    def score(attempts: Sequence[Attempt]) -> list[Score]:
        scored.extend(each.text for each in attempts)
        rates = [None if each.text == "1" else float(each.text) for each in attempts]
        return [Score(correct=None, pass_rate=rate) for rate in rates]

    attempts = [Attempt(Question("a", "", ""), str(number), finished=True) for number in range(5)]
    given = rewards_of(attempts, score=score, settings=RewardSettings(kind="mathematics"), device=torch.device("cpu"))
    found = {"scored": scored, "rewards": str(given.rewards_C.tolist()), "figures": dict(given.figures)}
    (folder / f"{rank()}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
