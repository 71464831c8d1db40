"""Serves a real S3 store from /scratch/store inside a container; prints how to reach it, then each object asked for."""

import json
import sys
from pathlib import Path

from octo.storage.embedded import embedded_store
from octo.storage.store import connect

with embedded_store(Path("/scratch/store")) as server:
    assert server.s3.access_key
    assert server.s3.secret_key
    secret = {
        "endpoint": server.s3.endpoint,
        "access_key": server.s3.access_key.get_secret_value(),
        "secret_key": server.s3.secret_key.get_secret_value(),
    }
    print(json.dumps(secret), flush=True)
    store = connect(server.address, server.s3)
    for address in sys.stdin:
        content = json.loads(store.get(address.strip().removeprefix(f"{server.address}/")))
        print(json.dumps(content), flush=True)
