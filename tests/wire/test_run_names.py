"""Which run a name stands for: nobody begins one by mistyping."""

import pytest

from octo.errors import UsageError
from octo.pipelines.run import _resume_command, _saved
from octo.pipelines.settings import RunSettings
from octo.storage.store import Store


def given(**more: object) -> RunSettings:
    return RunSettings(pipeline="octothinker", store="s3://octo/team", **more)


@pytest.fixture
def existing(store: Store) -> Store:
    store.put_record("runs/friday/run.json", {"pipeline": "octothinker", "command": {"set": []}})
    return store


def test_a_run_that_exists_is_resumed(existing: Store) -> None:
    saved = _saved(existing, given(run_id="friday"))
    assert saved is not None
    assert saved["pipeline"] == "octothinker"


def test_a_name_that_no_run_has_begins_none_unless_it_is_said_to_be_new(existing: Store) -> None:
    with pytest.raises(UsageError, match=r"^there is no run firday in s3://octo/team: give --new to begin one"):
        _saved(existing, given(run_id="firday"))
    assert _saved(existing, given(run_id="firday", new=True)) is None


def test_a_name_that_is_said_to_be_new_is_not_another_run_s(existing: Store) -> None:
    with pytest.raises(UsageError, match="there is a run friday already: leave --new out to resume it"):
        _saved(existing, given(run_id="friday", new=True))


def test_without_a_name_one_is_made_up_and_nothing_is_looked_for(existing: Store) -> None:
    assert _saved(existing, given()) is None
    with pytest.raises(UsageError, match="give it with --run-id, or leave --new out"):
        _saved(existing, given(new=True))


def test_a_run_that_was_new_is_resumed_by_its_name_alone() -> None:
    resume = _resume_command(given(run_id="friday", new=True), "friday")
    assert resume == "octo run octothinker --store=s3://octo/team --run-id=friday"
