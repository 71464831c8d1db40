"""A compiled pipeline, read as Kubeflow's backend reads it: references followed, arguments filled in.

How a value becomes text was read in the backend's sources: KFP 2.17 fills inputs in its driver, older ones in the
launcher, which write numbers in two ways.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

PLACEHOLDER = re.compile(r"\{\{\$(.*?)\}\}")
RUN_ID = "{{$.pipeline_job_uuid}}"
EXECUTOR_INPUT = '{"outputs": {"outputFile": "/s3/root/output_metadata.json"}}'

Values = Mapping[str, Any]


@dataclass
class Compiled:
    """The two documents of a compiled pipeline."""

    spec: dict[str, Any]
    platforms: dict[str, Any]

    @classmethod
    def of(cls, text: str) -> "Compiled":
        spec, platforms = yaml.load_all(text, yaml.CSafeLoader)
        return cls(spec, platforms)

    @property
    def tasks(self) -> dict[str, Any]:
        return self.spec["root"]["dag"]["tasks"]

    @property
    def parameters(self) -> dict[str, Any]:
        return self.spec["root"].get("inputDefinitions", {}).get("parameters", {})

    @property
    def pods(self) -> dict[str, Any]:
        return self.platforms["platforms"]["kubernetes"]["deploymentSpec"]["executors"]

    def component(self, task: str) -> dict[str, Any]:
        return self.spec["components"][self.tasks[task]["componentRef"]["name"]]

    def container(self, task: str) -> dict[str, Any]:
        return self.spec["deploymentSpec"]["executors"][self.component(task)["executorLabel"]]["container"]

    def defaults(self) -> dict[str, Any]:
        return {name: definition["defaultValue"] for name, definition in self.parameters.items()}

    def producers(self, task: str) -> dict[str, str]:
        """The task that each of its inputs comes from."""
        sources = self.tasks[task]["inputs"]["parameters"]
        return {
            name: source["taskOutputParameter"]["producerTask"]
            for name, source in sources.items()
            if "taskOutputParameter" in source
        }

    def arguments(
        self, task: str, *, parameters: Values, artifacts: Values, run_id: str, written: Callable[[Any], str]
    ) -> list[str]:
        """The arguments that the step's process gets, with every value as `written`."""

        def value(source: Values) -> Any:
            if "componentInputParameter" in source:
                return parameters[source["componentInputParameter"]]
            if "taskOutputParameter" in source:
                return artifacts[source["taskOutputParameter"]["producerTask"]]
            constant = source["runtimeValue"]["constant"]
            return run_id if constant == RUN_ID else constant

        sources = self.tasks[task]["inputs"]["parameters"]
        inputs = {f".inputs.parameters['{name}']": written(value(source)) for name, source in sources.items()}
        return [
            PLACEHOLDER.sub(lambda found: _stands_for(found[1], inputs), argument)
            for argument in self.container(task)["args"]
        ]


def dangling(compiled: Compiled) -> list[str]:
    """Every reference that leads nowhere, every name that nothing leads to, in sentences; none when all is well."""
    return [*_unresolved(compiled), *_unused(compiled)]


def _unresolved(compiled: Compiled) -> Iterator[str]:
    components, executors = compiled.spec["components"], compiled.spec["deploymentSpec"]["executors"]
    for name, task in compiled.tasks.items():
        component = components.get(task["componentRef"]["name"])
        if component is None:
            yield f"{name}: no component {task['componentRef']['name']}"
            continue
        executor = executors.get(component["executorLabel"])
        if executor is None or component["executorLabel"] not in compiled.pods:
            yield f"{name}: no executor {component['executorLabel']}"
            continue
        for producer in set(task.get("dependentTasks", ())) - set(compiled.tasks):
            yield f"{name}: no task {producer} to wait for"
        declared = component.get("inputDefinitions", {}).get("parameters", {})
        given = task.get("inputs", {}).get("parameters", {})
        for missing in set(declared) ^ set(given):
            yield f"{name}: input {missing} is declared or given, not both"
        for key in set(declared) & set(given):
            yield from _wrong_source(compiled, name, key, given[key], declared[key]["parameterType"])
        for argument in [*executor["container"]["command"], *executor["container"]["args"]]:
            for placeholder in PLACEHOLDER.findall(argument):
                if placeholder not in _placeholders(component):
                    yield f"{name}: nothing stands for {placeholder} in {argument}"


