"""How many indexes a second one process commits on the embedded store, and how that compares with bare boto3.

A commit is two objects: a part of 1 KiB, and the claim. The floor is boto3's put_object of the same two bodies, without
conditions, checks or retries of octo's own. Both are timed side by side, in blocks by turns, so that a busy machine
slows both; the ratio is that of the medians.
"""

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import boto3.session
from botocore.config import Config

from octo.storage.artifacts import Commit, IndexResult, Output
from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.probe import probe
from octo.storage.store import Store, connect

BLOCKS = 11
COMMITS = 20
"""In one block. All blocks take 5 to 10 seconds."""
BODY = bytes(range(256)) * 4


def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory, embedded_store(Path(directory)) as server:
        store = connect(f"{server.address}/{uuid.uuid4().hex}", server.s3)
        commit, put = committing(store), putting(server, store)
        commit(0), put(0)
        seconds = [(timed(commit, block), timed(put, block)) for block in range(1, BLOCKS + 1)]
        probes = [seconds_of(lambda: probe(store, rivals=0)) for _ in range(5)]
    ours, floor = (statistics.median(column) for column in zip(*seconds, strict=True))
    return {
        "commits_per_second": COMMITS / ours,
        "ratio_to_boto3": floor / ours,
        "probe_seconds": statistics.median(probes),
    }


def committing(store: Store) -> Callable[[int], Commit]:
    output = Output(store, job="bench", digest="0" * 64, attempt="only")
    return lambda index: output.commit(index, IndexResult(parts={"documents": BODY}))


def putting(server: EmbeddedStore, store: Store) -> Callable[[int], None]:
    """Bare boto3 with the defaults of a careful user, for bodies of the same sizes under keys of the same lengths."""
    assert server.s3.access_key
    assert server.s3.secret_key
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=server.s3.endpoint,
        region_name=server.s3.region,
        aws_access_key_id=server.s3.access_key.get_secret_value(),
        aws_secret_access_key=server.s3.secret_key.get_secret_value(),
        config=Config(s3={"addressing_style": "path"}),
    )
    claim = committing(store)(10**9).canonical()
    folder = store.location.key(f"artifacts/bench/{'1' * 64}")

    def put(index: int) -> None:
        client.put_object(Bucket=store.location.bucket, Key=f"{folder}/parts/{index}-only.documents", Body=BODY)
        client.put_object(Bucket=store.location.bucket, Key=f"{folder}/commits/{index}.json", Body=claim)

    return put


def timed(action: Callable[[int], object], block: int) -> float:
    return seconds_of(lambda: [action(block * COMMITS + number) for number in range(COMMITS)])


def seconds_of(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
