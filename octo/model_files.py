"""The names of a model's files, as transformers and vLLM look for them, and as the parts of its artifact are called."""

CONFIGURATION = "config.json"
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENIZER, TOKENIZER_CONFIGURATION = "tokenizer.json", "tokenizer_config.json"
GENERATION = "generation_config.json"
CHAT_TEMPLATE = "chat_template.jinja"
TOKENIZER_FILES = (
    *(TOKENIZER, TOKENIZER_CONFIGURATION, GENERATION, CHAT_TEMPLATE, "special_tokens_map.json"),
    *("added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model"),
)
"""What a tokenizer consists of, where it is there. What is made with the tokenizer has it too, as it is."""


def is_weights(name: str) -> bool:
    """Whether a file holds weights."""
    return name.endswith(".safetensors")


def is_of_model(name: str) -> bool:
    """Whether a file is one of a model's, and nothing that came of its training."""
    return name in (CONFIGURATION, WEIGHTS_INDEX, *TOKENIZER_FILES) or is_weights(name)
