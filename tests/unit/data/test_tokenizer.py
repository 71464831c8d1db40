import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import Unigram
from tokenizers.processors import TemplateProcessing

import octo
from octo.data.problems import problem, solution
from octo.data.tokenizer import TextTokenizer, tokenizer_of, train
from octo.errors import InputError
from octo.settings.special import SpecialTokens

TEXTS = ["The carry is one.", "f(x) = x + 1", "Gruß an alle", "answer 132\nanswer 46"] * 20
TOKENIZER = train(TEXTS, vocabulary_size=300)


@given(st.text())
def test_every_text_comes_back_from_its_tokens(text: str) -> None:
    (tokens,) = TOKENIZER.encode_documents([text])
    assert tokens[-1] == TOKENIZER.end_id
    assert TOKENIZER.decode(tokens.tolist()) == text
    assert tokens[:-1].tolist() == TOKENIZER.encode(text)


def test_the_special_tokens_are_the_first_and_merges_fill_the_vocabulary() -> None:
    assert (TOKENIZER.end_id, TOKENIZER.ends, TOKENIZER.pad_id, TOKENIZER.mask_id) == (0, (0,), 1, None)
    assert 258 < TOKENIZER.vocabulary_size <= 300


def test_each_digit_is_a_token_of_its_own() -> None:
    assert len(TOKENIZER.encode("132")) == 3


def test_a_special_token_spelt_out_in_a_text_is_ordinary_text_unless_it_is_honoured() -> None:
    assert 0 not in TOKENIZER.encode("a <|endoftext|> b")
    assert TOKENIZER.honouring_special_tokens().encode("a <|endoftext|> b").count(0) == 1
    assert 0 not in TOKENIZER.encode("a <|endoftext|> b")


def test_a_mask_that_its_file_does_not_call_special_is_text_where_it_is_spelt() -> None:
    tokenizer = Tokenizer.from_str(TOKENIZER.tokenizer.to_str())
    tokenizer.add_tokens([AddedToken("<|hole|>", special=False)])
    found = tokenizer_of(
        {**TOKENIZER.files, "tokenizer.json": tokenizer.to_str().encode()},
        name="x",
        special=SpecialTokens(mask="<|hole|>"),
    )
    text = "fill <|hole|> and <|endoftext|> in"
    assert found.mask_id is not None
    assert {found.mask_id, found.end_id}.isdisjoint(found.encode(text))
    (document,) = found.encode_documents([text])
    assert document.tolist() == [*found.encode(text), found.end_id]
    assert found.decode(found.encode(text)) == text
    assert found.honouring_special_tokens().encode(text).count(found.mask_id) == 1
    assert found.mask_id not in found.with_mask().encode(text)


def test_a_special_token_that_is_a_piece_of_text_too_is_text_where_it_is_spelt() -> None:
    letters = [(letter, -3.0) for letter in "ab</s>"]
    tokenizer = Tokenizer(Unigram([("<unk>", 0.0), ("</s>", 0.0), *letters], unk_id=0))
    tokenizer.add_special_tokens(["</s>"])
    files = {"tokenizer.json": tokenizer.to_str().encode(), "tokenizer_config.json": b'{"eos_token": "</s>"}'}
    found = tokenizer_of(files, name="x")
    assert found.pieces == ("</s>",)
    assert [found.tokenizer.id_to_token(each) for each in found.encode("a</s></s>b")] == list("a</s></s>b")
    documents = [each.tolist() for each in found.encode_documents(["a</s>b", "b", "", "</s>"])]
    assert [each.count(found.end_id) for each in documents] == [1, 1, 1, 1]
    assert documents[0][:-1] == found.encode("a</s>b")
    assert found.honouring_special_tokens().encode("a</s>b").count(found.end_id) == 1


def test_every_text_is_encoded_by_the_one_encoder() -> None:
    goes_around = re.compile(
        r"tokenizer\.encode|encode_batch|encode_special_tokens|add_special_tokens|apply_chat_template|"
        r"honouring_special_tokens\("
    )
    root = Path(octo.__file__).parent
    found = {
        path.relative_to(root).as_posix(): set(goes_around.findall(path.read_text()))
        for path in root.rglob("*.py")
        if path.name != "tokenizer.py"
    }
    # What a template or a setting says is honoured; and `encode` of a tokenizer here is that of octo.data.tokenizer.
    assert {path: hits for path, hits in found.items() if hits} == {
        "ml/chat.py": {"tokenizer.encode", "honouring_special_tokens("},
        "data/tokenization.py": {"tokenizer.encode", "honouring_special_tokens("},
    }


@pytest.mark.parametrize("style", ["noisy", "short", "long"])
def test_a_questions_tokens_are_the_same_alone_and_before_its_solution(style: str) -> None:
    given_problem = problem(47, 85)
    tokenizer = train([given_problem.question + solution(given_problem, style)] * 50, vocabulary_size=300)
    alone = tokenizer.encode(given_problem.question)
    assert tokenizer.encode(given_problem.question + solution(given_problem, style))[: len(alone)] == alone


def test_training_again_on_the_same_texts_in_another_order_gives_the_same_tokenizer() -> None:
    assert train(reversed(TEXTS), vocabulary_size=300).files == TOKENIZER.files


