"""Models from elsewhere, and back: what goes in comes out, and what must not go in is refused in a sentence."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForCausalLM, AutoTokenizer

from octo.cli import main
from octo.data.tokenizer import read_tokenizer
from octo.errors import InputError, UsageError
from octo.job import produce
from octo.ml.attention import attend_by_documents
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.denoiser import kind_of, sight_of
from octo.ml.diffusion.sampler import denoise
from octo.ml.engine import Engine, gathering
from octo.ml.loading import load_to_train
from octo.ml.models import load_model, weights_digest
from octo.settings.base import S3Settings
from octo.settings.denoising import DenoisingSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.midtraining import GangSettings, OptimizerSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.settings.special import SpecialTokens
from octo.settings.tuning import TuningSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.unit.ml.diffusion.layouts import CONFIGS, VOCABULARY, logits_of, write
from tests.unit.ml.engine_run import figures
from tests.wire.pretrained_models import MODELS, ROOM, save, tensors

FUNCTION = "octo.ml.pretrained:take_in"
TOKENS = torch.arange(2 * 40).view(2, 40) * 7 % 280

Import = Callable[..., Artifact]
Export = Callable[[str, Path], int]


@pytest.fixture
def take_in(store: Store, embedded: EmbeddedStore) -> Import:
    def run(source: Path | str, **settings: object) -> Artifact:
        asked = PretrainedSettings(store=store.address, s3=embedded.s3, probe=False, source=str(source), **settings)
        found = produce(asked, FUNCTION)
        assert isinstance(found, Artifact)
        return found

    return run


@pytest.fixture
def export(store: Store, embedded: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> Export:
    s3: S3Settings = embedded.s3
    assert s3.access_key
    assert s3.secret_key
    monkeypatch.setenv("OCTO_S3__ACCESS_KEY", s3.access_key.get_secret_value())
    monkeypatch.setenv("OCTO_S3__SECRET_KEY", s3.secret_key.get_secret_value())
    monkeypatch.setenv("COLUMNS", "80")
    place = [f"--store={store.address}", f"--s3.endpoint={s3.endpoint}"]
    return lambda address, folder: main(["export", address, str(folder), *place])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model in three shards."""
    torch.manual_seed(0)
    return save(MODELS["qwen3"](), tmp_path / "qwen3", shard_size="60KB")


