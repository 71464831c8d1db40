"""What a preset of the octothinker pipeline says: the settings of every stage."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from octo.settings.curation import CurationSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.transformer_shape import TransformerShape

STABLE = "stable"


@dataclass(frozen=True)
class Preset:
    """The settings of every stage at one size."""

    problems: IngestionSettings
    ingestion: IngestionSettings
    curation: CurationSettings
    tokenization: TokenizationSettings
    """Of the whole corpus, once for all mixtures."""
    control: MidtrainingSettings | PretrainedSettings
    """The model before mid-training: trained on the spot, or taken from elsewhere with its tokenizer."""
    training: Mapping[str, MidtrainingSettings]
    """By model: stable, if there is such a stage, and each branch, which differ in what they are trained on."""
    rl: RlSettings
    evaluation: EvaluationSettings
    rl_of: Mapping[str, RlSettings] = field(default_factory=dict)
    """By branch, where a policy is trained otherwise than the others."""
    shape: TransformerShape | None = None
    """Of a control from elsewhere, for plans."""

    @property
    def branches(self) -> tuple[str, ...]:
        """What decays from the stable stage, or from the control where there is none."""
        return tuple(name for name in self.training if name != STABLE)
