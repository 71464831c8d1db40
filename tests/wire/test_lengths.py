"""Every job that gives texts to a model says before its first step which of them the model cannot have."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from octo.data.documents import Document, new_document, to_parquet
from octo.data.tokenizer import TextTokenizer, train
from octo.errors import UsageError
from octo.job import produce
from octo.ml.lengths import check_room
from octo.ml.models import new_model, use_threads
from octo.randomness import permutation
from octo.settings import JOBS
from octo.settings.midtraining import MidtrainingSettings, ModelShape
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit, commit_model
from tests.token_shards import commit_tokens

FUNCTIONS = {
    "rl": "octo.ml.rl.training:reinforce",
    "tuning": "octo.ml.tuning:tune",
    "evaluation": "octo.ml.evaluation.accuracy:evaluate",
    "decoding": "octo.ml.decoding:decode",
}
MIDTRAIN = "octo.ml.midtraining:midtrain"
SHAPE = ModelShape(hidden_size=16, intermediate_size=16, num_layers=1, num_heads=2, num_key_value_heads=2)
POSITIONS = 24
SHORT, LONG = ["1+1=", "2+2="], "1+" * 40 + "1="
FEW = {"batch_size": 2, "micro_batch_size": 2}
ONCE = {"num_steps": 1, "prompts_per_step": 2, "group_size": 2, "micro_batch_size": 4}

Make = Callable[..., object]


@pytest.fixture
def words() -> TextTokenizer:
    use_threads(1)
    return train(["0123456789+="] * 4, vocabulary_size=258)


@pytest.fixture
def make(store: Store, embedded: EmbeddedStore, words: TextTokenizer) -> Make:
    """Run a job with a model whose positions are angles, or learned, on the questions that are given."""
    turning = new_model(SHAPE, vocabulary_size=words.vocabulary_size, context=POSITIONS, seed=1)
    shape = {"n_embd": 16, "n_layer": 1, "n_head": 2, "eos_token_id": words.end_id, "bos_token_id": words.end_id}
    learned = GPT2LMHeadModel(GPT2Config(vocab_size=words.vocabulary_size, n_positions=POSITIONS, **shape))
    models = {name: commit_model(store, each, words) for name, each in {"": turning, "learned": learned}.items()}

    def run(job: str, questions: list[str], *, positions: str = "", length: int = 4, **more: Any) -> object:
        rows = [question_of(each) for each in questions]
        asked = commit(store, [{"documents.parquet": to_parquet(rows, Document)}]).address
        model = models[positions].address
        given: Mapping[str, Mapping[str, Any]] = {
            "rl": {"model": model, "problems": asked},
            "tuning": {"model": model, "examples": asked},
            "evaluation": {"models": (model,), "problems": asked, "num_samples": 1, "k": (1,)},
            "decoding": {"model": model, "prompts": asked},
        }
        settings = JOBS[job](
            store=store.address,
            s3=embedded.s3,
            probe=False,
            source="asked",
            max_new_tokens=length,
            **given[job],
            **more,
        )
        return produce(settings, FUNCTIONS[job])

    return run


def question_of(asked: str) -> Document:
    return new_document(f"{asked} 5", source="asked", url=asked, metadata={"question": asked, "answer": "5"})


@pytest.mark.parametrize(
    ("job", "more"),
    [("rl", ONCE | {"prompts_per_step": 3, "micro_batch_size": 6}), ("tuning", FEW), ("evaluation", {})],
)
def test_a_question_that_no_model_of_these_positions_can_read(make: Make, job: str, more: Mapping[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"question \d of 3 has \d\d tokens, and the model has 24 positions"):
        make(job, [*SHORT, LONG], **more)
    make(job, SHORT, **more)


@pytest.mark.parametrize(("job", "more"), [("rl", ONCE), ("tuning", FEW | {"max_question_tokens": 30})])
def test_positions_that_are_learned_hold_what_is_written_too(make: Make, job: str, more: Mapping[str, Any]) -> None:
    long = "1" * 23
    asked = [long + "=", long + "2="]
    with pytest.raises(UsageError, match=r"question 1 of 2 has 2\d tokens and \d+ to be written, .* 24 positions"):
        make(job, asked, positions="learned", length=20, **more)


def test_decoding_names_the_prompt(make: Make) -> None:
    with pytest.raises(UsageError, match=r"prompt \d of 3 has \d\d tokens, and the model has 24 positions: shorten"):
        make("decoding", [*SHORT, LONG])


def test_a_question_that_is_never_asked_is_refused_by_nobody(make: Make) -> None:
    ids = [question_of(asked).id for asked in (*SHORT, LONG)]
    last = {permutation(ids, seed, "prompts", 0)[-1]: seed for seed in range(20)}
    make("rl", [*SHORT, LONG], **ONCE, seed=last[2])
    with pytest.raises(UsageError, match=r"question . of 2"):
        make("rl", [*SHORT, LONG], **ONCE, seed=last[0])


def test_sequences_longer_than_a_models_positions(store: Store, embedded: EmbeddedStore, tmp_path: Path) -> None:
    tokens = {length: commit_tokens(store, tmp_path / str(length), {"web": [4]}, length=length) for length in (16, 32)}
    settings = MidtrainingSettings(store=store.address, s3=embedded.s3, probe=False, shape=SHAPE, num_steps=1, **FEW)

    def train_on(length: int, **model: str) -> Artifact:
        made = produce(settings.model_copy(update={"tokens": (tokens[length].address,), **model}), MIDTRAIN)
        assert isinstance(made, Artifact)
        return made

    short = train_on(16)
    with pytest.raises(UsageError, match=r"have 32 tokens, and the model has 16 positions: .*--sequence-length 16"):
        train_on(32, model=short.address)
    train_on(16, model=train_on(32).address)


def test_what_vllm_is_given_fits_with_its_completions() -> None:
    check_room(64, [60, 2], 4)
    with pytest.raises(UsageError, match=r"prompt 1 of 2 has 61 tokens and 4 to be written, .* 64 positions: shorten"):
        check_room(64, [61, 2], 4)
    with pytest.raises(UsageError, match="got a length of 0"):
        check_room(64, [61], 0)
