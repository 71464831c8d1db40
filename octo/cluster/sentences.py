"""What Kubernetes and Kueue say, as a part of a sentence."""


def sentence(message: str) -> str:
    """One line, without a full stop, not endless."""
    return " ".join(message.split()).rstrip(".")[:400]