def test_ids_are_stored_in_16_bits_until_there_are_too_many() -> None:
    (small,) = TOKENIZER.encode_documents(["a"])
    assert small.dtype == np.dtype("<u2")
    more = Tokenizer.from_str(TOKENIZER.tokenizer.to_str())
    more.add_tokens([f"word{number}" for number in range(1 << 16)])
    large = tokenizer_of({**TOKENIZER.files, "tokenizer.json": more.to_str().encode()}, name="x")
    (tokens,) = large.encode_documents(["a word65535"])
    assert tokens.dtype == np.dtype("<u4")
    assert tokens.max() == large.vocabulary_size - 1 > 1 << 16


def foreign(
    *, tokens: list[str], configuration: object = None, generation: object = None, model: object = None, begin: str = ""
) -> tuple[dict[str, bytes], bytes]:
    """Files of a tokenizer with other special tokens than ours, and a config.json."""
    tokenizer = Tokenizer.from_str(TOKENIZER.tokenizer.to_str())
    tokenizer.add_special_tokens(tokens)
    # As some are stored that were last used so: neither may cut or lengthen a document.
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=64)
    if begin:
        tokenizer.post_processor = TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, tokenizer.token_to_id(begin))]
        )
    files = {"tokenizer.json": tokenizer.to_str().encode(), "chat_template.jinja": b"{{ messages }}"}
    named = {"tokenizer_config.json": configuration, "generation_config.json": generation}
    files |= {name: json.dumps(value).encode() for name, value in named.items() if value is not None}
    return files, json.dumps(model or {}).encode()


def read(special: SpecialTokens | None = None, **said: object) -> TextTokenizer:
    files, model = foreign(tokens=["<bos>", "<eot>", "<eom>", "[PAD]", "[M]"], **said)
    return tokenizer_of(files, name="x", special=special, model=model)


FIRST = TOKENIZER.vocabulary_size


def test_special_tokens_are_those_of_the_models_own_files() -> None:
    llama = read(
        configuration={"eos_token": {"content": "<eot>", "special": True}, "add_bos_token": True},
        generation={"eos_token_id": [FIRST + 2, FIRST + 1], "temperature": 0.6},
        begin="<bos>",
    )
    # No pad of its own: the end fills sequences up.
    assert (llama.begins, llama.end_id, llama.pad_id, llama.mask_id) == ((FIRST,), FIRST + 1, FIRST + 1, None)
    assert llama.ends == (FIRST + 1, FIRST + 2)
    (tokens,) = llama.encode_documents(["carry"])
    assert tokens.tolist() == [FIRST, *TOKENIZER.encode("carry"), FIRST + 1]
    assert llama.encode_prompt("carry") == tokens[:-1].tolist()

    by_ids = read(model={"eos_token_id": FIRST + 1, "pad_token_id": FIRST + 3, "mask_token_id": FIRST + 4})
    assert (by_ids.begins, by_ids.ends, by_ids.pad_id, by_ids.mask_id) == ((), (FIRST + 1,), FIRST + 3, FIRST + 4)


def test_what_is_said_of_special_tokens_stays_in_the_files_and_says_the_same_once_more() -> None:
    complete = {"eos_token": "<eot>", "pad_token": "[PAD]"}
    files, model = foreign(tokens=["<eot>", "[PAD]"], configuration=complete, generation={"eos_token_id": FIRST})
    assert tokenizer_of(files, name="x", model=model).files == files

    chosen = read(SpecialTokens(end="<eom>", mask="[M]"), configuration={"eos_token": "<eot>", "chat": 1})
    assert (chosen.end_id, chosen.ends, chosen.mask_id) == (FIRST + 2, (FIRST + 2,), FIRST + 4)
    again = tokenizer_of(chosen.files, name="x")
    assert again.files == chosen.files
    assert (again.end_id, again.ends, again.pad_id, again.mask_id) == (FIRST + 2, (FIRST + 2,), FIRST + 2, FIRST + 4)
    configuration = json.loads(chosen.files["tokenizer_config.json"])
    assert configuration == {"eos_token": "<eom>", "mask_token": "[M]", "chat": 1}


def test_a_mask_is_added_behind_all_tokens_where_there_is_none() -> None:
    masked = TOKENIZER.with_mask()
    assert masked.mask_id == TOKENIZER.vocabulary_size == masked.vocabulary_size - 1
    assert masked.with_mask() == masked
    assert read(SpecialTokens(end="<eot>", mask="[M]")).with_mask().mask_id == FIRST + 4


def test_a_tokenizer_that_cannot_serve_is_refused_with_the_setting_that_helps() -> None:
    with pytest.raises(InputError, match=r"x does not say which token ends a text: name it with --special\.end"):
        read()
    with pytest.raises(InputError, match=r"--special\.pad is '<gap>', which the tokenizer of x does not have"):
        read(SpecialTokens(end="<eot>", pad="<gap>"))
    with pytest.raises(InputError, match=r"eos_token_id 99999 is no token of the tokenizer of x"):
        read(generation={"eos_token_id": 99999})
    with pytest.raises(InputError, match=r"tokenizer\.json of x is none that the tokenizers library reads"):
        tokenizer_of({"tokenizer.json": b"{}"}, name="x")
    with pytest.raises(InputError, match=r"tokenizer_config\.json of x holds a JSON list, expected an object"):
        read(configuration=[])
