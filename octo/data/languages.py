"""The language of a text, told by py3langid's model: byte n-grams and naive Bayes, in a file that the package ships.

It was chosen beside fastText's lid.176 and lingua: as right as these on sentences in 18 languages, 8,000 documents of a
kilobyte a CPU second (33,000 and 1,300), and 4.5 MB without a pickle. The first comes in a package that brings a second
module `fasttext`, which would take the place of the one that classification learns with; the second takes 96 MB.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from octo.errors import UsageError
from octo.settings.gates import LanguageSettings

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier


def wrong_language(text: str, settings: LanguageSettings) -> str | None:
    """Why a text is not taken for its language, or None."""
    language, probability = language_of(text[: settings.characters])
    if probability < settings.min_probability:
        return "language_unsure"
    return None if language in settings.keep else "language_other"


def language_of(text: str) -> tuple[str, float]:
    """The likeliest language by its code in ISO 639-1, and how likely it is."""
    language, probability = _model().classify(text)
    return str(language), float(probability)


def check_languages(settings: LanguageSettings) -> None:
    """UsageError where a language is named that is not told from others."""
    for name in settings.keep:
        if name not in (known := sorted(_model().labels)):
            raise UsageError(f"--language.keep: expected codes of languages, of {', '.join(known)}, got {name!r}")


@lru_cache(maxsize=1)
def _model() -> "LanguageIdentifier":
    # Half a second and 70 MB, for those alone who ask for a language.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
