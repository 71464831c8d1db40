"""Keys that a listing should have if it has those beside them: `part-00003` between `part-00002` and `part-00004`.

A bucket that others fill can only be listed, and not every gateway lists all there is. Where the names count, what is
missing between two of them, or would come after the last, can be asked for by its key.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

MOST_ASKED = 100
"""Keys that are asked for in one listing: two seconds where a request takes twenty milliseconds."""
_WIDEST_GAP = 10
"""Numbers between two neighbours, at most: more are a name's own way to count."""
_NUMBER = re.compile(r"(\d+)")


def unlisted_neighbours(keys: Iterable[str]) -> Iterator[str]:
    """Keys that are not there, of numbers between two neighbours or one after the last; linear, and holds two keys.

    Args:
        keys: sorted.
    """
    return islice(_candidates(keys), MOST_ASKED)


def _candidates(keys: Iterable[str]) -> Iterator[str]:
    before: list[str] = []
    step: tuple[int, int] | None = None
    """Which number of the names counts, and by how much it last did."""
    for key in keys:
        parts = _NUMBER.split(key)
        found = _step(before, parts)
        if found is None and step is not None:
            yield _later(before, step[0], 1)
        elif found is not None:
            place, distance = found
            yield from (_later(before, place, more) for more in range(1, distance))
        before, step = parts, found
    if step is not None:
        yield _later(before, step[0], 1)


def _step(before: list[str], parts: list[str]) -> tuple[int, int] | None:
    """Where two names differ by one number of one width, and by how much; None where they differ otherwise."""
    if len(before) != len(parts):
        return None
    places = [place for place, (old, new) in enumerate(zip(before, parts, strict=True)) if old != new]
    if len(places) != 1 or places[0] % 2 == 0 or len(before[places[0]]) != len(parts[places[0]]):
        return None
    distance = int(parts[places[0]]) - int(before[places[0]])
    return (places[0], distance) if 0 < distance <= _WIDEST_GAP else None


def _later(parts: list[str], place: int, more: int) -> str:
    """The name whose number is so much higher, as wide as it was."""
    number = str(int(parts[place]) + more).zfill(len(parts[place]))
    return "".join([*parts[:place], number, *parts[place + 1 :]])
