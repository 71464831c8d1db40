"""datatrove's fastText filter over a folder of JSON lines; run by an interpreter that has datatrove."""

import sys
import tempfile
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import FastTextClassifierFilter
from datatrove.pipeline.readers import JsonlReader


def main(folder: Path) -> None:
    """Score every document, and pass on those that are kept."""
    scoring = FastTextClassifierFilter(
        str(folder / "classifier.bin"), keep_labels=[("keep", 0.4)], newline_replacement=" "
    )
    reader = JsonlReader(str(folder), glob_pattern="*.jsonl", id_key="id")
    with tempfile.TemporaryDirectory() as logs:
        LocalPipelineExecutor([reader, scoring], tasks=1, workers=1, logging_dir=logs).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
