"""What is asked of the sandbox, and what it says."""

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum


@dataclass(frozen=True)
class Limits:
    """What one test of one program may use. A test that fits them has a verdict that does not depend on the machine."""

    cpu_seconds: int = 5
    """Processor time of the program, and of its test; what counts, whatever else the machine does."""
    wall_seconds: float = 30.0
    """For what waits without computing. Larger than the processor time, so that a busy machine changes no verdict."""
    memory_mib: int = 512
    """Address space."""
    file_mib: int = 16
    """Size of one file, and never more than `disk_mib`: a larger one cannot be written."""
    disk_mib: int = 64
    """All files together: what is left at the end, whatever else is said; looked at ten times a second until then."""
    num_files: int = 1024
    """Files and directories that may be left, looked at likewise."""
    open_files: int = 64
    threads: int = 4096
    """Threads of this user on the machine, all processes together: the kernel has no narrower count."""
    output_kib: int = 64
    """Of what it prints, how much is kept; the rest is read and dropped."""
    message_mib: int = 16
    """A value that the program returns."""
    all_cpu_seconds: float = math.inf
    """Processor time of all tests of a program together: those after which it is used up count as timed out."""
    all_wall_seconds: float = math.inf
    """Likewise, for what waits without computing."""
    stop_at_timeout: bool = False
    """Whether the tests behind the first that timed out count as timed out, too."""


@dataclass(frozen=True)
class Task:
    """A program and its tests.

    Tests never run in the program's process: what they call there is called over a socket, and data comes back. So a
    program can earn a verdict only by answering right.
    """

    program: str | None
    """What a model wrote: the source of a module. None where only trusted code is run, on untrusted data."""
    tests: tuple[str, ...]
    """Source of each test, assertions or whatever else raises."""
    setup: str = ""
    """Source that is run before each test, in its process: imports and helpers, from the benchmark."""
    names: tuple[str, ...] = ()
    """Names that are the program's even where the setup has them."""
    entry_points: tuple[str, ...] | None = None
    """Names that the program answers for, and no others; None where nobody has declared any. It then answers for what
    nobody else defines, but not for what a reader would take for a library's beside a name of its own."""


class Outcome(StrEnum):
    """What one test says."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    """An assertion did not hold."""
    ERROR = "error"
    """Anything else was raised, the program ended, or used more than memory or disk allow."""
    TIMEOUT = "timeout"
    COULD_NOT_RUN = "could-not-run"
    """The sandbox's own trouble. Neither pass nor fail."""


@dataclass(frozen=True)
class TestVerdict:
    """What one test says, and why."""

    __test__ = False

    outcome: Outcome
    detail: str = ""
    output: str = field(default="", compare=False)
    """The beginning of what the program printed."""
    word: tuple[str, ...] = ()
    """What a pass rests on that only the program could say of its own objects, such as that two are ==. A pass with
    any is of a weaker sort."""


@dataclass(frozen=True)
class Verdict:
    """What all tests of a task say."""

    tests: tuple[TestVerdict, ...]
    layers: tuple[str, ...]
    """What stood between the program and the machine."""

    @property
    def reached(self) -> bool:
        """Whether every test could be run."""
        return all(test.outcome is not Outcome.COULD_NOT_RUN for test in self.tests)

    @property
    def on_its_word(self) -> bool:
        """Whether a pass of a test rests on what the program says of its own objects."""
        return any(test.word for test in self.tests)

    def strict(self) -> "Verdict":
        """The same where no pass counts that rests on the program's word."""
        return replace(self, tests=tuple(_strict(test) for test in self.tests))

    @property
    def passed(self) -> bool:
        """Whether every test passed, and there was one."""
        return bool(self.tests) and all(test.outcome is Outcome.PASS for test in self.tests)

    @property
    def pass_rate(self) -> float | None:
        """The share of tests that passed; None when one could not be run, or there is none."""
        if not self.tests or not self.reached:
            return None
        return self.counts()[Outcome.PASS] / len(self.tests)

    def counts(self) -> Counter[Outcome]:
        """How many tests had each outcome."""
        return Counter(test.outcome for test in self.tests)


def prints(given: str, expected: str) -> str:
    """A test that runs the program as it is, with an input, and compares what it prints."""
    return f"from octo.sandbox.inside.printing import check_output\ncheck_output({given!r}, {expected!r})"


def _strict(test: TestVerdict) -> TestVerdict:
    if test.outcome is not Outcome.PASS or not test.word:
        return test
    return replace(test, outcome=Outcome.FAIL, detail=f"passes on the program's word alone: {', '.join(test.word)}")
