import pytest

from octo.errors import UsageError
from octo.pipelines.settings import RunSettings
from octo.settings.loading import load


def test_the_pipeline_is_the_argument_wherever_it_stands() -> None:
    flags = ["--preset", "toy", "--json"]
    assert load(RunSettings, ["octothinker", *flags], {}) == load(RunSettings, [*flags, "octothinker"], {})


def test_what_is_set_is_known_by_stage_and_key() -> None:
    arguments = ["octothinker", "--set", "stable.learning_rate=0.1", "--set", "tokenize.weights=web=1,math=2"]
    assert load(RunSettings, [*arguments, "--set", "stable.optimizer.name=lion"], {}).changes() == {
        "stable": {"learning_rate": "0.1", "optimizer.name": "lion"},
        "tokenize": {"weights": "web=1,math=2"},
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "PIPELINE is missing: octo run PIPELINE [flags]"),
        (["octothinker", "diffucoder"], "unexpected argument 'diffucoder': octo run --help says what fits"),
        (["--prset", "toy", "octothinker"], "unknown flag --prset: did you mean --preset?"),
        (["octothinker", "--set", "stable=1"], "--set: expected STAGE.FIELD=VALUE, got 'stable=1'"),
        (["octothinker", "--set", "a.b"], "--set: expected STAGE.FIELD=VALUE, got 'a.b'"),
        (
            ["octothinker", "--run-id", "../up"],
            "--run-id: expected letters, digits, dots, dashes and underscores, got '../up'",
        ),
        (["octothinker", "--parallel=-1"], "--parallel: expected a value greater than or equal to 0, got '-1'"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        load(RunSettings, arguments, {})
    assert str(refused.value) == sentence
