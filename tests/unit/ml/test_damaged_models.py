"""Damaged model files: whatever is wrong with them, there is one sentence that says so."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from octo.data.tokenizer import tokenizer_of
from octo.errors import InputError
from octo.ml.chat import prompter
from octo.ml.gguf_models import write_gguf_as_directory
from octo.ml.model_folder import read_model_folder
from octo.ml.tensor_files import read_header
from octo.model_files import TOKENIZER_FILES
from tests.gguf_files import write_gguf
from tests.wire.pretrained_models import MODELS, save

INDEX = "model.safetensors.index.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(MODELS["qwen3"](), tmp_path_factory.mktemp("whole") / "model", shard_size="60KB")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


def taken(folder: Path) -> None:
    """As the job takes a folder in."""
    read_model_folder(folder, name="mine")
    files = {name: (folder / name).read_bytes() for name in TOKENIZER_FILES if (folder / name).is_file()}
    tokenizer = tokenizer_of(files, name="mine", model=(folder / "config.json").read_bytes())
    if "chat_template.jinja" in files:
        prompter(tokenizer, chat_template=True).prompt("What is 2+2?")


def header_of(path: Path) -> tuple[dict[str, Any], bytes]:
    body = path.read_bytes()
    length = int.from_bytes(body[:8], "little")
    return json.loads(body[8 : 8 + length]), body[8 + length :]


def with_header(path: Path, header: object, numbers: bytes) -> None:
    body = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(body).to_bytes(8, "little") + body + numbers)


def changed(**changes: object) -> Callable[[dict[str, Any]], object]:
    def change(header: dict[str, Any]) -> object:
        first = next(name for name in header if name != "__metadata__")
        return {**header, first: {**header[first], **changes}}

    return change


HEADERS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "overlapping places": (changed(data_offsets=[0, 8]), "is damaged: its header has"),
    "places before the beginning": (changed(data_offsets=[-8, 0]), "expected whole numbers"),
    "places in words": (changed(data_offsets=["0", "8"]), "expected whole numbers"),
    "three places": (changed(data_offsets=[0, 8, 16]), "its header cannot be read"),
    "no places": (changed(data_offsets=None), "its header cannot be read"),
    "a shape below nothing": (changed(shape=[-1, -2]), "expected whole numbers"),
    "a shape in fractions": (changed(shape=[2.0, 32.0]), "expected whole numbers"),
    "a shape of truth": (changed(shape=[True]), "expected whole numbers"),
    "a vast shape": (changed(shape=[1 << 62, 1 << 62]), "is damaged: its header has"),
    "unknown numbers": (changed(dtype="F7"), "its header cannot be read"),
    "a list of numbers' kinds": (changed(dtype=["F32"]), "its header cannot be read"),
    "a list": (list, "holds a JSON list, expected an object"),
    "a tensor that is a word": (lambda header: {**header, "more": "word"}, "its header cannot be read"),
    "nothing": (lambda _: b"  ", "is not JSON"),
    "deep nesting": (lambda _: b"[" * 100_000, "nested too deep"),
    "no text": (lambda _: b"\xff\xfe{}", "is not JSON"),
}


@pytest.mark.parametrize("damage", HEADERS)
def test_a_header_that_says_what_cannot_be_is_refused_in_a_sentence(damage: str, folder: Path) -> None:
    path = min(folder.glob("*.safetensors"))
    header, numbers = header_of(path)
    change, said = HEADERS[damage]
    with_header(path, change(header), numbers)
    with pytest.raises(InputError, match=said) as error:
        taken(folder)
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 40])
def test_a_file_cut_within_its_header_is_refused(length: int, folder: Path) -> None:
    path = min(folder.glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match="cut short within its header"):
        read_header(path)


@pytest.mark.parametrize(
    "place",
    [
        "../../secret.safetensors",
        "/etc/secret.safetensors",
        "a/b.safetensors",
        "..",
        "",
        ".safetensors",
        "config.json",
        "model\0.safetensors",
        "a\\..\\b.safetensors",
        7,
        None,
        ["a"],
    ],
)
def test_an_index_that_looks_beyond_the_folder_is_refused(place: object, folder: Path) -> None:
    index = json.loads((folder / INDEX).read_bytes())
    index["weight_map"]["model.norm.weight"] = place
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"has model\.norm\.weight in .*: expected a file of the folder"):
        taken(folder)


def test_an_index_that_names_a_shard_that_is_not_there_is_refused(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_bytes())
    index["weight_map"]["model.norm.weight"] = "model-00009-of-00009.safetensors"
    (folder / INDEX).write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"has no model-00009-of-00009\.safetensors, which .* names: fetch"):
        taken(folder)


@pytest.mark.parametrize("weight_map", [None, [], {}, "x", 3])
def test_an_index_without_a_map_is_refused(weight_map: object, folder: Path) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(InputError, match="has no weight_map from tensors to files of the folder"):
        taken(folder)


CONFIGS: dict[str, tuple[dict[str, object], str]] = {
    "no heads": ({"num_attention_heads": 0}, "config.json of mine"),
    "words for numbers": ({"hidden_size": "wide"}, "config.json of mine is none of a qwen3 model"),
    "a vast number of layers": ({"num_hidden_layers": 10**9, "layer_types": None}, "config.json of mine"),
    "an unknown activation": ({"hidden_act": "somebody/activation"}, r"describes no qwen3 model .*somebody/activation"),
    "a list of types": ({"model_type": ["qwen3"]}, "which transformers has no class of"),
    "an unknown rotation": ({"rope_parameters": {"rope_type": "mine"}}, "config.json of mine"),
    "angles of no number": ({"rope_theta": float("nan")}, "config.json of mine says rope_theta is nan"),
    "angles of no base": (
        {"rope_parameters": {"rope_type": "default", "rope_theta": -1e4}},
        r"says rope_theta is -10000\.0, expected a number above 0",
    ),
    "an endless width": ({"initializer_range": float("inf")}, "says initializer_range is inf"),
    "numbers of nothing": ({"dtype": "load"}, "config.json of mine|has the shape"),
}


@pytest.mark.parametrize("damage", CONFIGS)
def test_a_configuration_that_describes_no_model_is_refused(damage: str, folder: Path) -> None:
    values, said = CONFIGS[damage]
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **values}))
    with pytest.raises(InputError, match=said):
        taken(folder)


IDS = (True, -1, 1 << 40, 2.0, "0", [0, None], [[0]], {"a": 1}, [-5])


@pytest.mark.parametrize("given", IDS, ids=repr)
def test_an_end_that_is_no_id_is_refused(given: object, folder: Path) -> None:
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": given}))
    (folder / "tokenizer_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"eos_token_id .* is no token of the tokenizer of mine"):
        taken(folder)


TOKENIZERS = {
    "nothing": b"",
    "half": b'{"version": "1.0", "model"',
    "a list": b"[]",
    "no text": b"\xff\xfe\x00",
    "nesting": b'{"model":' * 20_000,
    "no model": b'{"version": "1.0"}',
    "no token": b'{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{},"merges":[]}}',
    "no unknown": b'{"version":"1.0","added_tokens":[],"model":{"type":"WordLevel","vocab":{"b":0},"unk_token":"?"}}',
    "a merge of nothing": b'{"added_tokens":[],"model":{"type":"BPE","vocab":{"a":0},"merges":["q z"]}}',
    "an id beyond all": b'{"added_tokens":[],"model":{"type":"BPE","vocab":{"a":99999999999},"merges":[]}}',
    "an id below all": b'{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}',
}


@pytest.mark.parametrize("damage", TOKENIZERS)
def test_a_damaged_tokenizer_is_refused(damage: str, folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes(TOKENIZERS[damage])
    with pytest.raises(InputError, match=r"tokenizer.json of mine"):
        taken(folder)


TEMPLATES = {
    "no text": (b"\xff\xfe", "chat_template.jinja of the model is no text in UTF-8"),
    "half a block": (b"{% for m in messages %}", "cannot be filled in"),
    "Python's own": (b"{{ ''.__class__.__mro__[1].__subclasses__() }}", "cannot be filled in"),
    "a division": (b"{{ 1 // 0 }}", "cannot be filled in: ZeroDivisionError"),
    "what is not there": (b"{{ messages[7].content.x }}", "cannot be filled in"),
    "its own refusal": (b"{{ raise_exception('no users here') }}", "no users here"),
    "itself for ever": (b"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "cannot be filled in: RecursionError"),
    "a vast range": (b"{% for i in range(10 ** 12) %}{% endfor %}", "cannot be filled in: OverflowError"),
}


@pytest.mark.parametrize("damage", TEMPLATES)
def test_a_hostile_template_is_refused(damage: str, folder: Path) -> None:
    body, said = TEMPLATES[damage]
    (folder / "chat_template.jinja").write_bytes(body)
    with pytest.raises(InputError, match=said):
        taken(folder)


def test_a_template_that_does_not_end_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("octo.ml.chat.TEMPLATE_SECONDS", 0.05)
    loop = "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}"
    (folder / "chat_template.jinja").write_text(loop)
    with pytest.raises(InputError, match=r"cannot be filled in: .* of processor time"):
        taken(folder)


def test_templates_of_the_wrong_kind_are_none(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    said = json.loads(path.read_bytes())
    for template in (7, [7], [{"name": 7}], {"default": "x"}, [None]):
        path.write_text(json.dumps({**said, "chat_template": template}))
        taken(folder)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json", INDEX, "shard"])
def test_files_with_bytes_changed_at_random_are_read_or_refused_in_a_sentence(file: str, folder: Path) -> None:
    path = min(folder.glob("*.safetensors")) if file == "shard" else folder / file
    body = path.read_bytes()
    chance = random.Random(file)
    for _ in range(25):
        damaged = bytearray(body)
        for _ in range(chance.choice((1, 3))):
            damaged[chance.randrange(min(len(body), 4000))] = chance.choice(b'\x00"{}[],:-9aZ\xff ')
        path.write_bytes(damaged[: chance.choice((len(body), len(body), chance.randrange(len(body))))])
        try:
            taken(folder)
        except InputError as error:
            assert str(error).strip()  # noqa: PT017 - that there is no other error is the point


def test_a_damaged_gguf_file_is_read_or_refused_in_a_sentence(tmp_path: Path) -> None:
    write_gguf(tmp_path / "whole.gguf")
    body = (tmp_path / "whole.gguf").read_bytes()
    chance = random.Random(1)
    refused = 0
    for number in range(12):
        damaged = bytearray(body)
        for _ in range(3):
            damaged[chance.randrange(3000)] = chance.randrange(256)
        (tmp_path / "damaged.gguf").write_bytes(damaged)
        folder = tmp_path / f"folder-{number}"
        folder.mkdir()
        try:
            write_gguf_as_directory(tmp_path / "damaged.gguf", folder, name="damaged.gguf")
        except InputError as error:
            refused += 1
            assert "damaged.gguf" in str(error)  # noqa: PT017 - likewise
    assert refused
