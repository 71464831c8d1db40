"""datatrove's extractor over a list of pages; run by an interpreter that has datatrove and trafilatura."""

import json
import sys
import time
from pathlib import Path

from datatrove.pipeline.extractors import Trafilatura


def main(pages: list[str], rounds: int) -> None:
    """Print the least of the rounds' seconds, and the texts."""
    extractor = Trafilatura()
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        texts = [extractor.extract(page) or "" for page in pages]
        seconds.append(time.process_time() - began)
    print(json.dumps({"seconds": min(seconds), "texts": texts}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2]))
