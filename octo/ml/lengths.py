"""Whether prompts and completions are of lengths that a model can have."""

from collections.abc import Sequence

from transformers import PretrainedConfig

from octo.errors import UsageError


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
    told = config.get_text_config()
    positions = getattr(told, "max_position_embeddings", None)
    # How transformers 5 says that positions are angles, and how it used to.
    turns = any(getattr(told, name, None) for name in ("rope_parameters", "rope_scaling", "rope_theta"))
    for number, (prompt, length) in enumerate(zip(prompts, new_tokens, strict=True), start=1):
        if length < 1:
            raise UsageError(
                f"expected completions of a token or more, got a length of {length}: raise --max-new-tokens"
            )
        if not prompt:
            raise UsageError(
                f"prompt {number} of {len(prompts)} is empty, so that nothing predicts its first token: begin it with "
                "the end-of-text token"
            )
        needed = len(prompt) if turns else len(prompt) + length
        if isinstance(positions, int) and needed > positions:
            written = "" if turns else f" and {length} to be written"
            raise UsageError(
                f"prompt {number} of {len(prompts)} has {len(prompt)} tokens{written}, and the model has {positions} "
                "positions: shorten the prompt, lower --max-new-tokens, or take a model with more of them"
            )
