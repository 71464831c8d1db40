"""What is known of the models and the data of a pipeline's stages before any of them has run.

A new model's shape is in the settings, with the vocabulary of the stage that its tokens come from; a committed one has
a config.json in the store; for a model from elsewhere its stage may state the shape, and a folder or a prefix of the
store's service has a config.json too.
"""

import json
from collections.abc import Mapping
from dataclasses import replace

from octo.errors import InputError, OctoError
from octo.pipelines.dag import Stage
from octo.render.fitting import PROMPT_TOKENS, Known, new_shape
from octo.settings.base import JobSettings
from octo.settings.decoding import DecodingSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.ingestion import IngestionSettings, SourceAddress, parse_source
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings, local_path, source_kind
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.settings.tuning import TuningSettings
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.store import Store
from octo.trainings import models_of
from octo.transformer_shape import shape_of

CONFIG = "config.json"
WITH_MODELS = (MidtrainingSettings, TuningSettings, RlSettings, EvaluationSettings, DecodingSettings)
"""Of the jobs that hold a model in memory."""
FUNCTION_PROMPT = 128
"""Bytes of a generated function's beginning, at most."""


class Knowledge:
    """Collected stage by stage, in a pipeline's order."""

    def __init__(self, store: Store) -> None:
        """Nothing yet. Artifacts that settings name are looked up in the store, or elsewhere in its service."""
        self._store = store
        self._models: dict[str, Known] = {}
        self._reasons: dict[str, str] = {}
        """Why nothing is known of what a stage makes."""
        self._prompts: dict[str, int] = {}
        self._lengths: dict[str, int] = {}
        self._vocabularies: dict[str, int] = {}

    def learn(self, stage: Stage, committed: Artifact | None) -> tuple[Known | None, str]:
        """What is known of the model that the stage works with, or why nothing is; what it makes is remembered."""
        self._remember_tokens(stage)
        self._remember_prompts(stage)
        try:
            known, why = self._worked_with(stage)
        except OctoError as error:
            known, why = None, str(error)
        try:
            made = self._made(stage, known, committed)
        except (OctoError, OSError, ValueError) as error:  # the last two of a folder that holds no model
            self._reasons[stage.name] = str(error)
            made = None
        if made is not None:
            self._models[stage.name] = made
            self._vocabularies[stage.name] = made.shape.vocabulary_size
        return known, why

    def _remember_tokens(self, stage: Stage) -> None:
        settings = stage.settings
        if isinstance(settings, TokenizationSettings):
            self._lengths[stage.name] = settings.sequence_length
            tokenizers = [self._vocabularies.get(name, 0) for name in stage.inputs.get("tokenizer", ())]
            self._vocabularies[stage.name] = max(tokenizers, default=settings.vocabulary_size)

    def _remember_prompts(self, stage: Stage) -> None:
        if isinstance(stage.settings, IngestionSettings):
            prompts = [_longest_prompt(parse_source(source)) for source in stage.settings.sources]
            self._prompts[stage.name] = max(prompts, default=PROMPT_TOKENS)

    def _worked_with(self, stage: Stage) -> tuple[Known | None, str]:
        settings = stage.settings
        if not isinstance(settings, WITH_MODELS):
            return None, ""
        length = self._length(stage)
        asked = [name for field in ("problems", "prompts") for name in stage.inputs.get(field, ())]
        prompt = max((self._prompts.get(name, PROMPT_TOKENS) for name in asked), default=PROMPT_TOKENS)
        before = [self._models.get(name) for field in ("model", "models") for name in stage.inputs.get(field, ())]
        found = [each for each in before if each is not None]
        if before and not found:
            name = (stage.inputs.get("model") or stage.inputs["models"])[0]
            reason = self._reasons.get(name, "")
            return None, f"the model of {name} is not known" + (f": {reason}" if reason else "")
        if not found:
            found = [self._committed(address) for address in _addresses(settings)]
        if found:
            largest = max(found, key=lambda each: each.shape.num_parameters)
            becomes = isinstance(settings, MidtrainingSettings) and settings.objective == "diffusion"
            return replace(largest, length=length, is_diffusion=largest.is_diffusion or becomes, prompt=prompt), ""
        if isinstance(settings, MidtrainingSettings):
            return self._new(stage, settings, length)
        return None, "it names no model"

    def _new(self, stage: Stage, settings: MidtrainingSettings, length: int) -> tuple[Known | None, str]:
        vocabularies = [self._vocabularies.get(name, 0) for name in stage.inputs.get("tokens", ())]
        vocabulary = max(vocabularies, default=0)
        if not vocabulary:
            return None, "the vocabulary of its tokens is not known"
        return Known(
            new_shape(settings.shape, vocabulary_size=vocabulary), length, settings.objective == "diffusion"
        ), ""

    def _made(self, stage: Stage, known: Known | None, committed: Artifact | None) -> Known | None:
        if committed is not None and committed.parts(CONFIG):
            return _known_of(json.loads(committed.read(committed.parts(CONFIG)[0])))
        if stage.shape is not None:
            return Known(stage.shape)
        if isinstance(stage.settings, PretrainedSettings):
            return self._elsewhere(stage.settings.source)
        return known

    def _elsewhere(self, source: str) -> Known:
        """By the config.json of a folder, or of a prefix of the store's service; InputError where it is not at hand."""
        kind = source_kind(source)
        if kind == "s3":
            return _known_of(self._store.at(source).get_json(CONFIG))
        if kind == "folder":
            return _known_of(json.loads((local_path(source) / CONFIG).read_bytes()))
        raise InputError(f"{source} has no {CONFIG} that can be read from here")

    def _committed(self, address: str) -> Known:
        return _known_of(json.loads(models_of(open_artifact(self._store, address))[0].read_one(CONFIG)))

    def _length(self, stage: Stage) -> int:
        if names := stage.inputs.get("tokens", ()):
            return max(self._lengths.get(name, 0) for name in names)
        tokens = getattr(stage.settings, "tokens", ())
        found = [
            open_artifact(self._store, address).manifest.settings.get("sequence_length", 0)
            for address in ((tokens,) if isinstance(tokens, str) else tokens)
            if address
        ]
        return max((each for each in found if isinstance(each, int)), default=0)


def _longest_prompt(source: SourceAddress) -> int:
    """Tokens of a source's questions, at most: of generated ones their bytes, for no tokenizer makes more of them."""
    if source.kind == "arithmetic":
        # Two numbers, a plus, and what asks for the sum.
        return 2 * int(source.options.get("digits", 2)) + 2
    return FUNCTION_PROMPT if source.kind == "functions" else PROMPT_TOKENS


def _known_of(config: Mapping[str, object]) -> Known:
    return Known(shape_of(config), is_diffusion="mask_token_id" in config)


def _addresses(settings: JobSettings) -> list[str]:
    given = [getattr(settings, name) for name in ("model", "models") if name in type(settings).model_fields]
    return [address for each in given for address in ((each,) if isinstance(each, str) else each) if address]
