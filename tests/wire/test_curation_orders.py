"""A curation keeps the same documents however they are dealt to shards, in whatever order, by any number of workers."""

import hashlib
import json
import os
from itertools import product

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from octo.data.documents import new_document
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.asked_documents import commit_documents, pages
from tests.wire.curation_graph import made_of
from tests.wire.endpoints import endpoint

PERMUTATIONS = int(os.environ.get("PERMUTATIONS", "10"))


def digests(artifacts: list[Artifact]) -> dict[str, str]:
    """By stage, one digest of all that its rows say, in an order of their own."""
    found = {}
    for number, artifact in enumerate(artifacts):
        for name in sorted({part.name for part in artifact.parts() if part.name.endswith(".parquet")}):
            if name.startswith(("slices-", "tokens-")):
                # Which document lies in which sequence depends on its shard.
                continue
            rows = sorted(
                json.dumps(row)
                for part in artifact.parts(name)
                for row in pq.read_table(pa.BufferReader(artifact.read(part))).to_pylist()
            )
            said = hashlib.sha256("\n".join(rows).encode()).hexdigest()
            found[f"{number} {artifact.manifest.job} {name}"] = f"{len(rows)} rows {said}"
    tokens = artifacts[-1].manifest.counters
    return found | {name: str(count) for name, count in tokens.items() if name.startswith(("documents.", "tokens.w"))}


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    """What the first of them finds."""
    return {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("shards", "workers"), list(product((1, 4, 16), (1, 2, 4))))
def test_what_is_kept_depends_on_the_documents_alone(
    store: Store, embedded: EmbeddedStore, expected: dict[str, str], shards: int, workers: int
) -> None:
    whole = pages(60)
    near = [
        new_document(f"{page.text} Page {number}.", source="web", url=page.url, date=page.date)
        for number, page in enumerate(whole[:12])
    ]
    documents = [*whole, *near, *whole[:9]]
    found = {}
    with endpoint() as service:
        for order in range(PERMUTATIONS):
            place = store.at(f"{store.address}/{order}")
            dealt = commit_documents(place, documents, shards=shards, order=order)
            reached = {"store": place.address, "s3": embedded.s3, "probe": False, "workers": workers}
            found[order] = digests(list(made_of(dealt, reached, service=service.url)))
    assert all(each == found[0] for each in found.values())
    # All numbers of shards and of workers agree with the first.
    assert found[0] == (expected or found[0])
    expected.update(found[0])
