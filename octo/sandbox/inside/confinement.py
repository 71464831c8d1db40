"""What a child of the worker gives up before it runs anything that a model wrote. None of it can be taken back."""

import base64
import ctypes
import os
import resource
import signal
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

LANDLOCK_RESTRICT_SELF = 446
"""Number of the system call, on every architecture."""
CAPABILITY_VERSION = 0x20080522
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2


@dataclass(frozen=True)
class Confinement:
    """The layers that the worker was given."""

    ruleset: int
    """Descriptor of a Landlock ruleset; -1 for none."""
    filter: str
    """A seccomp program in base 64; empty for none."""

    @cached_property
    def _program(self) -> Any:
        """A `struct sock_fprog`: the number of instructions of 8 bytes, and where they are."""
        code = base64.b64decode(self.filter)
        self.__dict__["_code"] = ctypes.create_string_buffer(code, len(code))
        return ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(self.__dict__["_code"])))

    def prepare(self) -> None:
        """Give up the capabilities that a root user has, and make ready what every child needs."""
        if sys.platform != "linux":
            return
        # Where memory runs out for all, a program goes before whoever has it judged.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
        if os.geteuid() == 0:
            _call("capset", struct.pack("Ii", CAPABILITY_VERSION, 0), bytes(24))
        _call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
        if self.filter:
            _ = self._program

    def enter(self, limits: dict[str, int]) -> None:
        """Confine this process, for good.

        Raises OSError when a layer cannot be entered: the process must then end.
        """
        for name, value in limits.items():
            number = getattr(resource, name, None)
            if number is not None:
                # The hard limit of processor time kills a program that ignores the soft one's signal.
                resource.setrlimit(number, (value, value + (name == "RLIMIT_CPU")))
        if sys.platform != "linux":
            return
        _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self.ruleset >= 0:
            _call("syscall", LANDLOCK_RESTRICT_SELF, self.ruleset, 0)
            os.close(self.ruleset)
        if self.filter:
            _call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, self._program, 0, 0)


_C = ctypes.CDLL(None, use_errno=True)


def _call(function: str, *arguments: Any) -> None:
    if getattr(_C, function)(*(ctypes.c_long(each) if isinstance(each, int) else each for each in arguments)):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
