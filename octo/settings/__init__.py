"""One module of settings for each job; JOBS finds them."""

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from octo.settings.base import JobSettings

NOT_JOBS = frozenset(
    {
        *("__init__", "base", "cluster", "combined", "files", "installation", "loading", "sources", "table"),
        *(
            "bad_steps",
            "benchmarks",
            "coupling",
            "denoising",
            "endpoint",
            "gates",
            "lines",
            "lora",
            "near",
            "noising",
            "prompts",
            "proof",
            "rules",
            "schedule",
            "scoring",
            "source_options",
            "special",
        ),
    }
)
"""The modules of this package that jobs' settings stand on: some every job's, some a group of several jobs."""


class _Jobs(Mapping[str, type["JobSettings"]]):
    """Each job's settings class by the job's name. A module is imported when its class is asked for."""

    @cached_property
    def _modules(self) -> dict[str, Path]:
        modules = sorted(Path(__file__).parent.glob("*.py"))
        return {module.stem: module for module in modules if module.stem not in NOT_JOBS}

    def __getitem__(self, job: str) -> type["JobSettings"]:
        if job not in self._modules:
            raise KeyError(job)
        module = import_module(f"{__name__}.{job}")
        found: type[JobSettings] = next(each for each in vars(module).values() if getattr(each, "job", None) == job)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def summary(self, job: str) -> str:
        """What the job does, in one line: its class's docstring, read without importing anything."""
        for node in ast.parse(self._modules[job].read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name.lower() == f"{job}settings".replace("_", ""):
                return (ast.get_docstring(node) or "").partition("\n")[0]
        return ""


JOBS = _Jobs()
