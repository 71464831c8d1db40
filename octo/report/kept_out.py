"""Whether the problems that models are judged by were kept out of what they learned from, or nobody looked for them."""

import json
from collections.abc import Iterable, Mapping, Sequence

from octo.data.benchmarks import STATEMENT, Statement
from octo.report.results import KeptOut
from octo.report.text import visible
from octo.settings.curation import CurationSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.settings.tuning import TuningSettings
from octo.storage.artifacts import Artifact

SEARCHED = (CurationSettings.job, TuningSettings.job, RlSettings.job)
"""Jobs that look for problems in what is learned from."""
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
                )
            )
        said += [KeptOut(stage=stage, sentence=visible(sentence)) for sentence in _uncurated(artifact).values()]
    return tuple(said)


def coverage_of(evaluations: Iterable[Artifact], lineage: Mapping[str, Artifact]) -> tuple[str, ...]:
    """For each kind of problems that models were asked, where these were looked for and where they were not.

    Args:
        evaluations: of the report.
        lineage: every artifact that they rest on, by its key.
    """
    found: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for evaluation in evaluations:
        problems = _keys(evaluation, "problems")[:1]
        source = str(evaluation.manifest.settings.get("source", "evaluation"))
        behind = [lineage[key] for key in _ancestors(_keys(evaluation, "models"), lineage)]
        unsearched = sorted({each.manifest.stage for each in behind if _lacks(each, problems, source)})
        elsewhere = sorted({each.manifest.stage for each in behind if each.manifest.job == PretrainedSettings.job})
        asked = (source, problems[0] if problems else "?", tuple(unsearched), tuple(elsewhere))
        found.setdefault(asked, []).append(evaluation.manifest.stage)
    return tuple(visible(_sentence(*asked, stages)) for asked, stages in found.items())


def _sentence(
    source: str, problems: str, unsearched: Sequence[str], elsewhere: Sequence[str], stages: Sequence[str]
) -> str:
    asked = f"The problems that {', '.join(stages)} asks ({source} of {problems})"
    if unsearched:
        said = (
            f"{asked} were not looked for in what {', '.join(unsearched)} learned from or kept: the figures may be of "
            "problems that were learned by heart."
        )
    else:
        said = f"{asked} were looked for in all that the models learned from here."
    if elsewhere:
        said += f" What {', '.join(elsewhere)} learned from elsewhere, nobody has looked into."
    return said


def _lacks(artifact: Artifact, problems: Sequence[str], source: str) -> bool:
    """Whether models learned from what nobody has searched for these problems."""
    if artifact.manifest.job in SEARCHED:
        statement = _statement(artifact)
        return not (set(problems) <= set(statement.benchmarks) and source in statement.looked_for)
    return bool(_uncurated(artifact))


def _statement(artifact: Artifact) -> Statement:
    if not artifact.parts(STATEMENT):
        return Statement(sentence=_NOTHING_SAID)
    # Trainings alike but for their seeds have looked for the same.
    return Statement.model_validate_json(artifact.read(artifact.parts(STATEMENT)[0]))


def _uncurated(artifact: Artifact) -> Mapping[str, str]:
    """Of tokens, what they say of corpora that no curation made."""
    if artifact.manifest.job != TokenizationSettings.job:
        return {}
    if not artifact.parts(STATEMENT):
        return {artifact.address: _NOTHING_SAID}
    said: dict[str, str] = json.loads(artifact.read_one(STATEMENT))
    return {key: sentence for key, sentence in said.items() if not key.startswith(f"{CurationSettings.job}/")}


def _ancestors(keys: Iterable[str], lineage: Mapping[str, Artifact]) -> list[str]:
    """These and all that they were made from, each once."""
    found: dict[str, None] = {}
    left = list(keys)
    while left:
        key = left.pop()
        if key not in found and key in lineage:
            found[key] = None
            # Problems and benchmarks are what is looked for, and are not learned from by whoever looks.
            left += [each for field in lineage[key].manifest.inputs for each in _keys(lineage[key], field)]
    return list(found)


def _keys(artifact: Artifact, field: str) -> list[str]:
    return ["/".join(each.address.split("/")[-2:]) for each in artifact.manifest.inputs.get(field, ())]
