"""Entry point of launch."""

import sys
from collections.abc import Sequence
from pkgutil import resolve_name


def main(arguments: Sequence[str] | None = None) -> int:
    """Launch a job from this process."""
    return int(resolve_name("octo.cluster.launch:launch")(arguments))


if __name__ == "__main__":
    sys.exit(main())
