"""OctoThinker's ablations: the preset 3b with other trainings. Templates and length schedules are not among them.

Where there is no stable stage, every branch begins with Llama-3.2-3B: 20 billion tokens, cosine from 3e-5 to 3e-6
without a warm-up. Reinforcement learning and evaluation are the preset's.
"""

from collections.abc import Mapping
from dataclasses import replace

from octo.pipelines.octothinker_papers import (
    B3,
    DCLM,
    FINEMATH,
    INSTRUCTION,
    OPENMATH,
    OPENR1,
    SHORT_QA,
    WEB_PRO,
    WEB_PRO_MAX,
    training,
)
from octo.pipelines.octothinker_preset import STABLE, Preset
from octo.settings.midtraining import MidtrainingSettings

_STABLE = B3.training[STABLE]
_NEED = _STABLE.need


def _of_mixtures(mixtures: Mapping[str, Mapping[str, float]]) -> Preset:
    """One training of the base model for each mixture."""
    return replace(
        B3,
        training={
            name: training(mixture, billion_tokens=20, peak=3e-5, need=_NEED) for name, mixture in mixtures.items()
        },
    )


WEB_QUALITY = _of_mixtures({"finemath": {FINEMATH: 1}, "web-pro": {WEB_PRO: 1}, "web-pro-max": {WEB_PRO_MAX: 1}})
"""Which web pages (S3)."""
QA = _of_mixtures({"web": {WEB_PRO: 1}, "short": {WEB_PRO: 0.9, SHORT_QA: 0.1}, "long": {WEB_PRO: 0.9, OPENR1: 0.1}})
"""Questions with short or with long answers beside the web (S4)."""
INSTRUCTIONS = _of_mixtures(
    {
        "short": {WEB_PRO: 0.89, SHORT_QA: 0.10, INSTRUCTION: 0.01},
        "long": {WEB_PRO: 0.89, OPENR1: 0.10, INSTRUCTION: 0.01},
    }
)
"""A little instruction data beside them (S5)."""


_WHOLE = training({WEB_PRO_MAX: 1}, billion_tokens=100, peak=3e-5, need=_NEED).model_copy(
    update={"keep_steps": (5_000, 17_500)}
)


def _until(steps: int) -> MidtrainingSettings:
    return _WHOLE.ending_at(steps, num_steps=_WHOLE.num_steps)


BUDGET = replace(B3, training={"20b": _until(5_000), "70b": _until(17_500), "100b": _WHOLE})
"""Budgets (S8): one run of 100 billion tokens, of which the points after 20 and 70 billion are kept."""

_PILOT_SHARES = (10, 20, 30, 40)
_PILOTS: Mapping[str, Mapping[str, float]] = {
    **{
        f"{source}-{share}": {source: share / 100} for source in (SHORT_QA, OPENR1, OPENMATH) for share in _PILOT_SHARES
    },
    **{
        f"mix-{long}-{short}": {
            OPENR1: round(0.30 * long / (long + short), 4),
            OPENMATH: round(0.30 * short / (long + short), 4),
        }
        for long, short in ((1, 2), (1, 1), (2, 1))
    },
}
PILOTS = replace(
    B3,
    training={
        STABLE: _STABLE.ending_at(32_500, num_steps=_STABLE.num_steps),
        **{
            name: training(
                {**qa, WEB_PRO: round(0.85 - sum(qa.values()), 4), DCLM: 0.05, INSTRUCTION: 0.10},
                billion_tokens=10,
                peak=2e-5,
                need=_NEED,
                continue_optimizer=True,
            )
            for name, qa in _PILOTS.items()
        },
    },
)
"""Decays of 10 billion tokens from 130 billion of the stable stage (S10): which questions, and how many. Where the
preset 3b has come so far in the same store, with --set stable.keep_steps=32500, its stable stage is found there."""

ABLATIONS: Mapping[str, Preset] = {
    "3b-web": WEB_QUALITY,
    "3b-qa": QA,
    "3b-instruction": INSTRUCTIONS,
    "3b-budget": BUDGET,
    "3b-pilots": PILOTS,
}
