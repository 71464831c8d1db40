"""Settings of the search for near matches."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from octo.settings.base import Neutral


class NearSettings(BaseModel):
    """Which documents are so alike that one of them is enough: MinHash with banding, and true similarities after it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    threshold: float = Field(default=0, ge=0, le=1)
    """A document is a near_duplicate of one that goes before it when the Jaccard similarity of their shingles is this
    or more (0.75 in MegaMath); 0 looks for none."""
    bands: int = Field(default=11, ge=1, le=1024)
    """Bands of a signature. Documents that share one are compared; of those at the similarity j, a share of
    1 - (1 - j^rows)^bands does."""
    rows: int = Field(default=10, ge=1, le=1024)
    """Numbers in a band, all of which must be equal."""
    unit: Literal["words", "characters"] = "words"
    """What shingles are runs of. Writing without spaces between words takes characters."""
    shingle_size: int = Field(default=5, ge=1, le=1024)
    """Words or characters in a shingle."""
    candidates: int = Field(default=4, ge=1, le=1024)
    """With how many documents that share a band with it one is compared, the first of them in the order of ids: what
    bounds the work on a million that are alike."""
    sample: int = Field(default=1000, ge=0, le=1_000_000)
    """Documents that are compared with all others, to say which share of near matches is found; 0 asks none."""
    memory_mib: Annotated[float, Neutral(), Field(ge=0.001)] = 512
    """Memory for the search in each worker, beside a shard of documents, in MiB."""
