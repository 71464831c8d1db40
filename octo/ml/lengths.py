"""Whether prompts and completions are of lengths that a model can have."""

from collections.abc import Iterable, Sequence

from transformers import PretrainedConfig

from octo.data.questions import Question
from octo.errors import UsageError
from octo.ml.chat import Prompter
from octo.ml.diffusion.denoiser import is_diffusion


def check_lengths(config: PretrainedConfig, prompts: Sequence[Sequence[int]], new_tokens: Sequence[int]) -> None:
    """See whether every prompt can be read and completed.

    Positions that are angles go on beyond those that a model was trained on, so a completion may; those that are
    learned end.

    Args:
        config: of the model.
        prompts: their tokens.
        new_tokens: for each, how many may be written.

    Raises:
        UsageError: which prompt, how long it is, and what the model has.
    """
    _check(config, [len(prompt) for prompt in prompts], new_tokens)


def check_questions(
    config: PretrainedConfig, asks: Prompter, questions: Iterable[Question], *, max_new_tokens: int
) -> None:
    """See before any work whether all that is going to be asked can be read and completed; raises as check_lengths.

    Every question is encoded once more, and none is held: 0.1 ms each.
    """
    # A diffusion model is asked nothing by a pad.
    least = 1 if is_diffusion(config) else 0
    sizes = [max(least, len(asks.prompt(question.text))) for question in questions]
    _check(config, sizes, [max_new_tokens] * len(sizes), of="question")


def check_examples(config: PretrainedConfig, questions: Sequence[int], answers: Sequence[int]) -> None:
    """See whether a model can be trained on questions and answers of these lengths; raises as check_lengths."""
    _check(config, questions, answers, of="question", remedy="lower --max-question-tokens or --max-new-tokens")


def check_sequences(config: PretrainedConfig, length: int) -> None:
    """See whether a model can be trained on sequences of a length.

    Raises:
        UsageError: it has fewer positions.
    """
    positions = _positions(config)
    if positions is not None and length > positions:
        raise UsageError(
            f"the sequences have {length} tokens, and the model has {positions} positions: tokenize the corpus with "
            f"--sequence-length {positions} or less, or take a model with more of them"
        )


def check_room(positions: int, sizes: Sequence[int], max_new_tokens: int) -> None:
    """See whether prompts of these lengths fit with their completions where nothing goes on beyond the positions."""
    _check_each(positions, sizes, [max_new_tokens] * len(sizes), turns=False, of="prompt", remedy=_REMEDY)


_REMEDY = "shorten the prompt, lower --max-new-tokens"


def _check(
    config: PretrainedConfig, sizes: Sequence[int], new_tokens: Sequence[int], *, of: str = "prompt", remedy: str = ""
) -> None:
    told = config.get_text_config()
    # How transformers 5 says that positions are angles, and how it used to.
    turns = any(getattr(told, name, None) for name in ("rope_parameters", "rope_scaling", "rope_theta"))
    remedy = remedy or _REMEDY.replace("prompt", of)
    _check_each(_positions(config), sizes, new_tokens, turns=turns, of=of, remedy=remedy)


def _check_each(
    positions: int | None, sizes: Sequence[int], new_tokens: Sequence[int], *, turns: bool, of: str, remedy: str
) -> None:
    for number, (size, length) in enumerate(zip(sizes, new_tokens, strict=True), start=1):
        if length < 1:
            raise UsageError(
                f"expected completions of a token or more, got a length of {length}: raise --max-new-tokens"
            )
        if not size:
            raise UsageError(
                f"{of} {number} of {len(sizes)} is empty, so that nothing predicts its first token: begin it with "
                "the end-of-text token"
            )
        needed = size if turns else size + length
        if positions is not None and needed > positions:
            written = "" if turns else f" and {length} to be written"
            raise UsageError(
                f"{of} {number} of {len(sizes)} has {size} tokens{written}, and the model has {positions} "
                f"positions: {remedy}, or take a model with more of them"
            )


def _positions(config: PretrainedConfig) -> int | None:
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return positions if isinstance(positions, int) else None
