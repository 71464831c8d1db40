"""Programs that leave behind what they can, or end as badly as they can. All of them are bounded."""

HOSTILE = {
    "prints without measure": 'def f(x):\n    for _ in range(20):\n        print("x" * 100_000)\n    return 0\n',
    "forks": "import os\ndef f(x):\n    return os.fork()\n",
    "leaves threads": (
        "import threading, time\n"
        "for _ in range(3):\n    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "def f(x):\n    return 0\n"
    ),
    "leaves files": (
        "import os\n"
        "for i in range(20):\n    os.makedirs(f'{i}/a/b')\n    open(f'{i}/a/b/file', 'w').write('x' * 5000)\n"
        "    os.symlink('/etc', f'{i}/link')\n    os.link(f'{i}/a/b/file', f'{i}/other')\n"
        "os.rename('0', '.hidden')\n"
        "def f(x):\n    return 0\n"
    ),
    "leaves descriptors open": (
        "import os\nheld = []\n"
        "try:\n    while True:\n        held += os.pipe()\nexcept OSError:\n    pass\n"
        "def f(x):\n    return 0\n"
    ),
    "leaves at once": "import os\nos._exit(0)\n",
    "crashes": "import ctypes\ndef f(x):\n    return ctypes.string_at(0)\n",
    "kills itself": "import os, signal\ndef f(x):\n    os.kill(os.getpid(), signal.SIGKILL)\n",
    "kills its group": "import os, signal\ndef f(x):\n    os.killpg(0, signal.SIGKILL)\n",
    "gives back too much": "def f(x):\n    return 'x' * (17 << 20)\n",
    "asks for too much memory": "def f(x):\n    return bytearray(1 << 40)\n",
    "opens sockets": "import socket\ndef f(x):\n    return socket.create_connection(('127.0.0.1', 9), timeout=1)\n",
    "closes all descriptors": "import os\ndef f(x):\n    os.closerange(0, 256)\n",
    "says what is no answer": (
        "import os\ndef f(x):\n    for descriptor in range(3, 64):\n        try:\n"
        "            os.write(descriptor, b'\\xff' * 1000)\n        except OSError:\n            pass\n"
    ),
    "ignores signals": (
        "import signal\nfor number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):\n"
        "    signal.signal(number, signal.SIG_IGN)\ndef f(x):\n    return 0\n"
    ),
}
TEST = "assert f(1) == 2\n"
ENDLESS = "def f(x):\n    while True:\n        pass\n"
"""Costs a second of processor time, so it is rare."""
