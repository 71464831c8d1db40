"""What a shell completes is what the commands take."""

import shutil
import subprocess

import pytest

from octo.cli import VERBS
from octo.completion import completion_script
from octo.settings import JOBS


@pytest.fixture(scope="module")
def script() -> str:
    return completion_script("bash", VERBS)


def completed(script: str, *words: str) -> set[str]:
    """What bash offers for the last word."""
    bash = shutil.which("bash")
    assert bash is not None
    call = (
        f"{script}\nCOMP_WORDS=({' '.join(repr(word) for word in words)})\nCOMP_CWORD={len(words) - 1}\n"
        'words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD\n_shtab_octo\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    # By its input: as an argument it may be too long.
    ran = subprocess.run([bash, "-s"], input=call, capture_output=True, text=True, timeout=1500, check=False)
    return set(ran.stdout.split())


def test_after_octo_come_the_verbs_and_the_jobs(script: str) -> None:
    assert completed(script, "octo", "") >= {*VERBS, *JOBS}
    assert completed(script, "octo", "rend") == {"render"}


def test_a_jobs_flags_are_its_settings(script: str) -> None:
    assert completed(script, "octo", "curation", "--min-w") == {"--min-words"}


def test_a_verb_about_a_job_takes_the_jobs_flags_and_its_own(script: str) -> None:
    assert completed(script, "octo", "render", "midtr") == {"midtraining"}
    assert completed(script, "octo", "render", "midtraining", "--installation.que") == {
        "--installation.queue",
        "--installation.queue-priority",
    }
    assert completed(script, "octo", "render", "midtraining", "--learning") == {"--learning-rate"}
