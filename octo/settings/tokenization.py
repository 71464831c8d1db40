"""Settings of the tokenization job."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from octo.settings.base import Address, JobSettings, Need, Neutral, check_reason
from octo.settings.special import SpecialTokens


class TokenizationSettings(JobSettings):
    """Tokenize curated corpora shard by shard, and pack them into sequences, whatever mixture is made of them."""

    job: ClassVar[str] = "tokenization"
    code_version: ClassVar[int] = 5
    pod_shape = "fleet"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4, scratch_gib=50)
    """What each of its pods asks of a cluster."""

    corpus: tuple[Address, ...] = ()
    """The curated documents. A document that two of them hold is there twice: curate them together."""
    uncurated: str = ""
    """Why documents are tokenized that no curation has kept, in words, where some are: they stand in the artifact and
    on the report."""
    tokenizer: Address = ""
    """An artifact whose tokenizer to use, of tokens or of a model; without it, one is trained on the corpus."""
    special: SpecialTokens = SpecialTokens()
    """Special tokens, where the tokenizer's own files do not say them."""
    honour_special_tokens: bool = False
    """A special token spelt out in a text, such as <think>, is that token. Else it is ordinary text, and nothing that
    somebody wrote into a page can end a document."""
    sequence_length: int = Field(default=256, gt=1)
    """Tokens in a sequence."""
    part_mib: int = Field(default=256, gt=0)
    """Size of a file of tokens at most, in MiB; a shard that makes more is split."""
    vocabulary_size: int = Field(default=2048, ge=258, le=1_000_000)
    """Tokens of a trained tokenizer: 256 bytes, two special ones, and merges."""
    tokenizer_documents: int = Field(default=4_000, gt=0)
    """About how many documents a tokenizer is trained on, drawn evenly from the corpus."""

    @field_validator("uncurated")
    @classmethod
    def _is_a_reason(cls, uncurated: str) -> str:
        return check_reason(uncurated)

    def lacking(self) -> str:
        """The corpus."""
        return "" if self.corpus else "nothing to tokenize: give --corpus, addresses of curation artifacts"
