import subprocess
import sys

import pytest

from octo.settings import JOBS
from octo.settings.curation import CurationSettings


def test_a_job_is_found_by_its_name() -> None:
    assert JOBS["curation"] is CurationSettings
    assert "loading" not in JOBS
    with pytest.raises(KeyError):
        JOBS["loading"]


def test_names_and_summaries_import_no_job_and_no_library() -> None:
    script = (
        "import sys; before = set(sys.modules); from octo.settings import JOBS; "
        "assert all(JOBS.summary(job) for job in JOBS); "
        "print(*[name for name in set(sys.modules) - before if name.startswith(('octo.settings.', 'pydantic'))])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=1500)
    assert ran.stdout == "\n"


def test_a_summary_is_the_first_line_of_the_class() -> None:
    assert JOBS.summary("curation") == (CurationSettings.__doc__ or "").splitlines()[0]
