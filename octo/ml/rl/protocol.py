"""What learner and workers say to each other over HTTP, and how a worker knows its learner.

PUT /weights: a safetensors file, its sha256 in the header Octo-Weights.
POST /completions: a Chunk as JSON, the digest of the weights to use in the same header; a Sampled as JSON comes back.
GET /healthz: the digest of the weights that are loaded. It alone needs no token.
Refusals are a sentence: 400 what arrived is damaged, 401 no token (whatever follows is not read), 408 it came too
slowly, 409 other weights are loaded, 413 too large, 422 not for this model, 503 the worker is ending.
"""

import secrets

from pydantic import BaseModel, ConfigDict, FiniteFloat

from octo.errors import MissingError
from octo.storage.seals import sealed
from octo.storage.store import Store

WEIGHTS_HEADER = "Octo-Weights"
DAMAGED, STRANGER, LATE, STALE, TOO_LARGE, UNFIT, ENDING = 400, 401, 408, 409, 413, 422, 503


class Sampled(BaseModel):
    """The completions of a chunk, and the digest of the weights that made them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: str
    tokens: list[list[int]]
    logprobs: list[list[FiniteFloat]]
    finished: list[bool]
    orders: list[list[int]] = []
    """Of a diffusion model."""


def shared_token(store: Store, digest: str) -> str:
    """What the learner of an artifact proves itself to its workers with: whoever is first makes it up.

    It is kept in the store, because whoever may write there could forge the artifact anyway: it gives nobody more than
    they have, and a cluster needs no secret for it.
    """
    key = f"rollouts/{digest}/token"
    store.put_if_absent(key, sealed(secrets.token_hex(32).encode()))
    token = store.get_sealed(key)
    if token is None:
        raise MissingError(f"{store.address}/{key} was removed while it was used: run again")
    return token.decode()
