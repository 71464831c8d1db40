"""What the store holds of a run: its description, its stages' records, and its spans."""

from collections.abc import Mapping
from typing import Any

from octo.errors import MissingError, UsageError
from octo.storage.store import Store


def described(store: Store, run_id: str) -> Any:
    """What the run is of; UsageError names the runs there are when it is none of them."""
    try:
        return store.get_json(f"runs/{run_id}/run.json")
    except MissingError:
        known = sorted({key.split("/")[1] for key in store.list("runs/")})
        raise UsageError(
            f"there is no run {run_id!r} in {store.address}: "
            + (f"there is {', '.join(known[-5:])}" if known else "start one with octo run")
        ) from None


def recorded(store: Store, run_id: str, stage: str) -> Mapping[str, Any]:
    """Where a stage of the run stands; it waits as long as nothing is written of it."""
    try:
        record = store.get_json(f"runs/{run_id}/stages/{stage}.json")
    except MissingError:
        return {"state": "waiting"}
    return record if isinstance(record, dict) else {"state": "waiting"}


def span_lines(store: Store, run_id: str) -> list[bytes]:
    """The OTLP-JSON lines of every process of the run."""
    keys = (key for key in store.list(f"runs/{run_id}/spans/") if key.endswith(".jsonl"))
    return [line for key in keys for line in store.get(key).splitlines() if line]
