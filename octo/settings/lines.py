"""Settings of line and paragraph dedup."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from octo.settings.base import Neutral


class LineSettings(BaseModel):
    """Lines, or paragraphs, that several documents share, such as menus and notices: they stay in the first alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_documents: int = Field(default=0, ge=0)
    """A line that so many documents have, or more, is taken out of all but the first of them, in the order of near
    matches; 0 looks for none, and 1 is no choice."""
    unit: Literal["lines", "paragraphs"] = "lines"
    """What is compared: lines, or what blank lines separate."""
    min_words: int = Field(default=3, ge=1)
    """A line with fewer words is left where it is, whoever has it: brackets, headings, signs."""
    memory_mib: Annotated[float, Neutral(), Field(ge=0.001)] = 512
    """Memory for the search in each worker, beside a shard of documents, in MiB."""
