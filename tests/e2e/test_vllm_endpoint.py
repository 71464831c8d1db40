"""vLLM's own server on a processor, started as a pod beside a fleet starts it, and asked as a fleet asks."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from octo.errors import UsageError
from octo.llm.asking import Asker
from octo.llm.chat import Answer, Question, Refusal
from octo.llm.endpoint import Endpoint
from octo.llm.generations import Generations
from octo.llm.serving import fetch_files, server_arguments
from octo.settings.endpoint import EndpointSettings, ServingSettings
from octo.settings.grading import GradingSettings
from octo.storage.patience import REAL_TIME
from octo.storage.store import Store
from tests.committing import commit_model
from tests.ports import free_port
from tests.wire.pretrained_models import tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PYTHON = Path(__file__).parents[2] / ".vllm" / "bin" / "python"
NAME, KEY = "tiny", "sk-tiny"
TEMPLATE = "{% for each in messages %}{{ each['content'] }}\n{% endfor %}"


@pytest.mark.skipif(not PYTHON.exists(), reason="make .vllm/ready installs vLLM for a processor")
def test_vllm_serves_an_artifact_of_a_model_and_is_asked_as_any_service_is(store: Store, tmp_path: Path) -> None:
    served = tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=served.vocabulary_size,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
    )
    artifact = commit_model(store, LlamaForCausalLM(config), served)
    fetch_files(artifact, tmp_path)
    (tmp_path / "chat_template.jinja").write_text(TEMPLATE)
    port = free_port()
    serving = ServingSettings(pods=1, port=port, accelerators=0, max_model_tokens=256)
    endpoint = EndpointSettings.model_validate(
        {"model": NAME, "serving": serving, "api_key": KEY, "max_new_tokens": 8, "patience_seconds": 900}
    )
    settings = GradingSettings(endpoint=endpoint).served_by((f"http://127.0.0.1:{port}",))
    with vllm(server_arguments(settings, str(tmp_path))):
        texts = ["a b c", "def f(x): return x", "a b c", "1 " * 400]
        first, second, again, too_long = answers(store, settings.endpoint, texts)
        assert isinstance(first, Answer)
        assert (first.answered_by, first.completion_tokens) == (NAME, 8)
        assert not first.finished
        assert first.prompt_tokens
        assert isinstance(second, Answer)
        assert again == first
        assert isinstance(too_long, Refusal)
        assert "256" in too_long.sentence
        for wrong in ({"model": "huge"}, {"api_key": "sk-other"}):
            other = EndpointSettings.model_validate({**settings.endpoint.model_dump(), "api_key": KEY, **wrong})
            with pytest.raises(UsageError):
                answers(store, other, ["something else"])


def answers(store: Store, given: EndpointSettings, texts: list[str]) -> list[Any]:
    with Endpoint(given, clock=REAL_TIME) as service:
        asker = Asker(given, service, Generations(store), identity="")
        return [
            asker.answer(Question(given.model, "", "Say it again", text, 0.0, given.max_new_tokens, 0))
            for text in texts
        ]


@contextmanager
def vllm(arguments: list[str]) -> Iterator[None]:
    quiet = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "VLLM_API_KEY": KEY}
    command = [str(PYTHON), "-m", *arguments, "--enforce-eager", "--dtype=float32", "--max-num-seqs=4"]
    with subprocess.Popen(command, env={**os.environ, **quiet}) as server:
        try:
            yield
        finally:
            server.terminate()
