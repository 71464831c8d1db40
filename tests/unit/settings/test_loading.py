import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from octo.errors import UsageError
from octo.settings.base import JobSettings, S3Settings
from octo.settings.loading import arguments_of, inputs_of, load, result_settings, schema, secrets_of, with_texts
from tests.unit.settings.forge import ForgeSettings, OptimizerSettings

ENDPOINT = "http://127.0.0.1:8333"


def refusal(arguments: list[str] | None = None, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(UsageError) as refused:
        load(ForgeSettings, arguments or [], environ or {})
    assert refused.value.exit_code == 2
    return str(refused.value)


def file_with(tmp_path: Path, text: str, name: str = "forge.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_nothing_given_is_the_defaults() -> None:
    assert load(ForgeSettings, [], {}) == ForgeSettings()


def test_flags_go_before_the_environment_that_before_the_file_and_that_before_the_defaults(tmp_path: Path) -> None:
    file = file_with(tmp_path, "run_id: file\nstage: file\nstore: file\n")
    environ = {"OCTO_SETTINGS_FILE": str(file), "OCTO_RUN_ID": "environment", "OCTO_STAGE": "environment"}
    settings = load(ForgeSettings, ["--run-id", "flag"], environ)
    assert (settings.run_id, settings.stage, settings.store, settings.seed) == ("flag", "environment", "file", 0)


def test_groups_merge_field_by_field_over_all_sources(tmp_path: Path) -> None:
    file = file_with(tmp_path, '{"s3": {"endpoint": "file", "region": "file"}}', "forge.json")
    flags = ["--settings-file", str(file), "--s3.endpoint", ENDPOINT]
    settings = load(ForgeSettings, flags, {"OCTO_S3__ACCESS_KEY": "AK"})
    assert settings.s3 == S3Settings(endpoint=ENDPOINT, region="file", access_key=SecretStr("AK"))


def test_a_group_given_in_part_keeps_the_defaults_of_the_class_that_it_is_in() -> None:
    assert load(ForgeSettings, ["--optimizer.name=lion"], {}).optimizer == OptimizerSettings(
        name="lion", weight_decay=0.0
    )


def test_a_dict_given_twice_is_the_higher_one_alone(tmp_path: Path) -> None:
    file = file_with(tmp_path, "weights: {web: 1, math: 2}\n")
    assert load(ForgeSettings, ["--settings-file", str(file), "--weights", "math=3"], {}).weights == {"math": 3.0}


@pytest.mark.parametrize("name", ["forge.json", "forge.yaml", "forge.yml", "forge.toml"])
def test_a_file_is_read_by_its_suffix(tmp_path: Path, name: str) -> None:
    text = {
        ".json": '{"steps": [3, 4], "s3": {"region": "r", "secret_key": "SK"}}',
        ".toml": 'steps = [3, 4]\n[s3]\nregion = "r"\nsecret_key = "SK"\n',
    }.get(Path(name).suffix, "steps: [3, 4]\ns3:\n  region: r\n  secret_key: SK\n")
    settings = load(ForgeSettings, ["--settings-file", str(file_with(tmp_path, text, name))], {})
    assert (settings.steps, settings.s3) == ((3, 4), S3Settings(region="r", secret_key=SecretStr("SK")))


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert load(ForgeSettings, ["--settings-file", str(file_with(tmp_path, ""))], {}).steps == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--labels", "x", "--labels", "y,z"], "labels", ("x", "y", "z")),
        (["--labels", '["x,y", "z"]'], "labels", ("x,y", "z")),
        (["--labels="], "labels", ()),
        (["--mottoes", "we came, we saw", "--mottoes", "and left"], "mottoes", ("we came, we saw", "and left")),
        (["--steps", "3,4", "--steps", "[5]"], "steps", (3, 4, 5)),
        (["--weights", "web=1,math=2.5", "--weights", '{"code": 3}'], "weights", {"web": 1, "math": 2.5, "code": 3}),
        (["--no-shuffled"], "shuffled", False),
        (["--debug"], "debug", True),
        (["--limit", "null"], "limit", None),
        (["--store=--"], "store", "--"),
        (["--mottoes=a=--"], "mottoes", ("a=--",)),
        (["--store", "null"], "store", "null"),
        (["--seed", "-1"], "seed", -1),
        (["--draft", '{"name": "sgd"}'], "draft", OptimizerSettings(name="sgd")),
        (["--seed", "1", "--seed", "2"], "seed", 2),
        (["--optimizer.zero-stage", "3"], "optimizer", OptimizerSettings(zero_stage=3, weight_decay=0.0)),
    ],
)
def test_each_shape_has_its_grammar_on_the_command_line(arguments: list[str], field: str, value: object) -> None:
    assert getattr(load(ForgeSettings, arguments, {}), field) == value


