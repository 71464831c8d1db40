"""A pipeline is a value: stages, and which stage's artifact each of their inputs is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from octo.errors import UsageError
from octo.settings.base import JobSettings
from octo.settings.sources import setting_called
from octo.settings.table import Setting, value_at
from octo.transformer_shape import TransformerShape


@dataclass(frozen=True)
class Stage:
    """One job with its settings; `inputs` maps a field that holds addresses to the stages that produce them."""

    name: str
    settings: JobSettings
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shape: TransformerShape | None = None
    """Of the model that the stage brings from elsewhere, which its settings do not say; for plans alone."""
    after: tuple[str, ...] = ()
    """Stages to wait for without reading what they make: those that commit this one's artifact on their way."""

    @property
    def awaits(self) -> frozenset[str]:
        """Names of the stages that must be over before this one starts, where they are in the pipeline."""
        return self.needs | frozenset(self.after)

    @property
    def needs(self) -> frozenset[str]:
        """Names of the stages that must be committed first."""
        return frozenset(name for names in self.inputs.values() for name in names)

    def check_complete(self) -> None:
        """UsageError, which names the stage, where it could not start whatever the stages before it make."""
        try:
            self.reading(dict.fromkeys(self.needs, "what comes before")).check_complete()
        except UsageError as error:
            raise UsageError(f"stage {self.name}: {error}") from None

    def reading(self, addresses: Mapping[str, str]) -> JobSettings:
        """The settings with the addresses of what the stages before have committed filled in."""
        found = {name: tuple(addresses[producer] for producer in producers) for name, producers in self.inputs.items()}
        return self.settings.model_copy(
            update={
                name: given if isinstance(getattr(self.settings, name), tuple) else given[0]
                for name, given in found.items()
            }
        )


@dataclass(frozen=True)
class Parameter:
    """A setting that whoever starts a compiled pipeline is asked for: one value for all of these stages."""

    name: str
    key: str
    """Of the setting: learning_rate, or optimizer.weight_decay."""
    stages: tuple[str, ...]

    def setting(self, stage: Stage) -> Setting:
        """The setting as the stage's job describes it."""
        return setting_called(type(stage.settings), self.key, f"parameter {self.name}")

    def value(self, stage: Stage) -> object:
        """What the setting is for that stage."""
        return value_at(stage.settings, self.setting(stage).path)


@dataclass(frozen=True)
class Pipeline:
    """Stages in an order in which each comes after what it needs."""

    name: str
    stages: tuple[Stage, ...]
    description: str = ""
    """One line for whoever chooses among pipelines."""
    parameters: tuple[Parameter, ...] = ()
    """What a run of the compiled pipeline can be started with; here, a default is its stages' present value."""

    def __post_init__(self) -> None:
        """Refuse a name that is used twice, an input from a stage that does not come before, an unclear parameter."""
        seen: set[str] = set()
        for stage in self.stages:
            if stage.name in seen:
                raise UsageError(f"pipeline {self.name} has two stages called {stage.name!r}: rename one")
            if missing := stage.awaits - seen:
                raise UsageError(f"stage {stage.name!r} needs {sorted(missing)}, which no stage before it is called")
            seen.add(stage.name)
        if len({parameter.name for parameter in self.parameters}) < len(self.parameters):
            raise UsageError(f"pipeline {self.name} has two parameters of one name: rename one")
        for parameter in self.parameters:
            self._check_parameter(parameter)

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
        """The same pipeline with other settings for some stages.

        A stage that is given another value for a parameter's setting keeps it, and is asked for no longer.
        """
        return self._with_stages(
            [replace(each, settings=changes.get(each.name, each.settings)) for each in self.stages]
        )

    def only(self, name: str) -> "Pipeline":
        """The part of the pipeline that the named stage needs, itself included."""
        wanted = {self.stage(name).name}
        for stage in reversed(self.stages):
            if stage.name in wanted:
                wanted |= stage.needs
        return self._with_stages([stage for stage in self.stages if stage.name in wanted])

    def _with_stages(self, stages: Sequence[Stage]) -> "Pipeline":
        """These stages, and the parameters of those of them that have the values they had."""
        here = {stage.name: stage for stage in stages}
        stages = [replace(each, after=tuple(name for name in each.after if name in here)) for each in stages]
        parameters = [
            replace(
                each,
                stages=tuple(
                    name
                    for name in each.stages
                    if name in here and each.value(here[name]) == each.value(self.stage(name))
                ),
            )
            for each in self.parameters
        ]
        return replace(self, stages=tuple(stages), parameters=tuple(each for each in parameters if each.stages))

    def _check_parameter(self, parameter: Parameter) -> None:
        stages = [self.stage(name) for name in parameter.stages]
        if any(parameter.value(stage) != parameter.value(stages[0]) for stage in stages):
            raise UsageError(
                f"parameter {parameter.name} of pipeline {self.name} is one value for {', '.join(parameter.stages)}, "
                f"whose {parameter.key} differ: set them alike, or give them parameters of their own"
            )
        for stage in stages:
            setting = parameter.setting(stage)
            if setting.switch or setting.optional:
                # A step's arguments are texts with values filled in: there is none for a flag that takes no value.
                raise UsageError(f"parameter {parameter.name}: {parameter.key} may have no value, so it cannot be one")
            if setting.path[0] in stage.inputs:
                producers = ", ".join(stage.inputs[setting.path[0]])
                raise UsageError(f"parameter {parameter.name}: {stage.name} takes {parameter.key} from {producers}")
