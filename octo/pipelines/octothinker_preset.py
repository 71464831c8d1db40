"""What a preset of the octothinker pipeline says: the settings of every stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from octo.settings.classification import ClassificationSettings
from octo.settings.curation import CurationSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.grading import GradingSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.refinement import RefinementSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.transformer_shape import TransformerShape

BASE, STABLE = "base", "stable"


@dataclass(frozen=True)
class Refining:
    """What comes between documents as they are ingested and their curation, where a language model has a say (S2)."""

    sifting: CurationSettings
    """What is left out before anybody is asked."""
    grading: GradingSettings
    classification: ClassificationSettings
    refinement: RefinementSettings


@dataclass(frozen=True)
class Preset:
    """The settings of every stage at one size."""

    problems: IngestionSettings
    ingestion: IngestionSettings
    curation: CurationSettings
    tokenization: TokenizationSettings
    """Of the whole corpus, once for all mixtures."""
    base: MidtrainingSettings | PretrainedSettings
    """The model before mid-training: trained on the spot, or taken from elsewhere with its tokenizer."""
    training: Mapping[str, MidtrainingSettings]
    """By model: stable, if there is such a stage, and each branch, which differ in what they are trained on."""
    rl: RlSettings
    evaluation: EvaluationSettings
    control: str = BASE
    """What the branches are compared with: the base as it is, or a branch that is trained as long on other data."""
    decided_by: Literal["greedy", "sampled"] = "greedy"
    """What the answer rests on."""
    rl_of: Mapping[str, RlSettings] = field(default_factory=dict)
    """By branch, where a policy is trained otherwise than the others."""
    shape: TransformerShape | None = None
    """Of a base from elsewhere, for plans."""
    refining: Refining | None = None
    """How documents are graded and rewritten before they are curated; None curates them as they are."""

    @property
    def branches(self) -> tuple[str, ...]:
        """What decays from the stable stage, or from the base where there is none; the control too where it does."""
        return tuple(name for name in self.training if name != STABLE)
