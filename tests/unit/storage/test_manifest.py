import pytest

from octo.storage.manifest import Commit, Part, content_of, digest_of

DETERMINANTS = {
    "job": "curation",
    "code_version": 1,
    "settings": {"threshold": 0.5, "seed": 1},
    "inputs": {"documents": ["a", "b"]},
}


def part(**changes: object) -> Part:
    return Part.model_validate(
        {"index": 0, "name": "documents", "key": "first", "sha256": "0", "size": 1, "rows": 1, **changes}
    )


def test_a_digest_does_not_depend_on_the_order_of_settings() -> None:
    turned = {**DETERMINANTS, "settings": {"seed": 1, "threshold": 0.5}}
    assert digest_of(**DETERMINANTS) == digest_of(**turned)
    assert len(digest_of(**DETERMINANTS)) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"job": "ingestion"},
        {"code_version": 2},
        {"settings": {"threshold": 0.25, "seed": 1}},
        {"inputs": {"documents": ["b", "a"]}},
        {"inputs": {"benchmarks": ["a", "b"]}},
    ],
)
def test_a_digest_depends_on_everything_that_determines_the_result(change: dict[str, object]) -> None:
    assert digest_of(**DETERMINANTS) != digest_of(**{**DETERMINANTS, **change})


def test_a_digest_never_changes_between_versions_of_this_code() -> None:
    assert digest_of(**DETERMINANTS) == "0f796f19c5196c0047258dfb81778bb1bfd5ad866afd299a457fdc220bb0597a"


def test_the_content_does_not_depend_on_who_wrote_it_where() -> None:
    assert content_of([part()], {"kept": 1}) == content_of([part(key="second")], {"kept": 1})


@pytest.mark.parametrize("change", [{"index": 1}, {"name": "dropped"}, {"sha256": "1"}, {"size": 2}, {"rows": 2}])
def test_the_content_depends_on_every_part(change: dict[str, object]) -> None:
    assert content_of([part()], {}) != content_of([part(**change)], {})


def test_the_content_depends_on_the_counters() -> None:
    assert content_of([part()], {"kept": 0}) != content_of([part()], {})


def test_what_is_written_is_read_back_equal() -> None:
    commit = Commit.model_validate(
        {"index": 3, "attempt": "a", "parts": [part()], "counters": {"ü": 1}, "committed_at": "2026-11-23T00:00:00Z"}
    )
    assert Commit.model_validate_json(commit.canonical()) == commit
    assert commit.canonical().index(b'"attempt"') < commit.canonical().index(b'"committed_at"')
