"""Settings group for a tokenizer's special tokens."""

from pydantic import BaseModel, ConfigDict


class SpecialTokens(BaseModel):
    """Special tokens by their spelling, where a tokenizer's own files do not say which they are, or say others."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    end: str = ""
    """What ends a document and a completion, such as <|endoftext|>; empty takes what the tokenizer's files say."""
    pad: str = ""
    """What fills sequences up; empty takes what the files say, and the end where they say nothing."""
    mask: str = ""
    """What stands for tokens that are not known yet, of diffusion models; empty takes what the files say, if any."""
