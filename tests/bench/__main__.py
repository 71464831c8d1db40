"""Runs benchmarks and prints their figures beside the baselines: `python -m tests.bench [NAME]`.

A benchmark is a module of this folder with `measure() -> dict[str, float]`. Figures are CPU seconds or ratios of
two things measured in one run, so that another machine, or a busy one, moves them little. Baselines are this
folder's baselines.json.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    names = sorted(module.name for module in iter_modules([str(HERE)]) if not module.name.startswith("_"))
    unknown = [name for name in arguments if name not in names]
    if unknown:
        print(f"no benchmark is called {unknown[0]!r}: there is {', '.join(names)}", file=sys.stderr)
        return 2
    baselines = json.loads((HERE / "baselines.json").read_text())
    lines = []
    for name in arguments or names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        for figure, value in import_module(f"tests.bench.{name}").measure().items():
            baseline = baselines.get(name, {}).get(figure)
            beside = f"  (baseline {baseline:.4g})" if baseline is not None else ""
            print(f"{name}.{figure} {value:.4g}{beside}", file=sys.stderr)
            lines.append(f"{name}.{figure}: {value:.6g}")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
