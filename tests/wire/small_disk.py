"""Programs that fill a small disk beside others that need a little of it: `python -m tests.wire.small_disk DIRECTORY`.

Run it in a mount namespace of its own: it mounts the disk at the directory. It prints what each test said, as JSON.
"""

import json
import subprocess
import sys
import tempfile

from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Task

SIZE = "24m"
FILL = """
import time
def fill(kept=[]):
    number = 0
    while True:
        number += 1
        file = open(str(number), "wb", buffering=0)
        try:
            {hide}
            while file.tell() < 8 << 20:
                file.write(bytes(1 << 16))
        except OSError:
            return kept.append(file)
        kept.append(file)
def f():
    fill()
    time.sleep({seconds})
    return 2
"""
FILLERS = {
    "fills and waits": FILL.format(hide="pass", seconds=600),
    "fills and answers": FILL.format(hide="pass", seconds=0),
    "fills with what has no name": "import os\n" + FILL.format(hide="os.remove(file.name)", seconds=600),
}
NEEDS_ROOM = """
def f():
    for _ in range(300):
        with open("little", "wb") as file:
            file.write(bytes(1 << 18))
    return 1
"""
WRONG = "def f():\n    return 2\n"


def main(directory: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", directory], check=True)
    tempfile.tempdir = directory
    programs = list(FILLERS.items())
    tasks = [
        (name, Task(program, ("assert f() == 1",), entry_points=("f",)))
        for filler in programs
        for name, program in (filler, ("needs room", NEEDS_ROOM), ("wrong", WRONG), ("needs room", NEEDS_ROOM))
    ]
    with Sandbox(workers=2, limits=Limits(cpu_seconds=20, wall_seconds=20)) as sandbox:
        verdicts = sandbox.judge_all([task for _, task in tasks])
    said = [
        (name, each.tests[0].outcome, each.tests[0].detail) for (name, _), each in zip(tasks, verdicts, strict=True)
    ]
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1])
