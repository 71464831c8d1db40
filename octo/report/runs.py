"""What the store holds of a run: its description, its stages' records, and its spans."""

from collections.abc import Mapping, Sequence
from typing import Any

from octo.errors import MissingError, UsageError
from octo.storage.store import Store
from octo.telemetry import trace_id_of


def described(store: Store, run_id: str) -> Any:
    """What the run is of; UsageError names the runs there are when it is none of them.

    On a cluster nobody knows the whole of a run: it is put together from what its steps have recorded.
    """
    try:
        return store.get_record(f"runs/{run_id}/run.json")
    except MissingError:
        if steps := _steps(store, run_id):
            return _put_together(run_id, steps)
        known = sorted({key.split("/")[1] for key in store.list("runs/")})
        raise UsageError(
            f"there is no run {run_id!r} in {store.address}: "
            + (f"there is {', '.join(known[-5:])}" if known else "start one with octo run")
        ) from None


def record(store: Store, run_id: str, stage: str, facts: Mapping[str, Any]) -> None:
    """Write down where a stage of the run stands."""
    key = f"runs/{run_id}/stages/{stage}.json"
    store.put_record(key, facts)


def recorded(store: Store, run_id: str, stage: str) -> Mapping[str, Any]:
    """Where a stage of the run stands; it waits as long as nothing is written of it."""
    try:
        record = store.get_record(f"runs/{run_id}/stages/{stage}.json")
    except MissingError:
        return {"state": "waiting"}
    return record if isinstance(record, dict) else {"state": "waiting"}


def span_lines(store: Store, run_id: str) -> list[bytes]:
    """The OTLP-JSON lines of every process of the run."""
    keys = (key for key in store.list(f"runs/{run_id}/spans/") if key.endswith(".jsonl"))
    return [line for key in keys for line in (store.get_sealed(key) or b"").splitlines() if line]


def _steps(store: Store, run_id: str) -> list[Mapping[str, Any]]:
    """The records of steps that described themselves, the first to start first."""
    records = [store.get_record(key) for key in store.list(f"runs/{run_id}/stages/") if key.endswith(".json")]
    return sorted((each for each in records if "settings" in each), key=lambda each: str(each["started_at"]))


def _put_together(run_id: str, steps: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    names = {each["address"]: each["stage"] for each in steps if each["address"]}
    return {
        "run_id": run_id,
        "created_at": steps[0]["started_at"],
        "pipeline": steps[0].get("pipeline", ""),
        "trace_id": trace_id_of(run_id),
        "stages": [
            {
                "name": each["stage"],
                "job": each["job"],
                "settings": each["settings"],
                "inputs": {
                    field: [names[address] for address in addresses if address in names]
                    for field, addresses in each["inputs"].items()
                },
                "digest": each["digest"],
                "address": each["address"],
            }
            for each in steps
        ],
    }
