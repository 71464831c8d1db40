import sys
from pathlib import Path

import pytest

from octo.data.documents import Document, Rejected
from octo.data.python_docs import docstrings, read_package
from octo.errors import UsageError

LONG = ("A sentence that says something. " * 10).strip()

SOURCE = f'''"""Module."""
class Shape:
    """Shape.

        indented
    """
    def area(self):
        """Area."""
        def inner():
            """Inner."""
    def _private(self):
        """Private."""
class _Hidden:
    def method(self):
        """Hidden."""
async def fetch():
    """Fetch."""
add_newdoc("numpy", "ndarray", ("flat", """{LONG}"""))
'''


def test_only_public_docstrings_are_taken_and_cleaned() -> None:
    found = dict(docstrings(SOURCE.encode()))
    assert found == {
        "": "Module.",
        "Shape": "Shape.\n\nindented",
        "Shape.area": "Area.",
        "fetch": "Fetch.",
        "line-18": LONG,
    }


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "zoology"
    for folder in ("", "mammals", "tests"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "__init__.py").write_text("raise SystemExit('imported')\n")
    (root / "mammals" / "cats.py").write_text(f'def purr():\n    """{LONG}"""\ndef hiss():\n    """Short."""\n')
    (root / "tests" / "test_cats.py").write_text(f'"""{LONG}"""\n')
    (root / "guide.rst").write_text(LONG)
    (root / "LICENSE.txt").write_text(LONG)
    monkeypatch.syspath_prepend(tmp_path)
    return root


def test_a_package_is_read_without_being_imported_and_without_its_tests(package: Path) -> None:
    documents = list(read_package("zoology", label="general"))
    assert [(document.url, document.source) for document in documents] == [
        ("python:zoology/guide.rst", "general"),
        ("python:zoology/mammals/cats.py#purr", "general"),
    ]
    assert "zoology" not in sys.modules


def test_a_file_that_is_no_python_is_rejected_with_its_reason(package: Path) -> None:
    (package / "mammals" / "cats.py").write_text('def purr(:\n    """?"""')
    (package / "mammals" / "dogs.py").write_bytes(b'x = "\\ud800"\ndef bark():\n    """\\ud800"""')
    (package / "guide.rst").write_bytes(b"\xff" * 300)
    rejected = [record for record in read_package("zoology", label="general") if isinstance(record, Rejected)]
    assert [record.reason for record in rejected] == ["invalid_utf8", "malformed_python", "invalid_utf8"]
    assert "SyntaxError" in rejected[1].detail


def test_a_package_that_is_not_installed_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="octopodology is not installed"):
        list(read_package("octopodology", label="general"))


def test_a_submodule_is_refused_because_finding_it_would_import_its_parent() -> None:
    with pytest.raises(UsageError, match=r"top-level package, got sympy\.core"):
        list(read_package("sympy.core", label="math"))


def test_a_compiled_module_of_the_standard_library_is_one_document() -> None:
    (document,) = read_package("math", label="math")
    assert isinstance(document, Document)
    assert document.url == "python:math"
    assert "math.gcd" in document.text


def test_a_module_of_one_file_gives_its_docstrings() -> None:
    urls = [document.url for document in read_package("statistics", label="math")]
    assert "python:statistics.py" in urls
    assert "python:statistics.py#median" in urls
