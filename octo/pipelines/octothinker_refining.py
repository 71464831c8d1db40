"""The making of MegaMath-Web-Pro-Max (S2), at the size of the toy: grade a sample, learn to tell, refine what is kept.

Documents are sifted by rules and near matches, a model grades a sample of each year, fastText learns from 3 points up
which documents are worth keeping and keeps them at a probability of 0.4, as the paper chose, the model rewrites these,
and all is curated again, for rewriting makes copies. Where no model is served, the stand-in answers: rules, which the
report says.
"""

from collections.abc import Mapping
from dataclasses import replace

from octo.pipelines.octothinker_preset import Preset, Refining
from octo.settings.classification import ClassificationSettings, FastTextSettings
from octo.settings.endpoint import STAND_IN, EndpointSettings
from octo.settings.grading import GradingSettings
from octo.settings.near import NearSettings
from octo.settings.refinement import RefinementSettings

NAME = "web-pro-max"
_NEAR = NearSettings(threshold=0.75)


def refined(toy: Preset) -> Mapping[str, Preset]:
    """The toy with the papers' way to its documents; what it generates passes as it is."""
    generated = toy.curation.unfiltered
    return {
        NAME: replace(
            toy,
            curation=toy.curation.model_copy(update={"near": _NEAR}),
            refining=Refining(
                sifting=toy.curation.model_copy(update={"near": _NEAR}),
                grading=GradingSettings(
                    untouched=generated,
                    endpoint=EndpointSettings(model=STAND_IN),
                    per_year=1_000,
                    workers=2,
                ),
                classification=ClassificationSettings(
                    untouched=generated,
                    # For a thousand documents: the default would remember each by itself.
                    fasttext=FastTextSettings(
                        dimension=32, learning_rate=0.5, epochs=25, word_ngrams=2, buckets=50_000
                    ),
                    workers=2,
                ),
                refinement=RefinementSettings(
                    untouched=generated,
                    endpoint=EndpointSettings(model=STAND_IN, max_new_tokens=8192),
                    workers=2,
                ),
            ),
        )
    }
