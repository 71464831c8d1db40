"""What a preset of the diffucoder pipeline says: the settings of every stage."""

from collections.abc import Mapping
from dataclasses import dataclass

from octo.settings.curation import CurationSettings
from octo.settings.decoding import DecodingSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.settings.tuning import TuningSettings
from octo.transformer_shape import TransformerShape


@dataclass(frozen=True)
class Preset:
    """The settings of every stage at one size."""

    problems: IngestionSettings
    ingestion: IngestionSettings
    curation: CurationSettings
    tokenization: TokenizationSettings
    """Of the whole corpus, once for all mixtures."""
    base: MidtrainingSettings | PretrainedSettings
    """The causal model: trained on the spot, or taken from elsewhere with its tokenizer."""
    training: Mapping[str, MidtrainingSettings]
    """By name, each of which goes on from the one before."""
    tuning: TuningSettings
    rl: RlSettings
    evaluation: EvaluationSettings
    studies: Mapping[str, EvaluationSettings]
    """Other ways to decode, by name: what becomes of the same models."""
    decoding: DecodingSettings
    decoupled: bool = False
    """Whether the policy is trained once more, by decoupled masks, and compared on equal terms."""
    shape: TransformerShape | None = None
    """Of a base from elsewhere, for plans."""
