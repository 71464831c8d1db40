"""A pipeline is a value: stages, and which stage's artifact each of their inputs is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from octo.errors import UsageError
from octo.settings.base import JobSettings


@dataclass(frozen=True)
class Stage:
    """One job with its settings; `inputs` maps a field that holds addresses to the stages that produce them."""

    name: str
    settings: JobSettings
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def needs(self) -> frozenset[str]:
        """Names of the stages that must be committed first."""
        return frozenset(name for names in self.inputs.values() for name in names)


@dataclass(frozen=True)
class Pipeline:
    """Stages in an order in which each comes after what it needs."""

    name: str
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        """Refuse two stages of one name, and an input from a stage that does not come before."""
        seen: set[str] = set()
        for stage in self.stages:
            if stage.name in seen:
                raise UsageError(f"pipeline {self.name} has two stages called {stage.name!r}: rename one")
            if missing := stage.needs - seen:
                raise UsageError(f"stage {stage.name!r} needs {sorted(missing)}, which no stage before it is called")
            seen.add(stage.name)

    def stage(self, name: str) -> Stage:
        """The stage of that name; UsageError names the nearest one when there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        names = [stage.name for stage in self.stages]
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the stages are {', '.join(names)}"
        raise UsageError(f"pipeline {self.name} has no stage {name!r}: {hint}")

    def with_settings(self, changes: Mapping[str, JobSettings]) -> "Pipeline":
        """The same pipeline with other settings for some stages."""
        stages = (replace(stage, settings=changes.get(stage.name, stage.settings)) for stage in self.stages)
        return replace(self, stages=tuple(stages))

    def only(self, name: str) -> "Pipeline":
        """The part of the pipeline that the named stage needs, itself included."""
        wanted = {self.stage(name).name}
        for stage in reversed(self.stages):
            if stage.name in wanted:
                wanted |= stage.needs
        return replace(self, stages=tuple(stage for stage in self.stages if stage.name in wanted))
