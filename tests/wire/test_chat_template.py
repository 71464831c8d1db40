"""A chat template through whole jobs: where it is asked for models read it in every question, elsewhere never."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import AutoTokenizer

from octo.data.documents import Document, new_document, to_parquet
from octo.job import produce
from octo.settings.base import JobSettings
from octo.settings.decoding import DecodingSettings
from octo.settings.evaluation import EvaluationSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.pretrained import PretrainedSettings
from octo.settings.rl import RlSettings
from octo.settings.tokenization import TokenizationSettings
from octo.settings.tuning import TuningSettings
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit
from tests.wire.pretrained_models import MODELS, save, tokenizer

TEMPLATE = (
    "{% for message in messages %}<|turn|>{{ message.role }}: {{ message.content }}<|over|>{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant: {% endif %}"
)
FUNCTIONS = {
    "pretrained": "octo.ml.pretrained:take_in",
    "tokenization": "octo.data.tokenization:tokenize",
    "midtraining": "octo.ml.midtraining:midtrain",
    "tuning": "octo.ml.tuning:tune",
    "rl": "octo.ml.rl.roles:play",
    "evaluation": "octo.ml.evaluation.accuracy:evaluate",
    "decoding": "octo.ml.decoding:decode",
}
QUESTIONS = ("two plus three?", "nine less one?")


def with_template(folder: Path) -> Path:
    """The model of a folder, as one that was tuned on chats."""
    words = Tokenizer.from_file(str(folder / "tokenizer.json"))
    words.add_special_tokens(["<|turn|>", "<|over|>"])
    words.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    said = json.loads((folder / "tokenizer_config.json").read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps({**said, "eos_token": "<|over|>"}))
    return folder


@pytest.fixture
def read() -> Iterator[list[list[int]]]:
    """The rows of tokens that any model in this process has read."""
    rows: list[list[int]] = []

    def note(module: torch.nn.Module, given: Any) -> None:
        if isinstance(module, torch.nn.Embedding):
            rows.extend(given[0].tolist())

    hook = register_module_forward_pre_hook(note)
    yield rows
    hook.remove()


def holds(row: list[int], tokens: list[int]) -> bool:
    return any(row[place : place + len(tokens)] == tokens for place in range(len(row) - len(tokens) + 1))


def test_every_job_asks_in_the_template_where_it_is_told_to_and_nowhere_else(
    store: Store, embedded: EmbeddedStore, tmp_path: Path, read: list[list[int]]
) -> None:
    place: dict[str, Any] = {"store": store.address, "s3": embedded.s3, "probe": False}

    def made(settings: JobSettings) -> Artifact:
        artifact = produce(settings, FUNCTIONS[settings.job])
        assert isinstance(artifact, Artifact)
        return artifact

    torch.manual_seed(0)
    folder = with_template(save(MODELS["qwen3"](), tmp_path / "chat"))
    documents = [
        new_document(f"{asked} 5", source=source, url=asked, metadata={"question": asked, "answer": "5"})
        for source in ("solutions", "prompts", "evaluation")
        for asked in QUESTIONS
    ]
    body = to_parquet(documents, Document)
    rows = [{"documents.parquet": len(documents)}]
    asked = commit(store, [{"documents.parquet": body}], job="curation", rows=rows).address
    base = made(PretrainedSettings(**place, source=str(folder)))
    tokens = made(TokenizationSettings(**place, corpus=(asked,), tokenizer=base.address, sequence_length=16))
    few: dict[str, Any] = {"batch_size": 2, "micro_batch_size": 2}
    trained = made(MidtrainingSettings(**place, model=base.address, tokens=(tokens.address,), num_steps=1, **few))

    def jobs(*, chat_template: bool) -> Iterator[tuple[str, Artifact]]:
        how = {**place, "chat_template": chat_template, "max_new_tokens": 40}
        tuned = made(TuningSettings(**how, model=trained.address, examples=asked, **few))
        yield "tuning", tuned
        yield (
            "rl",
            (
                reinforced := made(
                    RlSettings(
                        **how,
                        model=tuned.address,
                        problems=asked,
                        num_steps=1,
                        prompts_per_step=2,
                        group_size=2,
                        micro_batch_size=4,
                    )
                )
            ),
        )
        yield (
            "evaluation",
            made(EvaluationSettings(**how, models=(reinforced.address,), problems=asked, num_samples=1, k=(1,))),
        )
        yield "decoding", made(DecodingSettings(**how, model=reinforced.address, prompts=asked))

    theirs = AutoTokenizer.from_pretrained(folder)
    plain = {question: tokenizer().encode(question) for question in QUESTIONS}
    chat = {
        question: theirs.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_dict=False
        )
        for question in QUESTIONS
    }
    begins = theirs.encode("<|turn|>user", add_special_tokens=False)
    for template in (True, False):
        read.clear()
        for job, artifact in jobs(chat_template=template):
            for question in QUESTIONS:
                asking = [row for row in read if holds(row, plain[question])]
                assert asking, job
                assert all(holds(row, chat[question]) == template for row in asking), (job, template, question)
            assert any(holds(row, begins) for row in read) == template, job
            read.clear()
            if artifact.parts("config.json"):
                assert artifact.read_one("chat_template.jinja").decode() == TEMPLATE, job
