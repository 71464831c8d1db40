import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data.problems import problem, solution
from octo.data.tokenizer import END_OF_TEXT, PADDING, encode, load, train, training_sample
from octo.errors import InputError

TEXTS = ["The carry is one.", "f(x) = x + 1", "Gruß an alle", "answer 132\nanswer 46"] * 20
TOKENIZER = train(TEXTS, vocabulary_size=300)


@given(st.text())
def test_every_text_comes_back_from_its_tokens(text: str) -> None:
    (tokens,) = encode(TOKENIZER, [text])
    assert tokens[-1] == 0
    assert TOKENIZER.decode(tokens[:-1].tolist(), skip_special_tokens=False) == text


def test_the_special_tokens_are_the_first_and_merges_fill_the_vocabulary() -> None:
    assert [TOKENIZER.token_to_id(token) for token in (END_OF_TEXT, PADDING)] == [0, 1]
    assert 258 < TOKENIZER.get_vocab_size() <= 300


def test_each_digit_is_a_token_of_its_own() -> None:
    (tokens,) = encode(TOKENIZER, ["132"])
    assert len(tokens) == 4


def test_a_special_token_spelt_out_in_a_text_is_ordinary_text() -> None:
    (tokens,) = encode(TOKENIZER, [f"a {END_OF_TEXT} b"])
    assert 0 not in tokens[:-1]


@pytest.mark.parametrize("style", ["noisy", "short", "long"])
def test_a_questions_tokens_are_the_same_alone_and_before_its_solution(style: str) -> None:
    given_problem = problem(47, 85)
    tokenizer = train([given_problem.question + solution(given_problem, style)] * 50, vocabulary_size=300)
    alone, whole = encode(tokenizer, [given_problem.question, given_problem.question + solution(given_problem, style)])
    assert whole[: len(alone) - 1].tolist() == alone[:-1].tolist()


def test_training_again_on_the_same_texts_in_another_order_gives_the_same_tokenizer() -> None:
    assert train(reversed(TEXTS), vocabulary_size=300).to_str() == TOKENIZER.to_str()


def test_the_training_sample_does_not_depend_on_the_order_of_the_documents() -> None:
    ids = [str(number) for number in range(100)]
    sample = [ids[position] for position in training_sample(ids, count=10, seed=0)]
    backwards = ids[::-1]
    assert [backwards[position] for position in training_sample(backwards, count=10, seed=0)] == sample


def test_a_stored_tokenizer_is_loaded_and_one_without_our_tokens_is_refused() -> None:
    body = TOKENIZER.to_str().encode()
    assert load(body, name="x").get_vocab_size() == TOKENIZER.get_vocab_size()
    with pytest.raises(InputError, match=r"the tokenizer of x has no <\|pad\|>"):
        load(body.replace(b"<|pad|>", b"<|gap|>"), name="x")
    with pytest.raises(InputError, match=r"tokenizer\.json of x is none that the tokenizers library reads"):
        load(b"{}", name="x")
