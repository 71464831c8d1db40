"""Tokenizers: read from a model's own files or trained, and applied to texts.

Which tokens end, fill up and mask a text, the files say; no spelling is looked for in a tokenizer of somebody else.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice, takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Digits
from tokenizers.pre_tokenizers import Sequence as Steps
from tokenizers.trainers import BpeTrainer

from octo.errors import InputError
from octo.model_files import CONFIGURATION as MODEL_CONFIGURATION
from octo.model_files import GENERATION, TOKENIZER, TOKENIZER_FILES, parse_object
from octo.model_files import TOKENIZER_CONFIGURATION as CONFIGURATION
from octo.settings.special import SpecialTokens
from octo.storage.artifacts import Artifact

MASK = "<|mask|>"
"""What a mask is called where a tokenizer gets one of ours: it stands where a token is not known yet."""
TRAINING_CHARACTERS = 20_000
"""Of a longer document, so much is trained on: one book must not decide the vocabulary, nor the memory."""
BATCH_DOCUMENTS = 256
BATCH_CHARACTERS = 1 << 22
"""Documents that are encoded side by side, and about how long they are together."""

_IDS = 1 << 32
"""Ids that the tokenizers library has."""

Tokens = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class TextTokenizer:
    """All that is known of a tokenizer."""

    tokenizer: Tokenizer = field(repr=False)
    end_id: int
    """It ends a document."""
    ends: tuple[int, ...]
    """Any of these ends a completion."""
    begins: tuple[int, ...]
    """What a text begins with, if its model was trained so."""
    pad_id: int
    """The end, where there is no token for padding."""
    mask_id: int | None
    """Of diffusion models."""
    vocabulary_size: int
    """One more than the highest id. A model may have room for more."""
    files: Mapping[str, bytes] = field(repr=False)
    """By name. Whatever is made with the tokenizer has them as parts."""
    pieces: tuple[str, ...] = ()
    """Spellings of special tokens that the tokenizer's model has as pieces of text: a text with them is cut in them."""

    @property
    def dtype(self) -> "np.dtype[np.unsignedinteger[Any]]":
        """What its ids are stored as, little-endian."""
        return dtype_of(self.vocabulary_size)

    def encode(self, text: str) -> list[int]:
        """The text's tokens and no others. A special token spelt out in it is ordinary text, unless it is honoured."""
        return [
            each for part in self._apart(text) for each in self.tokenizer.encode(part, add_special_tokens=False).ids
        ]

    def encode_prompt(self, text: str) -> list[int]:
        """The tokens of a text that is to be continued: with what a text begins with."""
        return [*self.begins, *self.encode(text)]

    def encode_documents(self, texts: Iterable[str]) -> Iterator[Tokens]:
        """Each text's tokens as a document: with what it begins with, and the end last."""
        for batch in _batches(texts):
            parts = [self._apart(text) for text in batch]
            encodings = iter(self.tokenizer.encode_batch_fast(list(chain(*parts)), add_special_tokens=False))
            for own in parts:
                ids = chain.from_iterable(encoding.ids for encoding in islice(encodings, len(own)))
                yield np.array([*self.begins, *ids, self.end_id], dtype=self.dtype)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, without special ones."""
        return str(self.tokenizer.decode(list(ids)))

    def honouring_special_tokens(self) -> "TextTokenizer":
        """The same, except that special tokens spelt out in a text are those tokens."""
        tokenizer = Tokenizer.from_str(self.tokenizer.to_str())
        tokenizer.encode_special_tokens = False
        return replace(self, tokenizer=tokenizer, pieces=())

    def with_mask(self) -> "TextTokenizer":
        """With a token for masks, which is added behind all others where there is none."""
        if self.mask_id is not None:
            return self
        tokenizer = Tokenizer.from_str(self.tokenizer.to_str())
        tokenizer.add_special_tokens([MASK])
        configuration = {**parse_object(self.files.get(CONFIGURATION, b"{}"), CONFIGURATION), "mask_token": MASK}
        files = {**self.files, TOKENIZER: _written(tokenizer), CONFIGURATION: _as_json(configuration)}
        return tokenizer_of(files, name="a model that gets a mask")

    def _apart(self, text: str) -> list[str]:
        """The text, cut within each spelling that would be read as a special token; what is empty is one part."""
        if not any(piece in text for piece in self.pieces):
            return [text]
        within = "|".join(f"(?<={re.escape(piece[0])})(?={re.escape(piece[1:])})" for piece in self.pieces)
        return re.split(within, text)


def dtype_of(vocabulary_size: int) -> "np.dtype[np.unsignedinteger[Any]]":
    """What ids below that are stored as."""
    stored: np.dtype[Any] = np.dtype("<u2" if vocabulary_size <= 1 << 16 else "<u4")
    return stored


def read_tokenizer(artifact: Artifact) -> TextTokenizer:
    """The tokenizer that an artifact holds.

    Raises:
        InputError: it has none that can serve.
    """
    held = {part.name for part in artifact.parts()}
    files = {name: artifact.read_one(name) for name in TOKENIZER_FILES if name in held or name == TOKENIZER}
    return tokenizer_of(
        files,
        name=artifact.address,
        model=artifact.read_one(MODEL_CONFIGURATION) if MODEL_CONFIGURATION in held else b"{}",
    )


def tokenizer_of(
    files: Mapping[str, bytes], *, name: str, special: SpecialTokens | None = None, model: bytes = b"{}"
) -> TextTokenizer:
    """The tokenizer of some files.

    Special tokens are those that are named here, else those of tokenizer_config.json, else those of
    generation_config.json, else those of the model's config.json. What comes back has files that name them.

    Args:
        files: of TOKENIZER_FILES, those that there are; tokenizer.json is one of them.
        name: whose tokenizer it is, for messages.
        special: what somebody chose.
        model: the body of config.json.

    Raises:
        InputError: it is no tokenizer, has no end, or lacks a token that is named.
    """
    tokenizer = _parsed(files[TOKENIZER], name)
    said = _Said(
        tokenizer=tokenizer,
        name=name,
        chosen=special or SpecialTokens(),
        configuration=parse_object(files.get(CONFIGURATION, b"{}"), f"{CONFIGURATION} of {name}"),
        ids=(
            parse_object(files.get(GENERATION, b"{}"), f"{GENERATION} of {name}"),
            parse_object(model, f"config.json of {name}"),
        ),
    )
    end_id = said.id_of("end", "eos")
    if end_id is None:
        raise InputError(
            f"the tokenizer of {name} does not say which token ends a text: name it with --special.end when you "
            "import the model (octo pretrained)"
        )
    ends = tuple(dict.fromkeys((end_id, *said.more_ends())))
    pad_id = said.id_of("pad", "pad")
    mask_id = said.id_of("mask", "mask")
    begins = _begins(tokenizer)
    _keep_special(tokenizer, [each for each in (*begins, *ends, pad_id, mask_id) if each is not None])
    return TextTokenizer(
        tokenizer=tokenizer,
        end_id=end_id,
        ends=ends,
        begins=begins,
        pad_id=end_id if pad_id is None else pad_id,
        mask_id=mask_id,
        vocabulary_size=1 + max(tokenizer.get_vocab().values()),
        files=said.settled(files, end_id=end_id, ends=ends, pad_id=pad_id, mask_id=mask_id),
        pieces=_pieces(tokenizer),
    )


def train(texts: Iterable[str], *, vocabulary_size: int) -> TextTokenizer:
    """Byte-level BPE: every text can be encoded, and each digit is a token of its own.

    Digits apart show a small model a number's places, and keep a question's tokens the same whatever follows.
    """
    end, pad = "<|endoftext|>", "<|pad|>"
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Steps([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[end, pad],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text[:TRAINING_CHARACTERS] for text in texts), trainer)
    files = {
        TOKENIZER: _written(tokenizer),
        CONFIGURATION: _as_json(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "eos_token": end,
                "pad_token": pad,
                "clean_up_tokenization_spaces": False,
            }
        ),
        GENERATION: _as_json({"eos_token_id": tokenizer.token_to_id(end), "pad_token_id": tokenizer.token_to_id(pad)}),
    }
    return tokenizer_of(files, name="the corpus")


@dataclass(frozen=True)
class _Said:
    """What is said of special tokens, and where."""

    tokenizer: Tokenizer
    name: str
    chosen: SpecialTokens
    configuration: Mapping[str, Any]
    """tokenizer_config.json, which spells them."""
    ids: Sequence[Mapping[str, Any]]
    """generation_config.json and config.json, which have ids."""

    def id_of(self, choice: str, role: str) -> int | None:
        """The id of the token in that role; None where nobody names any."""
        if spelt := getattr(self.chosen, choice):
            return self._known(spelt, f"--special.{choice}")
        if spelt := _spelling(self.configuration.get(f"{role}_token")):
            return self._known(spelt, f"{role}_token of {CONFIGURATION}")
        return next((ids[0] for given in self.ids if (ids := self._listed(given, role))), None)

    def more_ends(self) -> list[int]:
        """All the ids that the first of the files that name any lets end a completion."""
        return next((ids for given in self.ids if (ids := self._listed(given, "eos"))), [])

    def settled(
        self,
        files: Mapping[str, bytes],
        *,
        end_id: int,
        ends: Sequence[int],
        pad_id: int | None,
        mask_id: int | None,
    ) -> dict[str, bytes]:
        """The files, of which those that do not say so yet are made to."""
        settled = dict(files)
        found = {"eos": end_id, "pad": pad_id, "mask": mask_id}
        spelt = {f"{role}_token": self.tokenizer.id_to_token(each) for role, each in found.items() if each is not None}
        missing = {key: token for key, token in spelt.items() if _spelling(self.configuration.get(key)) != token}
        if missing:
            settled[CONFIGURATION] = _as_json({**self.configuration, **missing})
        generation = self.ids[0]
        if set(self._listed(generation, "eos")) != set(ends):
            # A list of one would do as well, and is not what anybody else writes.
            settled[GENERATION] = _as_json({**generation, "eos_token_id": ends[0] if len(ends) == 1 else list(ends)})
        return settled

    def _known(self, spelt: str, place: str) -> int:
        found = self.tokenizer.token_to_id(spelt)
        if found is None:
            raise InputError(f"{place} is {spelt!r}, which the tokenizer of {self.name} does not have")
        return int(found)

    def _listed(self, given: Mapping[str, Any], role: str) -> list[int]:
        ids = given.get(f"{role}_token_id")
        listed = [] if ids is None else ids if isinstance(ids, list) else [ids]
        for each in listed:
            is_id = type(each) is int and 0 <= each < _IDS
            if not is_id or self.tokenizer.id_to_token(each) is None:
                raise InputError(f"{role}_token_id {each!r:.100} is no token of the tokenizer of {self.name}")
        return listed


def _parsed(body: bytes, name: str) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(body.decode())
        num_tokens = len(tokenizer.get_vocab())
        # What does not fit together is found out when it is used.
        tokenizer.encode("a", add_special_tokens=True)
    except BaseException as error:
        # The library raises Exception itself, and what Rust panics with, which is none.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise InputError(f"tokenizer.json of {name} is none that the tokenizers library reads: {error}") from error
    if not num_tokens:
        raise InputError(f"tokenizer.json of {name} has no token: fetch it again")
    # Some are stored as they were last used: neither may cut or lengthen a document.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def _keep_special(tokenizer: Tokenizer, ids: Sequence[int]) -> None:
    """Have text that spells these tokens be text, whether or not their file calls them special."""
    added = tokenizer.get_added_tokens_decoder()
    for each in ids:
        known = added.get(each)
        if known is None or not known.special:
            token = known or AddedToken(tokenizer.id_to_token(each), normalized=False)
            token.special = True
            tokenizer.add_special_tokens([token])
    tokenizer.encode_special_tokens = True


def _pieces(tokenizer: Tokenizer) -> tuple[str, ...]:
    """The spellings of special tokens that come out as those tokens all the same, the longest first."""
    special = {each: token.content for each, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    found = (
        spelt
        for each, spelt in special.items()
        if len(spelt) > 1
        and any(each in tokenizer.encode(text, add_special_tokens=False).ids for text in (spelt, f"a{spelt}a"))
    )
    return tuple(sorted(found, key=lambda spelt: (-len(spelt), spelt)))


def _begins(tokenizer: Tokenizer) -> tuple[int, ...]:
    """What the tokenizer's own last step puts before a text."""
    encoding = tokenizer.encode("a", add_special_tokens=True)
    marked = zip(encoding.ids, encoding.special_tokens_mask, strict=True)
    return tuple(each for each, _ in takewhile(lambda pair: pair[1] == 1, marked))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    held = 0
    for text in texts:
        batch.append(text)
        held += len(text)
        if len(batch) == BATCH_DOCUMENTS or held >= BATCH_CHARACTERS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _spelling(token: object) -> str:
    """A token is its spelling, or an object that has one."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""


def _as_json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def _written(tokenizer: Tokenizer) -> bytes:
    return str(tokenizer.to_str(pretty=True)).encode()
