"""Whether the problems that models are judged by were kept out of what they learned from, or nobody looked for them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from octo.data.benchmarks import STATEMENT, Statement
from octo.data.canaries import Canary
from octo.lineage import key_of
from octo.report.results import Contamination, KeptOut, PlantedCopies
from octo.report.text import visible
from octo.settings.curation import CurationSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.settings.tuning import TuningSettings
from octo.storage.artifacts import Artifact

SEARCHED = (CurationSettings.job, TuningSettings.job, RlSettings.job)
"""Jobs that look for problems in what is learned from."""
REMOVED = ("documents.dropped.contaminated", "problems.contaminated")
"""Their counters of what they left out as it holds a problem."""
MOST_LISTED = 20
_NOTHING_SAID = "Nothing says which benchmarks were looked for here: an earlier octo made it."


def kept_out_of(lineage: Iterable[Artifact]) -> tuple[KeptOut, ...]:
    """What each job in the lineage says of the problems that it looked for, in its order."""
    said = []
    for artifact in lineage:
        stage = visible(artifact.manifest.stage)
        if artifact.manifest.job in SEARCHED:
            statement = _statement(artifact)
            listed = tuple(f"{each.question or each.id}: {each.reason}" for each in statement.not_protected)
            said.append(
                KeptOut(
                    stage=stage,
                    sentence=visible(statement.sentence),
                    not_protected=tuple(map(visible, listed[:MOST_LISTED])),
                    num_not_protected=len(listed),
                    planted=tuple(map(_planted, statement.canaries)),
                )
            )
        said += [KeptOut(stage=stage, sentence=visible(sentence)) for sentence in _uncurated(artifact).values()]
    return tuple(said)


def contamination_of(evaluation: Artifact, lineage: Mapping[str, Artifact]) -> Contamination:
    """Of what the models of an evaluation learned from, how much holds a problem of it, and how much was left out."""
    asked, behind = _asked(evaluation, lineage)
    removed = sum(each.manifest.counters.get(name, 0) for each in behind for name in REMOVED)
    is_known = asked.searched or not asked.learned
    if asked.unsearched or asked.unknown or asked.elsewhere or not is_known:
        return Contamination(left=None, removed=removed)
    # Whatever was found was left out.
    return Contamination(left=0, removed=removed)


def coverage_of(evaluations: Iterable[Artifact], lineage: Mapping[str, Artifact]) -> tuple[str, ...]:
    """For each kind of problems that models were asked, where these were looked for and where they were not.

    Args:
        evaluations: of the report.
        lineage: every artifact that they rest on, by its key.
    """
    found: dict[_Coverage, list[str]] = {}
    for evaluation in evaluations:
        asked, _ = _asked(evaluation, lineage)
        found.setdefault(asked, []).append(evaluation.manifest.stage)
    return tuple(visible(_sentence(asked, stages)) for asked, stages in found.items())


class _Coverage(NamedTuple):
    """Where problems were looked for that models were asked."""

    source: str
    problems: str
    unsearched: tuple[str, ...]
    """Stages that learned from what nobody has searched for them."""
    unknown: tuple[str, ...]
    """Keys of what is behind the models and cannot be looked at."""
    elsewhere: tuple[str, ...]
    searched: bool
    """Whether anybody has searched anything."""
    learned: bool
    """Whether the models learned anything here, as far as is known."""
    unprotected: int
    """How many of them cannot be told from a phrase, and so were not looked for."""


def _asked(evaluation: Artifact, lineage: Mapping[str, Artifact]) -> tuple[_Coverage, list[Artifact]]:
    """Where the problems of an evaluation were looked for, and all that is here of what the models were made from."""
    problems = _keys(evaluation, "problems")[:1]
    source = str(evaluation.manifest.settings.get("source", "evaluation"))
    keys = _ancestors(_keys(evaluation, "models"), lineage)
    behind = [lineage[key] for key in keys if key in lineage]
    asked = _Coverage(
        source=source,
        problems=problems[0] if problems else "?",
        unsearched=_sorted(each.manifest.stage for each in behind if _lacks(each, problems, source)),
        unknown=_sorted(key for key in keys if key not in lineage),
        elsewhere=_sorted(each.manifest.stage for each in behind if each.manifest.job == PretrainedSettings.job),
        searched=any(each.manifest.job in SEARCHED for each in behind),
        learned=not behind or any(each.manifest.job == MidtrainingSettings.job for each in behind),
        unprotected=max((_num_unprotected(each, source) for each in behind), default=0),
    )
    return asked, behind


def _planted(canary: Canary) -> PlantedCopies:
    return PlantedCopies(
        kind=visible(canary.kind.replace("_", " ")),
        planted=canary.planted,
        recall=canary.recall,
        precision=canary.precision,
        least_recall=canary.least_recall,
    )


def _sentence(coverage: _Coverage, stages: Sequence[str]) -> str:
    unsearched, elsewhere = coverage.unsearched, coverage.elsewhere
    asked = f"The problems that {', '.join(stages)} asks ({coverage.source} of {coverage.problems})"
    if coverage.unknown:
        said = (
            f"{asked}: nothing says whether they were looked for in {', '.join(coverage.unknown)}, which the models "
            "were made from and which is not here. The figures may be of problems that were learned by heart."
        )
    elif coverage.learned and not (coverage.searched or unsearched):
        said = (
            f"{asked}: nothing says that they were looked for in anything that the models learned from. The figures "
            "may be of problems that were learned by heart."
        )
    elif unsearched:
        said = (
            f"{asked} were not looked for in what {', '.join(unsearched)} learned from or kept: the figures may be of "
            "problems that were learned by heart."
        )
    elif not coverage.searched:
        said = f"{asked} were looked for by nobody here: nothing was learned here."
    else:
        said = f"{asked} were looked for in all that the models learned from here."
    if coverage.unprotected:
        said += f" {coverage.unprotected} of them were not, as they are too short to be told from a phrase."
    if elsewhere:
        said += f" What {', '.join(elsewhere)} learned from elsewhere, nobody has looked into."
    return said


def _lacks(artifact: Artifact, problems: Sequence[str], source: str) -> bool:
    """Whether models learned from what nobody has searched for these problems."""
    if artifact.manifest.job in SEARCHED:
        statement = _statement(artifact)
        return not (problems and set(problems) <= set(statement.benchmarks) and statement.looked_for.get(source))
    return bool(_uncurated(artifact))


def _num_unprotected(artifact: Artifact, source: str) -> int:
    if artifact.manifest.job not in SEARCHED:
        return 0
    return sum(each.source == source for each in _statement(artifact).not_protected)


def _statement(artifact: Artifact) -> Statement:
    if not artifact.parts(STATEMENT):
        return Statement(sentence=_NOTHING_SAID)
    # Trainings alike but for their seeds have looked for the same.
    try:
        return Statement.model_validate_json(artifact.read(artifact.parts(STATEMENT)[0]))
    except ValidationError:
        return Statement(sentence=_NOTHING_SAID)


def _uncurated(artifact: Artifact) -> Mapping[str, str]:
    """Of tokens, what they say of corpora that no curation made."""
    if artifact.manifest.job != TokenizationSettings.job:
        return {}
    if not artifact.parts(STATEMENT):
        return {artifact.address: _NOTHING_SAID}
    said: object = json.loads(artifact.read_one(STATEMENT))
    known = {key: str(sentence) for key, sentence in said.items()} if isinstance(said, dict) else {}
    # Of each corpus something must be said, and of one corpus at least.
    of_each = {key: known.get(key, _NOTHING_SAID) for key in (*known, *_keys(artifact, "corpus"))}
    return {
        key: sentence
        for key, sentence in (of_each or {artifact.address: _NOTHING_SAID}).items()
        if key not in known or not key.startswith(f"{CurationSettings.job}/")
    }


def _ancestors(keys: Iterable[str], lineage: Mapping[str, Artifact]) -> list[str]:
    """These and all that they were made from, each once."""
    found: dict[str, None] = {}
    left = list(keys)
    while left:
        key = left.pop()
        if key not in found:
            found[key] = None
            # Problems and benchmarks are what is looked for, and are not learned from by whoever looks.
            if artifact := lineage.get(key):
                left += [each for field in artifact.manifest.inputs for each in _keys(artifact, field)]
    return list(found)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def _keys(artifact: Artifact, field: str) -> list[str]:
    return [key_of(each.address) for each in artifact.manifest.inputs.get(field, ())]