def test_lists_and_dicts_have_the_flags_grammar_in_the_environment_too() -> None:
    environ = {
        "OCTO_LABELS": "x,y",
        "OCTO_WEIGHTS": "web=1",
        "OCTO_OPTIMIZER__BETAS": "[0.8, 0.9]",
        "OCTO_LIMIT": "null",
    }
    settings = load(ForgeSettings, [], environ)
    assert (settings.labels, settings.weights, settings.limit) == (("x", "y"), {"web": 1.0}, None)
    assert settings.optimizer.betas == (0.8, 0.9)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--learnin-rate", "3"], "unknown flag --learnin-rate: did you mean --learning-rate?"),
        (["--learning_rate=3"], "unknown flag --learning_rate: did you mean --learning-rate?"),
        (["--endpoint", "x"], "unknown flag --endpoint: did you mean --s3.endpoint?"),
        (["--optimizer", "{}"], "unknown flag --optimizer: did you mean --optimizer.name?"),
        (["--no-shufled"], "unknown flag --no-shufled: did you mean --no-shuffled?"),
        (["--lab", "x"], "unknown flag --lab: did you mean --labels?"),
        (["-zzz"], "unknown flag -zzz: octo forge --help lists what there is"),
        (["iron"], "unexpected argument 'iron': octo forge --help says what fits"),
        (["--seed"], "--seed: expected a value after it"),
        (["--seed", "many"], "--seed: expected a valid integer, got 'many'"),
        (["--learning-rate=-1"], "--learning-rate: expected a value greater than 0, got '-1'"),
        (["--schedule", "linear"], "--schedule: expected 'constant' or 'cosine', got 'linear'"),
        (["--steps", "1,b"], "--steps: expected a valid integer, got 'b'"),
        (["--labels", '["a", ""]'], "--labels: expected words, got ['a', '']"),
        (["--labels", '["a"'], "--labels: expected a JSON array, got '[\"a\"'"),
        (["--weights", "web"], "--weights: expected NAME=VALUE,... or a JSON object, got 'web'"),
        (["--weights", '{"web"'], "--weights: expected a JSON object, got '{\"web\"'"),
        (["--draft", "sgd"], "--draft: expected a JSON object, got 'sgd'"),
        (["--debug=true"], "--debug takes no value: say --debug or --no-debug"),
        (
            ["--schedule=cosine", "--learning-rate=2"],
            "octo forge: a cosine from above 1 diverges: lower --learning-rate",
        ),
    ],
)
def test_a_bad_flag_is_one_sentence_with_the_flag_and_the_remedy(arguments: list[str], sentence: str) -> None:
    assert refusal(arguments) == sentence


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"OCTO_LEARNIN_RATE": "3"}, "unknown variable OCTO_LEARNIN_RATE: did you mean OCTO_LEARNING_RATE?"),
        ({"OCTO_S3_ENDPOINT": "x"}, "unknown variable OCTO_S3_ENDPOINT: did you mean OCTO_S3__ENDPOINT?"),
        ({"OCTO_S3": "{}"}, "unknown variable OCTO_S3: did you mean OCTO_S3__ENDPOINT?"),
        ({"OCTO_QQQQ": ""}, "unknown variable OCTO_QQQQ: octo forge --help lists what there is"),
        ({"OCTO_SEED": "many"}, "OCTO_SEED: expected a valid integer, got 'many'"),
        ({"OCTO_STEPS": "[1"}, "OCTO_STEPS: expected a JSON array, got '[1'"),
    ],
)
def test_a_bad_variable_is_one_sentence_with_the_variable(environ: dict[str, str], sentence: str) -> None:
    assert refusal(environ=environ) == sentence


def test_variables_that_many_commands_share_are_passed_over_by_those_without_a_use_for_them() -> None:
    shared = {"OCTO_INSTALLATION__QUEUE": "team", "OCTO_NAMESPACE": "ml"}
    assert load(ForgeSettings, [], shared | {"OCTO_STORE": "s3://b"}) == ForgeSettings(store="s3://b")


