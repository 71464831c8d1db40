"""A pod beside a fleet: vLLM's server of chat completions, with the weights of an artifact or a model that it knows."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn, TypeVar

from octo.errors import InputError, StageFailedError
from octo.job import Job
from octo.model_files import CONFIGURATION, is_of_model, is_weights
from octo.processes import dying_with_parent
from octo.settings.endpoint import AskingSettings
from octo.storage.artifacts import Artifact
from octo.trainings import models_of

STOP_SECONDS = 20.0
S = TypeVar("S", bound=AskingSettings)


def serve(job: Job[S]) -> NoReturn:
    """Serve the model until this process is stopped; StageFailedError when the server ends before.

    It commits nothing. Weights are fetched file by file, so that no more than a transfer's buffers is held.
    """
    endpoint = job.settings.endpoint
    model = endpoint.model
    if given := job.inputs["weights"]:
        folder = job.scratch / "model"
        folder.mkdir()
        fetch_files(given[0], folder)
        model = str(folder)
    key = endpoint.api_key
    environment = {**os.environ, **({"VLLM_API_KEY": key.get_secret_value()} if key else {})}
    command = dying_with_parent([sys.executable, "-m", *server_arguments(job.settings, model)])
    with subprocess.Popen(command, env=environment, stdout=sys.stderr) as server:  # noqa: S603 - our own flags
        try:
            code = server.wait()
        finally:
            server.terminate()
            try:
                server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
    raise StageFailedError(f"vLLM's server of {endpoint.model} ended with exit code {code}: its log says why")


def server_arguments(settings: AskingSettings, model: str) -> list[str]:
    """The module that serves, and its flags."""
    serving = settings.endpoint.serving
    return [
        "vllm.entrypoints.openai.api_server",
        f"--model={model}",
        f"--served-model-name={settings.endpoint.model}",
        f"--port={serving.port}",
        f"--seed={settings.seed}",
        f"--tensor-parallel-size={max(1, serving.accelerators)}",
        # What a model's files say of sampling is not what is asked.
        "--generation-config=vllm",
        *([f"--max-model-len={serving.max_model_tokens}"] if serving.max_model_tokens else []),
    ]


def fetch_files(artifact: Artifact, folder: Path) -> None:
    """Bring the files of the artifact's first model into a folder; InputError when it holds none."""
    parts = [part for part in models_of(artifact)[0].parts() if part.index == 0 and is_of_model(part.name)]
    names = {part.name for part in parts}
    if CONFIGURATION not in names or not any(map(is_weights, names)):
        raise InputError(
            f"--weights {artifact.address} holds no model: it is of the job {artifact.manifest.job}; give the address "
            "of a pretrained, midtraining, tuning or rl artifact"
        )
    for part in parts:
        artifact.fetch(part, folder / part.name)
