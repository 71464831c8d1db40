"""What the columns of a batch see of each other, and which state predicts which of them.

A model of blocks is read with a clean copy beside the noisy columns: as in decoding, a noisy block sees the blocks
before it as they are when all of them is known, and itself with its masks.

Axes: B sequences, S columns of what is read, T columns of a sequence (S is T, or twice that with a copy), R rows that
are looked at together, N columns that are asked about.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

PADDING = -1
"""The document of columns that nobody reads."""

Opening = Callable[[int, int], Tensor]
"""From a range of rows to what each of them may see of all columns of its sequence; shape B, R, T."""


@dataclass(frozen=True)
class Sight:
    """Who sees whom: a column sees those of its own document, as far as the rest of this allows."""

    documents_BS: Tensor
    """By which document a column is of; padding sees padding."""
    positions_BS: Tensor
    """Places in the document, from 0."""
    prompt_BS: Tensor | None = None
    """Columns that see each other alone, where there are such."""
    block_length: int = 0
    """Of a model of blocks, which are counted from the beginning of the document."""
    opening: Opening | None = None
    """Beside all earlier columns, which later ones a row sees; None is all."""
    has_copy: bool = False
    """Whether the second half of the columns is the first half without noise."""

    def with_copy(self) -> "Sight":
        """This with a clean copy of all columns after them."""
        return Sight(
            documents_BS=self.documents_BS.repeat(1, 2),
            positions_BS=self.positions_BS.repeat(1, 2),
            block_length=self.block_length,
            has_copy=True,
        )

    def rows(self, first: int, last: int) -> Tensor:
        """True where the columns first, ..., last - 1 see another; shape B, R, S."""
        rows = slice(first, last)
        sees_BRS = self.documents_BS[:, rows, None] == self.documents_BS[:, None, :]
        if self.prompt_BS is not None:
            sees_BRS &= ~(self.prompt_BS[:, rows, None] & ~self.prompt_BS[:, None, :])
        if self.opening:
            sees_BRS &= self.opening(first, last)
        if self.block_length:
            blocks_BS = self.positions_BS // self.block_length
            sees_BRS &= self._of_blocks(blocks_BS[:, rows, None], blocks_BS[:, None, :], rows)
        return sees_BRS

    def mask(self) -> Tensor:
        """All rows at once; shape B, 1, S, S."""
        return self.rows(0, self.documents_BS.shape[1])[:, None]

    def _of_blocks(self, own_BR1: Tensor, others_B1S: Tensor, rows: slice) -> Tensor:
        before_BRS = others_B1S < own_BR1
        same_BRS = others_B1S == own_BR1
        if not self.has_copy:
            return before_BRS | same_BRS
        num_columns = others_B1S.shape[-1]
        is_copy_S = torch.arange(num_columns, device=own_BR1.device) >= num_columns // 2
        # Earlier blocks are clean whoever looks; the own one is what the row is.
        return (same_BRS & (is_copy_S == is_copy_S[rows][:, None])) | (before_BRS & is_copy_S)


def sites(columns_N: Tensor, positions_N: Tensor, *, lag: int, block_length: int, num_columns: int) -> Tensor:
    """The columns whose states predict others; shape N.

    Args:
        columns_N: of the sequence, that are asked about.
        positions_N: their places in their documents.
        lag: of the model's kind.
        block_length: of the model's kind; with one, there is a copy.
        num_columns: of the sequence, without its copy.
    """
    sites_N = columns_N - lag
    if lag and block_length:
        # The column before a block is read without noise.
        sites_N = sites_N + num_columns * (positions_N % block_length == 0)
    return sites_N