def test_the_parent_of_a_trace_and_other_programs_variables_are_no_settings() -> None:
    environ = {"OCTO_TRACEPARENT": "00-1-2-01", "PATH": "/bin", "octo_seed": "7", "SEED": "7"}
    assert load(ForgeSettings, [], environ) == ForgeSettings()


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("f.yaml", "learnin_rate: 3", "unknown key learnin_rate: did you mean learning_rate?"),
        ("f.toml", "[s3]\nendpont = 'x'", "unknown key s3.endpont: did you mean s3.endpoint?"),
        ("f.json", '{"s3": "x"}', "s3 is a group of settings: expected keys with values in it"),
        ("f.json", '{"seed": "many"}', "seed: expected a valid integer, got 'many'"),
        ("f.yaml", "settings_file: other.yaml", "unknown key settings_file: octo forge --help lists what there is"),
        ("f.yaml", "- 1\n- 2", "expected settings by name, got a list"),
        ("f.ini", "seed=1", "expected a settings file called .json, .yaml, .yml or .toml"),
    ],
)
def test_a_bad_key_in_a_file_is_named_with_the_file(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    file = file_with(tmp_path, text, name)
    assert refusal(["--settings-file", str(file)]) == f"{file}: {sentence}"


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("f.json", '{\n"seed": 1,\n}', "line 3"),
        ("f.yaml", "seed: 1\nsteps: [1\nstage: x\n", "line 3"),
        ("f.toml", "seed = 1\nstage = x\n", "line 2"),
    ],
)
def test_a_malformed_file_is_named_with_the_line(tmp_path: Path, name: str, text: str, line: str) -> None:
    file = file_with(tmp_path, text, name)
    sentence = refusal(["--settings-file", str(file)])
    assert sentence.startswith(str(file))
    assert line in sentence


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    assert refusal(["--settings-file", str(missing)]) == (
        f"cannot read the settings file {missing}: No such file or directory"
    )
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe")
    assert refusal(["--settings-file", str(binary)]) == f"{binary}: expected UTF-8 text"


@pytest.mark.parametrize(
    "arguments", [["--s3.secret-key", "hunter2"], ["--s3.secret-key=hunter2"], ["--s3.secret-key"]]
)
def test_a_secret_is_refused_as_a_flag_and_not_repeated(arguments: list[str]) -> None:
    sentence = refusal(arguments)
    assert "set OCTO_S3__SECRET_KEY instead" in sentence
    assert "hunter2" not in sentence


def test_a_secret_of_the_wrong_type_is_not_shown(tmp_path: Path) -> None:
    file = file_with(tmp_path, "token: [hunter2]")
    assert refusal(["--settings-file", str(file)]) == f"{file}: token: expected a valid string"


def test_a_secret_is_in_no_dump_and_no_flag() -> None:
    settings = load(ForgeSettings, ["--seed=1"], {"OCTO_TOKEN": "hunter2", "OCTO_S3__SECRET_KEY": "hunter2"})
    said = [repr(settings), str(settings), settings.model_dump_json(), *arguments_of(settings)]
    assert not any("hunter2" in text for text in [*said, json.dumps(result_settings(settings))])
    assert secrets_of(settings) == {"OCTO_TOKEN": "hunter2", "OCTO_S3__SECRET_KEY": "hunter2"}
    assert load(ForgeSettings, arguments_of(settings), secrets_of(settings)) == settings


def test_the_constructor_does_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTO_SEED", "7")
    assert "OCTO_SEED" in os.environ
    assert ForgeSettings().seed == 0
    assert load(ForgeSettings, [], {}).seed == 0


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        ForgeSettings().seed = 1


