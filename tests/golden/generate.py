"""Write the compiled pipelines that tests compare with: `make generate`."""

import sys
from pathlib import Path

from octo.pipelines.catalogue import PIPELINES
from octo.pipelines.kubeflow import compile_pipeline
from octo.pipelines.settings import DEFAULT_PRESET
from octo.render.examples import INSTALLATION

FOLDER = Path(__file__).parent


def golden_files() -> dict[str, str]:
    """Each pipeline as compiled for the installation of the examples, by the file's name."""
    return {f"{name}.yaml": compile_pipeline(make(DEFAULT_PRESET), INSTALLATION) for name, make in PIPELINES.items()}


def main() -> int:
    """Write every file, and remove those that no pipeline is behind."""
    files = golden_files()
    for stale in FOLDER.glob("*.yaml"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