def _wrong_source(compiled: Compiled, task: str, key: str, source: Values, kind: str) -> Iterator[str]:
    if "componentInputParameter" in source:
        definition = compiled.parameters.get(source["componentInputParameter"])
        if definition is None:
            yield f"{task}.{key}: the pipeline has no parameter {source['componentInputParameter']}"
        elif definition["parameterType"] != kind:
            yield f"{task}.{key}: is {kind}, and the pipeline's parameter is {definition['parameterType']}"
    elif "taskOutputParameter" in source:
        producer, output = source["taskOutputParameter"]["producerTask"], source["taskOutputParameter"]
        if producer not in compiled.tasks.get(task, {}).get("dependentTasks", ()):
            yield f"{task}.{key}: does not wait for {producer}"
        if producer not in compiled.tasks:
            yield f"{task}.{key}: no task {producer}"
        elif output["outputParameterKey"] not in compiled.component(producer)["outputDefinitions"]["parameters"]:
            yield f"{task}.{key}: {producer} has no output {output['outputParameterKey']}"
    elif "constant" not in source.get("runtimeValue", {}):
        yield f"{task}.{key}: comes from nowhere"


def _unused(compiled: Compiled) -> Iterator[str]:
    called = {task["componentRef"]["name"] for task in compiled.tasks.values()}
    run = {component["executorLabel"] for component in compiled.spec["components"].values()}
    for name in set(compiled.spec["components"]) - called:
        yield f"nothing calls component {name}"
    for name in (set(compiled.spec["deploymentSpec"]["executors"]) | set(compiled.pods)) - run:
        yield f"nothing runs executor {name}"
    sources = [source for task in compiled.tasks.values() for source in task["inputs"]["parameters"].values()]
    for name in set(compiled.parameters) - {source.get("componentInputParameter") for source in sources}:
        yield f"nothing takes the parameter {name}"
    for label, executor in compiled.spec["deploymentSpec"]["executors"].items():
        component = next((each for each in compiled.spec["components"].values() if each["executorLabel"] == label), {})
        used = {found for argument in executor["container"]["args"] for found in PLACEHOLDER.findall(argument)}
        for placeholder in _placeholders(component) - used:
            yield f"{label}: no argument has {placeholder}"


def _placeholders(component: Values) -> set[str]:
    outputs = component.get("outputDefinitions", {})
    return {
        "",  # the executor's input as a whole
        *(f".inputs.parameters['{name}']" for name in component.get("inputDefinitions", {}).get("parameters", {})),
        *(f".outputs.parameters['{name}'].output_file" for name in outputs.get("parameters", {})),
        *(f".outputs.artifacts['{name}'].path" for name in outputs.get("artifacts", {})),
    }


def _stands_for(place: str, inputs: Mapping[str, str]) -> str:
    if not place:
        return EXECUTOR_INPUT
    output = re.fullmatch(r"\.outputs\.(?:parameters|artifacts)\['(\w+)'\]\.(?:output_file|path)", place)
    return f"/kfp/{output[1]}" if output else inputs[place]


def driver_text(value: Any) -> str:
    """A value as the driver of KFP 2.17 writes it into an argument; every number is a double there."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(int(value)) if float(value).is_integer() else repr(float(value))
    # Go's JSON escapes what HTML would trip over.
    text = json.dumps(_doubles(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def launcher_text(value: Any) -> str:
    """The same as the launcher writes it: no number has an exponent."""
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else driver_text(value)


def _doubles(value: Any) -> Any:
    match value:
        case list():
            return [_doubles(each) for each in value]
        case dict():
            return {name: _doubles(each) for name, each in value.items()}
        case float() if value.is_integer():
            return int(value)
    return value