def test_help_names_every_flag_its_default_and_where_secrets_belong(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load(ForgeSettings, ["--help"], {"OCTO_TOKEN": "hunter2"})
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    for text in (
        "octo forge",
        "100% iron",
        "--learning-rate NUMBER",
        "(default: 0.001)",
        "--model ADDRESS",
        "OCTO_TOKEN",
    ):
        assert text in shown
    for text in ("--token", "--s3.secret-key", "hunter2", "--s3 "):
        assert text not in shown


def test_what_determines_a_result_has_no_neutral_field_no_input_and_no_secret() -> None:
    settings = ForgeSettings(model="s3://b/m", workers=3, cache=Path("/c"), token=SecretStr("t"), weights={"web": 1})
    assert result_settings(settings) == {
        "seed": 0,
        "learning_rate": 1e-3,
        "schedule": "constant",
        "optimizer": {"name": "adamw", "zero_stage": 1, "betas": [0.9, 0.95], "weight_decay": 0.0},
        "weights": {"web": 1.0},
        "labels": ["a", "b"],
        "mottoes": [],
        "steps": [1, 2],
        "shuffled": True,
        "limit": 5,
        "draft": None,
    }


def test_inputs_are_the_addresses_by_field_and_an_empty_one_is_there() -> None:
    settings = ForgeSettings(ores=("s3://b/1", "s3://b/2"))
    assert inputs_of(settings) == {"model": (), "ores": ("s3://b/1", "s3://b/2")}
    assert inputs_of(ForgeSettings(model="s3://b/m")) == {"model": ("s3://b/m",), "ores": ()}


# No argument of a process can hold a NUL or half a surrogate pair.
characters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
texts = st.text(characters, max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(
    settings=st.builds(
        ForgeSettings,
        store=texts,
        debug=st.booleans(),
        seed=st.integers(),
        s3=st.builds(S3Settings, endpoint=texts, region=texts, access_key=st.none() | texts.map(SecretStr)),
        model=texts,
        ores=st.lists(texts).map(tuple),
        learning_rate=st.floats(min_value=1e-300, max_value=1),
        optimizer=st.builds(
            OptimizerSettings,
            name=texts,
            zero_stage=st.sampled_from([0, 3]),
            betas=st.tuples(numbers, numbers),
            log_norms=st.booleans(),
        ),
        weights=st.dictionaries(texts, numbers),
        labels=st.lists(st.text(characters, min_size=1)).map(tuple),
        mottoes=st.lists(texts).map(tuple),
        steps=st.lists(st.integers()).map(tuple),
        shuffled=st.booleans(),
        limit=st.none() | st.integers(),
        cache=st.none() | st.sampled_from([Path("/c"), Path("a b"), Path("-x")]),
        draft=st.none() | st.builds(OptimizerSettings, name=texts),
        token=st.none() | texts.map(SecretStr),
    )
)
def test_flags_and_secrets_say_any_settings_again(settings: ForgeSettings) -> None:
    assert load(ForgeSettings, arguments_of(settings), secrets_of(settings)) == settings


def test_defaults_need_no_flags_and_the_settings_file_is_not_passed_on(tmp_path: Path) -> None:
    file = file_with(tmp_path, "seed: 3\nstage: x\n")
    settings = load(ForgeSettings, ["--settings-file", str(file), "--stage", ""], {})
    assert arguments_of(ForgeSettings()) == []
    assert arguments_of(settings) == ["--seed=3"]


def test_texts_replace_some_values_and_keep_the_rest() -> None:
    before = ForgeSettings(model="s3://b/m", optimizer=OptimizerSettings(name="lion"), token=SecretStr("t"))
    after = with_texts(before, {"learning-rate": "0.5", "optimizer.betas": "0.1,0.2", "steps": "7"})
    assert after == before.model_copy(
        update={
            "learning_rate": 0.5,
            "steps": (7,),
            "optimizer": OptimizerSettings(name="lion", betas=(0.1, 0.2)),
        }
    )


@pytest.mark.parametrize(
    ("texts_given", "sentence"),
    [
        ({"learnin_rate": "1"}, "--set a.learnin_rate: forge has no setting learnin_rate: did you mean learning_rate?"),
        ({"seed": "x"}, "--set a.seed: expected a valid integer, got 'x'"),
        ({"token": "x"}, "--set a.token is a secret: set OCTO_TOKEN instead"),
    ],
)
def test_a_bad_text_is_named_as_the_user_wrote_it(texts_given: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        with_texts(ForgeSettings(), texts_given, prefix="--set a.")
    assert str(refused.value) == sentence


def test_a_schema_describes_each_field_by_its_docstring() -> None:
    described = schema(ForgeSettings)
    assert described["properties"]["learning_rate"] == {
        "default": 0.001,
        "description": "Peak learning rate.",
        "exclusiveMinimum": 0,
        "title": "Learning Rate",
        "type": "number",
    }
    assert described["additionalProperties"] is False


def test_a_required_field_that_is_missing_names_its_flag_and_its_variable() -> None:
    class NailSettings(JobSettings):
        job = "nail"
        code_version = 1
        length: int

    with pytest.raises(UsageError, match=r"^--length is missing: give it, or set OCTO_LENGTH$"):
        load(NailSettings, [], {})
    assert arguments_of(load(NailSettings, ["--length=3"], {})) == ["--length=3"]


@pytest.mark.parametrize("flag", ["--s3.endpoint", "--otlp-endpoint"])
def test_a_password_in_a_url_is_refused_and_not_shown(flag: str) -> None:
    said = refusal([f"{flag}=http://me:opensesame@127.0.0.1:8333"])
    assert said.startswith(f"{flag}: expected a URL")
    assert "opensesame" not in said
