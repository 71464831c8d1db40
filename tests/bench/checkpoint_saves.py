"""What a checkpoint takes from a training, and how fast one goes to the embedded store and comes back.

The stall is what the training's thread is held for by a save of a state of a gigabyte: the wall time of `after()` where
a save begins, less that where none does; its share is that of the whole of a synchronous save of the same state, which
is stored, read back by the verifier and kept while the thread waits. Saves of both kinds take turns.

Then tensors of half a gigabyte are saved and read back by octo and by each peer (_checkpoint_peers.py), by turns, each
in a place of its own. octo hashes what it reads, and compares; the peers do not. `*_cpu` are processor seconds a GiB,
with the server's: where all cores are busy they decide the rate. The server alone takes most of them, whoever saves.
"""

import statistics
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import torch

from octo.job import open_job
from octo.ml.checkpoint import Checkpoints
from octo.ml.engine import Engine
from octo.ml.saving.portions import own_portion
from octo.ml.saving.saver import SHARD_BYTES
from octo.ml.tensor_files import StoredTensors
from octo.ml.tensor_images import images
from octo.settings.midtraining import GangSettings, MidtrainingSettings, OptimizerSettings
from octo.storage.checkpoints import CheckpointFile, fetch
from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.store import Store, connect
from tests.bench._checkpoint_peers import Peer, Tensors, peers

WIDTH = 2048
LAYERS = 20
"""Of 4 million weights each: 12 bytes of state a weight are a gigabyte."""
SAVES = 5
TURNS = 3
NUM_TENSORS = 64
TENSOR_BYTES = 8 << 20
GIB = 1 << 30


def measure() -> dict[str, float]:
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else TURNS
    torch.set_num_threads(1)
    with TemporaryDirectory() as directory, embedded_store(Path(directory) / "store") as server:
        store = connect(f"{server.address}/{uuid.uuid4().hex}", server.s3)
        return {**_stalls(server, store), **_rates(server, store, Path(directory), turns=turns)}


class Layers(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(LAYERS))

    def forward(self, vector: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            vector = torch.tanh(layer(vector))
        return vector.square().mean()


def _stalls(server: EmbeddedStore, store: Store) -> dict[str, float]:
    model: Any = Layers()
    engine = Engine(model, settings=OptimizerSettings(zero_stage=1), micro_batches=1)
    vector = torch.ones(WIDTH)
    settings = MidtrainingSettings(store=store.address, s3=server.s3)
    held, cpu, waited = [], [], []
    with open_job(settings, "b" * 64, "bench", None) as job:
        checkpoints = Checkpoints(job, engine, num_steps=10**6, gang=GangSettings(checkpoint_every=3))
        checkpoints.restore()
        with checkpoints:
            for step in range(1, 3 * (SAVES + 1), 3):
                engine.step([lambda wrapped: wrapped(vector)], learning_rate=1e-4)
                plain = _timed(partial(checkpoints.after, step, dict))
                # A synchronous one is what a training does that is told to stop: nothing is copied.
                waited.append(_timed(lambda step=step: _save_and_wait(checkpoints, engine, step + 1))[0])
                saving = _timed(partial(checkpoints.after, step + 2, dict))
                held.append(saving[0] - plain[0])
                cpu.append(saving[1] - plain[1])
                checkpoints._conclude(wait=True)
            size = own_portion(engine, 0, {}).num_bytes
    # The first takes the room for the copy too.
    whole = statistics.median(waited[1:])
    return {
        "state_gb": size / 1e9,
        "synchronous_seconds": whole,
        "stall_seconds": statistics.median(held[1:]),
        "stall_cpu_seconds": statistics.median(cpu[1:]),
        "stall_share": statistics.median(held[1:]) / whole,
        "first_stall_share": held[0] / whole,
    }


def _save_and_wait(checkpoints: Checkpoints, engine: Engine, step: int) -> None:
    checkpoints._begin(own_portion(engine, step, {}), stopping=True)
    checkpoints._conclude(wait=True)
    assert checkpoints._latest is not None
    assert checkpoints._latest.checkpoints()[0].step == step


def _timed(action: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and this thread's processor seconds."""
    began = time.perf_counter(), time.thread_time()
    action()
    return time.perf_counter() - began[0], time.thread_time() - began[1]


def _rates(server: EmbeddedStore, store: Store, folder: Path, *, turns: int) -> dict[str, float]:
    generator = torch.Generator().manual_seed(1)
    tensors = {f"layer.{number}": torch.rand(TENSOR_BYTES // 4, generator=generator) for number in range(NUM_TENSORS)}
    into = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    size = NUM_TENSORS * TENSOR_BYTES
    ways = {"octo": _octo(store, folder), **peers(server, store, folder / "peers")}
    saves: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    loads: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, (write, read) in ways.items():
            key = f"{name}-{turn}"
            saves[name].append(_spent(server, partial(write, key, tensors)))
            for each in into.values():
                each.zero_()
            loads[name].append(_spent(server, partial(read, key, into)))
            assert all(torch.equal(into[tensor], tensors[tensor]) for tensor in tensors), name
            for stored in store.list(key):
                store.delete(stored)
    figures: dict[str, float] = {}
    for what, spent in (("save", saves), ("load", loads)):
        # The first of each is to warm up.
        rates = {name: size / 1e6 / statistics.median(wall for wall, _ in each[1:]) for name, each in spent.items()}
        figures |= {f"{what}_mb_per_second.{name}": rate for name, rate in rates.items()}
        figures |= {
            f"{what}_cpu.{name}": statistics.median(cpu for _, cpu in each[1:]) * GIB / size
            for name, each in spent.items()
        }
        figures[f"{what}_share"] = rates["octo"] / max(rate for name, rate in rates.items() if name != "octo")
        least = min(figures[f"{what}_cpu.{name}"] for name in ways if name != "octo")
        figures[f"{what}_cpu_share"] = least / figures[f"{what}_cpu.octo"]
    return figures


def _octo(store: Store, folder: Path) -> Peer:
    """As a saver sends its portion, and as a training that goes on takes it."""
    stored: dict[str, list[CheckpointFile]] = {}

    def write(name: str, tensors: Tensors) -> None:
        stored[name] = []
        for file, image in images(tensors, name, most_bytes=SHARD_BYTES).items():
            sha256 = store.upload_read(file, image.size, image.read)
            stored[name].append(CheckpointFile(name=file, holds="model", key=file, sha256=sha256, size=image.size))

    def read(name: str, into: Tensors) -> None:
        for file in stored[name]:
            fetch(store, file, folder / file.name)
        found = StoredTensors(folder / file.name for file in stored[name])
        for tensor in into:
            into[tensor].copy_(found[tensor])
        for file in stored[name]:
            (folder / file.name).unlink()

    return write, read


def _spent(server: EmbeddedStore, action: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and processor seconds of this process and of the server's."""
    began = time.perf_counter(), _cpu(server)
    action()
    return time.perf_counter() - began[0], _cpu(server) - began[1]


def _cpu(server: EmbeddedStore) -> float:
    served = psutil.Process(server.pid)
    return time.process_time() + sum(
        each.cpu_times().user + each.cpu_times().system for each in (served, *served.children(recursive=True))
    )
