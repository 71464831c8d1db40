"""A byte-level BPE tokenizer: trained, loaded, and applied to documents."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits
from tokenizers.pre_tokenizers import Sequence as Steps
from tokenizers.trainers import BpeTrainer

from octo.errors import InputError
from octo.randomness import permutation

END_OF_TEXT = "<|endoftext|>"
PADDING = "<|pad|>"
MASK = "<|mask|>"
"""Of diffusion models alone: it stands where a token is not known yet."""
MAX_VOCABULARY_SIZE = 1 << 16
"""Token ids are stored in 16 bits."""
TRAINING_CHARACTERS = 20_000
"""Of a longer document, so much is trained on: one book must not decide the vocabulary, nor the memory."""
BATCH_DOCUMENTS = 256

Tokens = NDArray[np.uint16]


def train(texts: Iterable[str], *, vocabulary_size: int) -> Tokenizer:
    """Byte-level BPE: every text can be encoded, and each digit is a token of its own.

    Digits apart show a small model a number's places, and keep a question's tokens the same whatever follows.
    """
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Steps([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[END_OF_TEXT, PADDING],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text[:TRAINING_CHARACTERS] for text in texts), trainer)
    return tokenizer


def training_sample(ids: Sequence[str], *, count: int, seed: int) -> list[int]:
    """The positions of the documents to train on: a choice that depends on the documents, not on their order."""
    return permutation(ids, seed, "tokenizer")[:count]


def load(body: bytes, *, name: str) -> Tokenizer:
    """Read tokenizer.json; InputError when it cannot serve."""
    try:
        tokenizer = Tokenizer.from_str(body.decode())
    except Exception as error:  # The library raises no other class than this.
        raise InputError(f"tokenizer.json of {name} is none that the tokenizers library reads: {error}") from error
    missing = [token for token in (END_OF_TEXT, PADDING) if tokenizer.token_to_id(token) is None]
    if missing:
        raise InputError(f"the tokenizer of {name} has no {' and no '.join(missing)}")
    if tokenizer.get_vocab_size() > MAX_VOCABULARY_SIZE:
        raise InputError(f"the tokenizer of {name} has {tokenizer.get_vocab_size()} tokens, the limit is 65536")
    return tokenizer


def with_mask(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer with a token for masks, which is added after all others where it has none."""
    if tokenizer.token_to_id(MASK) is None:
        tokenizer.add_special_tokens([MASK])
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> Iterator[Tokens]:
    """Each text's tokens, the end-of-text token last. A special token spelt out in a text is ordinary text."""
    tokenizer.encode_special_tokens = True
    end = end_of_text(tokenizer)
    remaining = iter(texts)
    while batch := list(islice(remaining, BATCH_DOCUMENTS)):
        for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            yield np.array([*encoding.ids, end], dtype=np.uint16)


def end_of_text(tokenizer: Tokenizer) -> int:
    """The id of the token that ends a document, and a completion."""
    return id_of(tokenizer, END_OF_TEXT)


def id_of(tokenizer: Tokenizer, token: str) -> int:
    """The id of a special token; InputError when the tokenizer has none such."""
    found = tokenizer.token_to_id(token)
    if found is None:
        raise InputError(f"the tokenizer has no {token}")
    return int(found)
