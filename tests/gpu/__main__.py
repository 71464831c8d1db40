"""What there is to run on a machine with a GPU: every test marked `gpu`, and the benchmark. `make gpu` calls it.

It installs nothing. Packages of octo's that the machine lacks are taken from `.gpu/pythonX.Y`, which
`make gpu-packages` fills on another machine. Figures go to standard output, a line each as soon as it is known, and all
else to standard error; both parts are given a limit, which keeps the whole within eight minutes.
"""

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[2]
CARRIED = ROOT / ".gpu" / f"python{sys.version_info.major}.{sys.version_info.minor}"
NEEDED = ("torch", "transformers", "numpy", "pyarrow", "safetensors", "tokenizers", "pytest", "pytest_timeout")
"""What comes with the machine."""
LACKED = ("pydantic", "pydantic_settings", "boto3", "opentelemetry")
"""What may not."""
TESTS_SECONDS = 210
WHOLE_SECONDS = 460
"""Under eight minutes with the imports before and the end of a process that is stopped."""
EXIT_FAILED, EXIT_CANNOT = 1, 2


def main() -> int:
    """Check the machine, run both parts, and say what became of them."""
    start = monotonic()
    if CARRIED.is_dir():
        sys.path.insert(0, str(CARRIED))
    if trouble := trouble_of_machine():
        print(trouble, file=sys.stderr)
        return EXIT_CANNOT
    tests = [sys.executable, "-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider"]
    # What the other tests share starts a store, which no machine with a GPU need have.
    tests += ["--confcutdir", "tests/gpu", "tests/gpu"]
    ended = {
        "tests": run(tests, seconds=TESTS_SECONDS, to_stderr=True),
        "benchmark": run([sys.executable, "-m", "tests.gpu.benchmark"], seconds=WHOLE_SECONDS - (monotonic() - start)),
    }
    for name, trouble in ended.items():
        if trouble:
            print(f"{name}: {trouble}", file=sys.stderr)
    return EXIT_FAILED if any(ended.values()) else 0


def trouble_of_machine() -> str:
    """Why nothing can be run here, in a sentence; empty where it can."""
    if missing := _missing(NEEDED):
        return f"{sys.executable} lacks {missing}: name a Python that has them, make gpu GPU_PYTHON=/path/to/python3"
    if missing := _missing(LACKED):
        return (
            f"{sys.executable} lacks {missing}, which octo needs: call make gpu-packages where packages can be had, "
            f"and bring {CARRIED.relative_to(ROOT)} here"
        )
    import torch  # noqa: PLC0415 - the sentences before are for a machine without it

    if not torch.cuda.is_available():
        return (
            f"no GPU: torch {torch.__version__} finds none on this machine, and everything that make gpu runs needs one"
        )
    return ""


def run(command: list[str], *, seconds: float, to_stderr: bool = False) -> str:
    """Run a process with the time that is left to it; what went wrong, or nothing."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(_paths()), "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, timeout=seconds, check=False, stdout=sys.stderr if to_stderr else None
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {seconds:.0f} s, so that what was still to come is missing"
    return "" if done.returncode == 0 else f"ended with exit code {done.returncode}"


def _missing(names: Iterable[str]) -> str:
    return ", ".join(name for name in names if find_spec(name) is None)


def _paths() -> list[str]:
    """Where a child looks first: what was carried, then octo itself, then what it was told."""
    return [*([str(CARRIED)] if CARRIED.is_dir() else []), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]


if __name__ == "__main__":
    sys.exit(main())