@pytest.mark.parametrize("name", MODELS)
def test_a_model_goes_in_is_loaded_and_comes_out_bit_for_bit(
    name: str, tmp_path: Path, take_in: Import, export: Export
) -> None:
    torch.manual_seed(1)
    sharded = name in ("gemma3", "qwen3", "qwen3-moe")
    dtype = torch.bfloat16 if name in ("qwen2-tied", "gemma3") else torch.float32
    source = save(MODELS[name](), tmp_path / name, shard_size="40KB" if sharded else "1GB", dtype=dtype)
    assert (source / "model.safetensors.index.json").exists() == sharded
    artifact = take_in(source)

    theirs = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval()
    ours = load_model(artifact, scratch=tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(ours(TOKENS).logits, theirs(TOKENS).logits)

    assert export(artifact.address, tmp_path / "out") == 0
    before, after = tensors(source), tensors(tmp_path / "out")
    assert before.keys() == after.keys()
    assert all(torch.equal(each, after[key]) and each.dtype == after[key].dtype for key, each in before.items())
    assert {path.name for path in (tmp_path / "out").iterdir()} == {part.name for part in artifact.parts()}
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    with torch.no_grad():
        assert torch.equal(again(TOKENS).logits, theirs(TOKENS).logits)
    words = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert words("a b 12", add_special_tokens=False).input_ids == read_tokenizer(artifact).encode("a b 12")
    assert (words.eos_token_id, words.pad_token_id) == (0, 1)


@pytest.mark.parametrize("name", ["qwen2-tied", "gemma3", "qwen3-moe"])
def test_a_model_that_is_shared_out_as_it_is_read_trains_as_one_that_was_whole(
    name: str, tmp_path: Path, take_in: Import
) -> None:
    # Experts are stored otherwise than they are computed with.
    shares = name != "qwen3-moe"
    torch.manual_seed(3)
    # Rounded when it is trained, as it is when it is read.
    artifact = take_in(save(MODELS[name](), tmp_path / name, shard_size="40KB"))
    settings = OptimizerSettings(reduction="plain", zero_stage=3, precision="bfloat16")
    read = load_to_train(artifact, scratch=tmp_path, settings=settings, gang=GangSettings())
    assert all(each.numel() == 0 for each in read.parameters()) == shares
    models = [load_model(artifact, scratch=tmp_path), read]
    assert len({json.dumps({**each.config.to_dict(), "_name_or_path": ""}, sort_keys=True) for each in models}) == 1
    assert models[0].training
    assert read.training
    tried = []
    for model in models:
        with gathering(model):
            attend_by_documents(model)
            tried.append(model.base_model(input_ids=TOKENS[:1]).last_hidden_state.detach().bfloat16())
    assert torch.allclose(*tried, rtol=0.1, atol=0.1)
    assert all(each.numel() == 0 for each in read.parameters()) == shares
    buffers = [dict(model.named_buffers()) for model in models]
    assert buffers[0].keys() == buffers[1].keys()
    assert all(
        torch.equal(each, buffers[1][key]) and each.dtype == buffers[1][key].dtype for key, each in buffers[0].items()
    )

    def loss(model: torch.nn.Module) -> torch.Tensor:
        value: torch.Tensor = model(input_ids=TOKENS, labels=TOKENS).loss
        return value

    engines = [Engine(model, settings=settings, micro_batches=1) for model in models]
    for step in range(3):
        weights = [{key: each.clone() for key, each in engine.weights()} for engine in engines]
        assert weights[0].keys() == weights[1].keys(), step
        assert all(torch.equal(each, weights[1][key]) for key, each in weights[0].items()), step
        results = [figures(engine.step([loss], learning_rate=1e-3)) for engine in engines]
        assert results[0] == results[1]


def test_what_tuning_and_rl_make_of_a_tied_model_is_exported_and_loads(
    tmp_path: Path, take_in: Import, export: Export, store: Store, embedded: EmbeddedStore
) -> None:
    torch.manual_seed(3)
    start = take_in(save(MODELS["qwen2-tied"](), tmp_path / "source"))
    place = {"store": store.address, "s3": embedded.s3, "probe": False}
    problems = produce(
        IngestionSettings(**place, sources=("prompts=arithmetic:prompts?count=8",)),
        "octo.data.ingestion:ingest",
    )
    tuned = produce(
        TuningSettings(
            **place, model=start.address, examples=problems.address, source="prompts", batch_size=4, micro_batch_size=4
        ),
        "octo.ml.tuning:tune",
    )
    small = {"num_steps": 1, "prompts_per_step": 2, "group_size": 2, "micro_batch_size": 4, "max_new_tokens": 4}
    trained = produce(
        RlSettings(**place, model=tuned.address, problems=problems.address, **small), "octo.ml.rl.roles:play"
    )
    for artifact in (tuned, trained):
        folder = tmp_path / artifact.manifest.job
        assert export(artifact.address, folder) == 0
        held = tensors(folder)
        assert "lm_head.weight" not in held
        assert not torch.equal(held["model.norm.weight"], tensors(tmp_path / "source")["model.norm.weight"])
        theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        ours = load_model(artifact, scratch=tmp_path).eval()
        with torch.no_grad():
            assert torch.equal(ours(TOKENS).logits, theirs(TOKENS).logits)
        assert AutoTokenizer.from_pretrained(folder).eos_token_id == read_tokenizer(artifact).end_id == 0


def test_the_same_files_are_the_same_artifact_wherever_they_are(
    folder: Path, tmp_path: Path, take_in: Import, store: Store
) -> None:
    first = take_in(folder)
    (folder / "README.md").write_text("not of the model")
    moved = shutil.copytree(folder, tmp_path / "moved")
    assert take_in(moved).address == first.address
    config = json.loads((moved / "config.json").read_bytes())
    (moved / "config.json").write_text(json.dumps(config))
    changed = take_in(moved)
    assert changed.address != first.address
    assert weights_digest(changed) == weights_digest(first)

    prefix = store.at(f"{store.address}/models/qwen3")
    for path in folder.iterdir():
        prefix.upload(path, path.name)
    from_s3 = take_in(prefix.address)
    assert [(part.name, part.sha256) for part in from_s3.parts()] == [
        (part.name, part.sha256) for part in first.parts()
    ]
    assert take_in(prefix.address).address == from_s3.address
    prefix.put("config.json", json.dumps(config).encode())
    again = take_in(prefix.address)
    assert again.address != from_s3.address
    assert again.parts("config.json")[0].sha256 == changed.parts("config.json")[0].sha256


def test_special_tokens_that_are_named_stay_with_the_model(folder: Path, take_in: Import) -> None:
    (folder / "generation_config.json").unlink()
    edit(folder / "tokenizer_config.json", eos_token=None, pad_token=None)
    edit(folder / "config.json", eos_token_id=None)
    with pytest.raises(InputError, match=r"does not say which token ends a text: name it with --special\.end"):
        take_in(folder)
    words = read_tokenizer(take_in(folder, special=SpecialTokens(end="<|pad|>", mask="<|endoftext|>")))
    assert (words.end_id, words.ends, words.pad_id, words.mask_id) == (1, (1,), 1, 0)
    assert json.loads(words.files["generation_config.json"]) == {"eos_token_id": 1}


def edit(path: Path, **changes: object) -> None:
    raw = json.loads(path.read_bytes()) | changes
    path.write_text(json.dumps({name: value for name, value in raw.items() if value is not None}))


def shard(folder: Path, number: int = 0) -> Path:
    return sorted(folder.glob("*.safetensors"))[number]


def lose_a_shard(folder: Path) -> None:
    shard(folder, 1).unlink()


def cut_a_shard(folder: Path) -> None:
    os.truncate(shard(folder), shard(folder).stat().st_size - 5)


def cut_a_header(folder: Path) -> None:
    os.truncate(shard(folder), 100)


def lose_the_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").unlink()


def misplace_a_tensor(folder: Path) -> None:
    index = json.loads((folder / "model.safetensors.index.json").read_bytes())
    index["weight_map"]["model.norm.weight"] = shard(folder).name
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def leave_a_pickle_alone(folder: Path) -> None:
    for path in folder.glob("model*"):
        path.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")


def leave_no_weights(folder: Path) -> None:
    for path in folder.glob("model*"):
        path.unlink()


def ask_for_code(folder: Path) -> None:
    edit(folder / "config.json", auto_map={"AutoModelForCausalLM": "modeling_mine.MineForCausalLM"})
    (folder / "modeling_mine.py").write_text("raise SystemExit('ran')")


def ask_for_code_of_a_tokenizer(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tokenization_mine.Mine", None]})


def be_unknown(folder: Path) -> None:
    edit(folder / "config.json", model_type="mine")


def be_an_encoder(folder: Path) -> None:
    edit(folder / "config.json", model_type="t5")


def be_quantized(folder: Path) -> None:
    edit(folder / "config.json", quantization_config={"quant_method": "gptq", "bits": 4})


def be_wider(folder: Path) -> None:
    edit(folder / "config.json", hidden_size=64)


def be_deeper(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=3, layer_types=None)


def be_shallower(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=1, layer_types=None)


def have_more_tokens_than_rows(folder: Path) -> None:
    words = json.loads((folder / "tokenizer.json").read_bytes())
    plain = {"special": False, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    words["added_tokens"].append({"id": ROOM, "content": "<one more>", **plain})
    words["model"]["vocab"]["<one more>"] = ROOM
    (folder / "tokenizer.json").write_text(json.dumps(words))


def have_no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def have_no_configuration(folder: Path) -> None:
    (folder / "config.json").unlink()


def name_an_end_that_is_not_there(folder: Path) -> None:
    edit(folder / "tokenizer_config.json", eos_token="<|eot_id|>")


REFUSED = {
    lose_a_shard: "has no model-00002-of-0000[0-9].safetensors, which model.safetensors.index.json names",
    cut_a_shard: "model-00001-of-0000[0-9].safetensors was cut short: it has [0-9]+ bytes, expected [0-9]+",
    cut_a_header: "model-00001-of-0000[0-9].safetensors is no safetensors file, or was cut short within its header",
    lose_the_index: "has model-00001-of-0000[0-9].safetensors and no model.safetensors.index.json",
    misplace_a_tensor: "has no tensor model.norm.weight, which model.safetensors.index.json says is in it",
    leave_a_pickle_alone: "has its weights in pytorch_model.bin, a pickle, which octo never loads: convert it to",
    leave_no_weights: "has no model.safetensors and no model.safetensors.index.json",
    ask_for_code: r"config.json of .* asks for code that comes with the model \(modeling_mine.MineForCausalLM\)",
    ask_for_code_of_a_tokenizer: r"tokenizer_config.json of .* asks for code .* \(tokenization_mine.Mine\)",
    be_unknown: "holds a model of type 'mine', which transformers has no class of",
    be_an_encoder: "holds a model of type 't5', which is no causal language model",
    be_quantized: r"has quantized weights \(quantization_config\)",
    be_wider: r"has the shape \[320, 32\], and a qwen3 model of its configuration \[320, 64\]",
    be_deeper: "has no tensor model.layers.2.* which a qwen3 model of its configuration has",
    be_shallower: "has a tensor model.layers.1.* which a qwen3 model of its configuration has not",
    have_more_tokens_than_rows: "does not fit the model: its highest id is 320, and the embedding has 320 rows",
    have_no_tokenizer: "has no tokenizer.json: have transformers write it",
    have_no_configuration: "has no config.json: expected a model's folder",
    name_an_end_that_is_not_there: r"eos_token of tokenizer_config.json is '<\|eot_id\|>', which the tokenizer of",
}


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
def test_what_cannot_be_taken_is_refused_in_a_sentence_and_leaves_nothing(
    spoil: Callable[[Path], None], folder: Path, take_in: Import, store: Store
) -> None:
    spoil(folder)
    with pytest.raises(InputError, match=REFUSED[spoil]) as refused:
        take_in(folder)
    assert "\n" not in str(refused.value)
    assert not [key for key in store.list("artifacts/pretrained/") if "/parts/" in key or "manifest" in key]


def test_sources_that_are_nothing_are_refused(tmp_path: Path, take_in: Import, store: Store) -> None:
    with pytest.raises(UsageError, match="nothing to take in: give --source"):
        take_in("")
    with pytest.raises(UsageError, match=r"--source .*nowhere/at/all: there is no such folder"):
        take_in(tmp_path / "nowhere/at/all")
    with pytest.raises(UsageError, match="--revision: expected the commit of the repository, 40 hexadecimal digits"):
        take_in("somebody/something", revision="main")
    with pytest.raises(InputError, match="nothing is stored below"):
        take_in(f"{store.address}/empty")


def test_a_file_that_changes_while_it_is_read_makes_no_artifact(
    folder: Path, take_in: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = PretrainedSettings.determinants

    def then_change(settings: PretrainedSettings) -> object:
        found = taken(settings)
        facts = shard(folder).stat()
        with shard(folder).open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"?")
        # A copy with the times of the original looks unchanged.
        os.utime(shard(folder), ns=(facts.st_atime_ns, facts.st_mtime_ns))
        return found

    monkeypatch.setattr(PretrainedSettings, "determinants", then_change)
    with pytest.raises(InputError, match="was changed while it was read: run again"):
        take_in(folder)


def test_weights_that_are_stored_twice_though_they_are_tied_are_taken_as_they_are(
    tmp_path: Path, take_in: Import
) -> None:
    torch.manual_seed(2)
    source = save(MODELS["qwen2-tied"](), tmp_path / "tied")
    held = load_file(source / "model.safetensors")
    held["lm_head.weight"] = held["model.embed_tokens.weight"].clone()
    save_file(held, source / "model.safetensors", metadata={"format": "pt"})
    artifact = take_in(source)
    assert weights_digest(artifact) == artifact.parts("model.safetensors")[0].sha256
    model = load_model(artifact, scratch=tmp_path)
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_an_export_is_whole_or_not_there(
    folder: Path, tmp_path: Path, take_in: Import, export: Export, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = take_in(folder)
    (tmp_path / "empty").mkdir()
    assert export(artifact.address, tmp_path / "empty") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{tmp_path / 'empty'}: {len(artifact.parts())} files, ")
    assert "model.safetensors.index.json" in said

    assert export(artifact.address, tmp_path / "empty") == 2
    assert "is there and not empty" in capsys.readouterr().err
    assert export(f"{store.address}/artifacts/pretrained/{'0' * 64}", tmp_path / "none") == 1
    assert "no artifact is committed at" in capsys.readouterr().err

    store.put(artifact.parts()[-1].key, b"other bytes")
    assert export(artifact.address, tmp_path / "damaged") == 1
    assert "expected sha256" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "qwen3"]


@pytest.mark.parametrize("layout", CONFIGS)
@torch.no_grad()
def test_a_published_diffusion_model_goes_in_and_says_what_its_description_says(
    layout: str, tmp_path: Path, take_in: Import
) -> None:
    source = tmp_path / layout
    published = write(layout, source)
    words = Tokenizer(WordLevel({f"w{number}": number for number in range(VOCABULARY)}, unk_token="w0"))
    words.save(str(source / "tokenizer.json"))
    (source / "tokenizer_config.json").write_text(json.dumps({"eos_token": "w90", "mask_token": "w95"}))
    artifact = take_in(source)
    model = load_model(artifact, scratch=tmp_path)
    kind = kind_of(model.config)
    assert read_tokenizer(artifact).mask_id == kind.mask_id == 95
    attend_by_documents(model.double().eval())
    tokens = [3, 1, 4, 1, 5, 9, 95, 95, 95]
    valid_BS = torch.ones(1, len(tokens), dtype=torch.bool)
    sight = sight_of(valid_BS, torch.zeros_like(valid_BS), kind)
    logits_BSV = model(
        input_ids=torch.tensor([tokens]), documents=sight.documents(), position_ids=sight.positions_BS, use_cache=False
    ).logits
    torch.testing.assert_close(logits_BSV[0], logits_of(layout, published, tokens), atol=2e-5, rtol=1e-5)
    [completed] = denoise(model, [Request(tokens[:6], 5, ())], settings=DenoisingSettings(), seed=0)
    assert sorted(completed.order) == list(range(5))
