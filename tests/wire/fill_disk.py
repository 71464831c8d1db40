"""Fills the disk below an embedded store and reports as JSON what happened: `python -m tests.wire.fill_disk DIRECTORY`.

Run it in a mount namespace of its own: it mounts a small disk at the directory and makes that larger in the end.
"""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

from octo.errors import NoSpaceError
from octo.storage import embedded
from octo.storage.artifacts import IndexResult, Output
from octo.storage.store import Store, connect

DIGEST = hashlib.sha256(b"").hexdigest()
SMALL, LARGE = "100m", "400m"
MOST = 200


def body(index: int) -> bytes:
    return random.Random(index).randbytes(2**20)


def commit_until_full(store: Store) -> tuple[int, str]:
    output = Output(store, job="curation", digest=DIGEST, attempt="first")
    for index in range(MOST):
        try:
            output.commit(index, IndexResult(parts={"documents": body(index)}))
        except NoSpaceError as error:
            return index, str(error)
    return MOST, "never full"


def intact(store: Store) -> list[int]:
    commits = Output(store, job="curation", digest=DIGEST, attempt="looking").committed()
    return [index for index, commit in commits.items() if store.get(commit.parts[0].key) == body(index)]


def main(directory: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(directory)]
    subprocess.run(mount, check=True)
    embedded.FULL_SECONDS, embedded.STOP_SECONDS = 0.5, 2.0
    with embedded.embedded_store(directory) as server:
        store = connect(server.address, server.s3, attempts=2)
        committed, message = commit_until_full(store)
        while_full = intact(store)
        served = server.alive()
    try:
        with embedded.embedded_store(directory):
            start = "started on a full disk"
    except NoSpaceError as error:
        start = str(error)
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(directory)], check=True)
    with embedded.embedded_store(directory) as server:
        store = connect(server.address, server.s3)
        after = intact(store)
        commit = Output(store, job="curation", digest=DIGEST, attempt="second").commit(
            committed, IndexResult(parts={"documents": body(committed)})
        )
    report = {"committed": committed, "message": message, "while_full": while_full, "served": served, "start": start}
    print(json.dumps({**report, "after": after, "resumed_by": commit.attempt}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
