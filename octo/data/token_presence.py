"""Whether the parts that a training will read are there, and as long as they were: known before a step is done."""

from collections.abc import Iterable

from octo.data.token_shards import TokenPart, TokenShards
from octo.errors import IntegrityError
from octo.storage.store import Store


def check_whole(shards: TokenShards, sources: Iterable[str]) -> None:
    """See by a listing that each part of these sources has the bytes that its rows need: of 10,000, ten requests.

    What is in the bytes is verified record by record when it is read.

    Raises:
        IntegrityError: a part was cut short, or is gone.
    """
    sizes: dict[str, dict[str, int]] = {}
    for source in sources:
        for part in shards.parts[source]:
            place, _, _ = part.part.key.rpartition("/")
            listed = sizes.setdefault(f"{part.artifact.address} {place}", {})
            if not listed:
                listed.update(_sizes_below(part.artifact.store, f"{place}/"))
            _check(part, listed.get(part.part.key), expected=part.part.rows * shards.format.record_bytes)


def _check(part: TokenPart, listed: int | None, *, expected: int) -> None:
    store, key = part.artifact.store, part.part.key
    if listed is None:
        # Not every store lists all that it has.
        found = store.head(key)
        listed = found.size if found else None
    if listed is None:
        raise IntegrityError(f"{store.address}/{key} is gone, which holds {part.part.rows} sequences: tokenize again")
    if listed != expected:
        raise IntegrityError(
            f"{store.address}/{key} has {listed} bytes, and its {part.part.rows} sequences have {expected}: it was cut "
            "short or replaced; tokenize again"
        )


def _sizes_below(store: Store, prefix: str) -> dict[str, int]:
    above = len(store.location.key(""))
    pages = store.pages(store.location.key(prefix))
    return {entry["Key"][above:]: entry["Size"] for page in pages for entry in page.get("Contents", ())}
