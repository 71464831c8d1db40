"""What every job has, whatever it does: one description, and its projections."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from octo.cli import VERBS
from octo.job import stage_digest
from octo.settings import JOBS
from octo.settings.base import Input, JobSettings, Need, Neutral
from octo.settings.decoding import DecodingSettings
from octo.settings.installation import Pool, Toleration
from octo.settings.loading import arguments_of, inputs_of, load, result_settings, schema, secrets_of
from octo.settings.sources import help_text
from octo.settings.table import SETTINGS_FILE, Setting, is_group, nested, table

every_job = pytest.mark.parametrize("job", list(JOBS))
TRAINING_LIBRARIES = ("torch", "transformers", "deepspeed", "kfp", "kubernetes")


def fields_of(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, info in model.model_fields.items():
        yield f"{model.__name__}.{name}", info
        if is_group(info.annotation):
            yield from fields_of(info.annotation)


def entry_point(job: str) -> Path:
    spec = importlib.util.find_spec(f"jobs.{job}")
    assert spec is not None, f"jobs/{job}.py is missing"
    assert spec.origin is not None
    return Path(spec.origin)


def function_of(job: str) -> str:
    """The `module:name` that the entry point hands over."""
    constants = [
        node.value for node in ast.walk(ast.parse(entry_point(job).read_text())) if isinstance(node, ast.Constant)
    ]
    [function] = [each for each in constants if isinstance(each, str) and re.fullmatch(r"octo[\w.]+:\w+", each)]
    return function


def test_there_are_jobs() -> None:
    assert {"ingestion", "curation", "tokenization", "midtraining", "rl", "evaluation"} <= set(JOBS)


@every_job
def test_a_job_has_a_settings_class_with_its_name_and_code_version(job: str) -> None:
    settings_class = JOBS[job]
    assert issubclass(settings_class, JobSettings)
    assert settings_class.job == settings_class.verb() == job
    assert settings_class.code_version >= 1
    assert settings_class.__name__ == f"{job.capitalize()}Settings"


@every_job
def test_every_field_has_a_docstring_and_so_has_the_class(job: str) -> None:
    assert JOBS.summary(job)
    assert [name for name, info in fields_of(JOBS[job]) if not info.description] == []


@every_job
def test_every_setting_has_a_flag_of_its_own(job: str) -> None:
    flags = [flag for setting in table(JOBS[job]) for flag in setting.flags]
    assert len(flags) == len(set(flags))
    shown = help_text(JOBS[job])
    assert [setting.flag for setting in table(JOBS[job]) if not setting.secret and setting.flag not in shown] == []


@every_job
def test_a_text_that_may_be_missing_is_empty_and_not_none(job: str) -> None:
    # On a field that can be None, the text null says so.
    ambiguous = [each.key for each in table(JOBS[job]) if each.optional and str in each.alternatives]
    assert ambiguous == []


@every_job
def test_a_secret_is_one_text(job: str) -> None:
    # A malformed list or dict is shown in the error that refuses it.
    assert [each.key for each in table(JOBS[job]) if each.secret and each.shape != "one"] == []


@every_job
def test_the_schema_is_one_of_json_and_describes_every_field(job: str) -> None:
    described = json.loads(json.dumps(schema(JOBS[job])))
    assert described["type"] == "object"
    assert set(described["properties"]) == set(JOBS[job].model_fields)


@every_job
def test_defaults_are_valid_and_need_no_flags(job: str) -> None:
    assert arguments_of(load(JOBS[job], [], {})) == []


@every_job
def test_what_determines_a_result_is_neither_neutral_nor_an_input_nor_a_secret(job: str) -> None:
    determining = set(leaves(result_settings(JOBS[job]())))
    for setting in table(JOBS[job]):
        left_out = setting.secret or setting.marked(Neutral) or setting.marked(Input)
        below = [path for path in determining if path[: len(setting.path)] == setting.path]
        assert not (left_out and below), setting.key
    assert ("seed",) in determining


@every_job
def test_who_computes_with_a_model_has_another_digest_where_another_kind_of_device_does(job: str) -> None:
    computes = bool({"precision", "optimizer"} & JOBS[job].model_fields.keys())
    asked = [JOBS[job](need=Need(accelerators=number)) for number in (0, 1, 8)]
    on_processors, *on_accelerators = [stage_digest(each, listings={}) for each in asked]
    # How many there are belongs to the digest only where they share what they compute.
    assert len(set(on_accelerators)) == 1
    assert (on_processors not in on_accelerators) is computes


def test_vllm_decodes_otherwise_on_another_number_of_accelerators() -> None:
    asked = [DecodingSettings(engine="vllm", need=Need(accelerators=number)) for number in (0, 1, 8)]
    assert len({stage_digest(each) for each in asked}) == 3


@every_job
def test_every_input_is_an_address_or_several(job: str) -> None:
    inputs = {setting.key for setting in table(JOBS[job]) if setting.marked(Input)}
    assert set(inputs_of(JOBS[job]())) == inputs
    assert all(re.fullmatch(r"\w+", key) for key in inputs), "an input is a field of the class itself"


@every_job
@given(data=st.data())
@settings(max_examples=25)
def test_flags_and_secrets_say_any_settings_again(job: str, data: st.DataObject) -> None:
    values: dict[tuple[str, ...], Any] = {}
    for setting in table(JOBS[job]):
        value = data.draw(anything_for(setting), label=setting.key)
        if value is not None and valid(JOBS[job], {**values, setting.path: value}):
            values[setting.path] = value
    drawn = JOBS[job].model_validate(nested(values))
    assert load(JOBS[job], arguments_of(drawn), secrets_of(drawn)) == drawn


@every_job
def test_an_entry_point_is_short_and_hands_over_one_function(job: str) -> None:
    lines = entry_point(job).read_text().splitlines()
    assert len(lines) <= 25
    assert function_of(job)


@every_job
def test_help_loads_no_training_library(job: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", f"jobs.{job}", "--help"],
        check=False,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    # launch is told which job first, and its help says so.
    assert ran.stdout.replace("JOB [flags]", "[flags]", 1).startswith(help_text(JOBS[job]))
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
    assert not imported & set(TRAINING_LIBRARIES)


def test_every_function_that_a_job_or_a_verb_names_is_there() -> None:
    names = [
        *(function_of(job) for job in JOBS),
        *(f"jobs.{job}:main" for job in JOBS),
        *(name for verb in VERBS.values() for name in (verb.function, verb.settings, verb.job_settings) if name),
    ]
    assert [name for name in names if not callable(resolve_name(name))] == []


def leaves(values: dict[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        yield (*prefix, name)
        if isinstance(value, dict):
            yield from leaves(value, (*prefix, name))


OF_MODELS: dict[tuple[str, ...], list[Any]] = {
    ("installation", "pools"): [
        (Pool(name="a"),),
        (
            Pool(name="gpus", accelerators=8, node_selector={"a/b": "c,d"}, interconnect=("nvlink", "rdma"), spot=True),
            Pool(name="b", tolerations=(Toleration(key="k", operator="Equal", value='it\'s "so"'),), share=1e-3),
        ),
    ],
    ("installation", "settings"): [{}, {"curation": {"need": {"pods": 3}, "unfiltered": ["a, b"]}, "rl": {"seed": 1}}],
}
"""Values that hold models or anything at all, of which hypothesis makes too much and too slowly."""


def anything_for(setting: Setting) -> st.SearchStrategy[Any]:
    if setting.path == SETTINGS_FILE:
        return st.none()
    if setting.path in OF_MODELS:
        return st.none() | st.sampled_from(OF_MODELS[setting.path])
    if setting.secret:
        return st.none() | st.text(st.characters(exclude_characters="\0")).map(SecretStr)
    annotation: Any = setting.info.annotation
    constraints = [mark for mark in setting.info.metadata if not isinstance(mark, Neutral | Input)]
    values = st.from_type(Annotated[annotation, *constraints] if constraints else annotation)
    # No argument of a process can hold a NUL.
    return st.none() | values.filter(lambda value: "\\x00" not in repr(value))


def valid(settings_class: type[JobSettings], values: dict[tuple[str, ...], Any]) -> bool:
    try:
        settings_class.model_validate(nested(values))
    except ValidationError:
        return False
    return True
