from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from octo.data.tokenizer import TextTokenizer, train
from octo.errors import InvariantError
from octo.ml.diffusion.completing import text_of
from octo.ml.diffusion.sampler import Completed
from octo.ml.models import new_model
from octo.ml.rl.rollout import Completions, complete, stopped
from octo.ml.rl.sampling import Chunk, sample
from octo.ml.stops import Stops
from octo.settings.midtraining import ModelShape

TEXT = "The answer is 42.\n\nQuestion: what is next? “Ünten” 7"


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return train(["Question: the answer is next.\n\n"] * 4, vocabulary_size=290)


@pytest.fixture(scope="module")
def model(tokenizer: TextTokenizer) -> PreTrainedModel:
    torch.set_num_threads(1)
    shape = ModelShape(hidden_size=32, intermediate_size=64, num_layers=2, num_heads=4, num_key_value_heads=2)
    return new_model(shape, vocabulary_size=tokenizer.vocabulary_size, context=64, seed=1).eval()


@pytest.mark.parametrize("string", ["\n\nQuestion", "Question:", "?", "“Ü", "2.", "is 42.\n", " ", "7", "nten” "])
def test_a_stop_string_is_found_with_the_token_that_completes_it_however_it_is_split(
    tokenizer: TextTokenizer, string: str
) -> None:
    stops, tokens = Stops(tokenizer, ("never there", string)), tokenizer.encode(TEXT)
    length = stops.length(tokens)
    assert length
    assert string in tokenizer.decode(tokens[:length])
    assert string not in tokenizer.decode(tokens[: length - 1])
    assert stops.text(tokens[:length]) == stops.text(tokens) == TEXT[: TEXT.index(string)]


def test_few_tokens_can_complete_a_stop_string_and_only_they_are_decoded(tokenizer: TextTokenizer) -> None:
    stops = Stops(tokenizer, ("Question:",))
    assert {tokenizer.decode([token]) for token in stops.triggers} >= {":"}
    # Bytes that are no character by themselves are the rest.
    assert all(
        "\N{REPLACEMENT CHARACTER}" in tokenizer.decode([token]) or ":" in tokenizer.decode([token])
        for token in stops.triggers
    )
    assert Stops(tokenizer).length(tokenizer.encode(TEXT)) is None
    assert Stops(tokenizer).text(tokenizer.encode(TEXT)) == TEXT


class Counted(list[int]):
    """Tokens that count how many of them were copied."""

    copied = 0

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        if isinstance(place, slice):
            self.copied += len(found)
            return Counted(found)
        return found


def test_looking_for_a_stop_string_takes_as_long_as_a_completion_is(tokenizer: TextTokenizer) -> None:
    stops = Stops(tokenizer, ("::never",))

    def copied(times: int) -> int:
        # Each of them might complete the string.
        tokens = Counted(tokenizer.encode("never there, never: " * times))
        assert stops.length(tokens) is None
        return tokens.copied

    assert stops.reach * 2 < copied(40) < 2.1 * copied(20)
    assert copied(80) < 2.1 * copied(40)
    late = tokenizer.encode("never there, never: " * 80 + "::never more")
    assert tokenizer.decode(late[: stops.length(late)]).endswith("::never")


def completed(
    model: PreTrainedModel, tokenizer: TextTokenizer, stops: Stops | None, *, temperature: float
) -> Completions:
    draws = np.stack([np.random.default_rng(row).random(40) for row in range(8)])
    return complete(
        model, [[40, 41], [50]], group_size=4, max_new_tokens=40, ends=tokenizer.ends, temperature=temperature,
        draws_BT=draws, stops=stops,
    )  # fmt: skip


def test_a_causal_model_stops_where_it_has_written_one_and_writes_the_same_up_to_there(
    model: PreTrainedModel, tokenizer: TextTokenizer
) -> None:
    stops = Stops(tokenizer, ("e", "on", "1"))
    free, ended = (completed(model, tokenizer, each, temperature=1.5) for each in (None, stops))
    cut = stopped(free, stops)
    assert (ended.tokens, ended.finished) == (cut.tokens, cut.finished)
    for ours, theirs in zip(ended.logprobs, cut.logprobs, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
    stopped_rows = [row for row in range(8) if len(ended.tokens[row]) < len(free.tokens[row])]
    assert len(stopped_rows) > 2
    assert all(ended.finished[row] for row in stopped_rows)
    assert [len(each) for each in ended.logprobs] == [len(each) for each in ended.tokens]


def test_a_diffusion_model_s_text_is_read_up_to_one(tokenizer: TextTokenizer) -> None:
    tokens = [*tokenizer.encode("9? 8"), tokenizer.end_id, *tokenizer.encode("7")]
    whole = Completed(
        tokens, order=list(range(len(tokens)))[::-1], steps=list(range(len(tokens))), num_forward_passes=6
    )
    text = text_of(whole, ends=tokenizer.ends, stops=Stops(tokenizer, ("?", "7")))
    assert (tokenizer.decode(text.tokens), text.finished, text.order, text.steps) == ("9?", True, [1, 0], [0, 1])
    # What stands behind the end was never read.
    behind = text_of(whole, ends=tokenizer.ends, stops=Stops(tokenizer, ("7",)))
    assert behind.tokens == tokens[:-1]


def test_a_chunk_s_stop_strings_are_never_forgotten(model: PreTrainedModel, tokenizer: TextTokenizer) -> None:
    chunk = Chunk(
        prompts=((40,),),
        ends=(0,),
        stops=("?",),
        group_size=1,
        max_new_tokens=3,
        temperature=1.0,
        seed=0,
        step=0,
        first=0,
    )
    with pytest.raises(InvariantError, match="which are not looked for here"):
        sample(model, chunk)
    assert sample(model, chunk, Stops(tokenizer, ("?",))).tokens
