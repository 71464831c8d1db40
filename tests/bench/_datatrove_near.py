"""datatrove's four stages of MinHash over a folder of JSON lines; run by an interpreter that has datatrove."""

import json
import resource
import sys
import tempfile
from itertools import combinations
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

BANDS, ROWS, WORDS_OF_A_RUN = 11, 10, 5


def main(corpus: Path) -> None:
    """Run the stages one after another, and print the pairs that share a cluster."""
    files = sorted(corpus.glob("*.jsonl"))
    config = MinhashConfig(n_grams=WORDS_OF_A_RUN, num_buckets=BANDS, hashes_per_bucket=ROWS)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        signatures, buckets, removed = (str(place / name) for name in ("signatures", "buckets", "removed"))
        reader = JsonlReader(str(corpus), glob_pattern="*.jsonl", id_key="id")
        stages = [
            ([reader, MinhashDedupSignature(signatures, config=config)], len(files)),
            ([MinhashDedupBuckets(signatures, buckets, config=config)], BANDS),
            ([MinhashDedupCluster(buckets, removed, config=config, save_cluster_id=True)], 1),
            (
                [
                    reader,
                    MinhashDedupFilter(removed, load_cluster_ids=True),
                    JsonlWriter(str(place / "kept"), compression=None),
                ],
                len(files),
            ),
        ]
        for number, (pipeline, tasks) in enumerate(stages):
            logs = str(place / f"logs-{number}")
            LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=logs).run()
        kept = {json.loads(line)["id"] for file in (place / "kept").glob("*") for line in file.open()}
        clusters = _clusters(place, removed, files)
    pairs = [pair for members in clusters for pair in combinations(members, 2)]
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"pairs": pairs, "kept": len(kept), "mib": mib}))


def _clusters(place: Path, removed: str, files: list[Path]) -> list[list[str]]:
    """The ids in each cluster, as its files say: a row's number and its cluster, four bytes each."""
    found: dict[int, list[str]] = {}
    for rank, file in enumerate(files):
        ids = [json.loads(line)["id"] for line in file.open()]
        body = (Path(removed) / f"{rank:06}.clusters").read_bytes()
        numbers = [int.from_bytes(body[at : at + 4], "little") for at in range(0, len(body), 4)]
        for row, cluster in zip(numbers[::2], numbers[1::2], strict=True):
            found.setdefault(cluster, []).append(ids[row])
    return list(found.values())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
