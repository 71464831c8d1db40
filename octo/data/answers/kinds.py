"""What kind of answer something is, told from its parts: a letter, a word, a point, what names are said to be."""

from octo.data.answers.formulas import Answer, Choice, Named, Quantity, Several, Symbol, Words, symbols_of
from octo.data.answers.reading import CHOICES
from octo.data.answers.relations import value_of


def letter_of(answer: Answer) -> str:
    """The letter that an answer is, in its own case unless it is said to be a choice; nothing where it is none."""
    if isinstance(answer, Choice):
        return answer.letter
    if isinstance(answer, Quantity) and isinstance(answer.formula, Symbol) and not answer.unit:
        name = answer.formula.name
        return name if len(name) == 1 and name.upper() in CHOICES else ""
    return ""


def letters_of(answer: Answer) -> list[str]:
    """The letters of several choices, in their order; nothing where it is anything else: ACD, or A, C and D."""
    if isinstance(answer, Several) and not answer.opening:
        letters = [letter_of(each) for each in answer.items]
    else:
        letters = list(answer.text.upper()) if isinstance(answer, Words) else []
    chosen = len(letters) > 1 and all(letter and letter in CHOICES for letter in letters)
    return letters if chosen and len(set(letters)) == len(letters) else []


def word_of(answer: Answer) -> str:
    """A word, or the letters of a name: the second and the third of II and III."""
    match answer:
        case Words(text):
            return text
        case Quantity(Symbol(name)) if len(name) > 1:
            return name.casefold()
    return ""


def is_words(answer: Answer) -> bool:
    """Whether it is no mathematics."""
    return isinstance(answer, Words)


def is_constant(answer: Answer) -> bool:
    """Whether it is a quantity without a variable."""
    return isinstance(answer, Quantity) and not symbols_of(answer.formula)


def is_tuple(answer: Answer) -> bool:
    """Whether it is several in brackets."""
    return isinstance(answer, Several) and bool(answer.opening)


def is_set(answer: Answer) -> bool:
    """Whether it is several in braces."""
    return isinstance(answer, Several) and answer.opening == "{"


def only(answer: Answer) -> Answer:
    """The one member of a set that has one."""
    if isinstance(answer, Several) and answer.opening in ("", "{") and len(answer.items) == 1:
        return answer.items[0]
    return answer


def assigned(answer: Answer) -> Answer:
    """(x, y) = (1, 2) as what it says of x and of y."""
    match answer:
        case Named(Several(names), Several(values)) if len(names) == len(values):
            return Several(tuple(map(Named, names, values)), "", "")
    return answer


def assigns(answer: Several) -> bool:
    """Whether it says what names are."""
    return bool(answer.items) and all(isinstance(each, Named) for each in answer.items)


def by_name(answer: Several) -> Several:
    """What is assigned, in the order of the names."""
    if not assigns(answer):
        return answer
    return Several(tuple(map(value_of, sorted(answer.items, key=_name_of))), "(", ")")


def _name_of(answer: Answer) -> str:
    match answer:
        # r and theta, in this order.
        case Named(Quantity(Symbol(name))):
            return name.removeprefix("\\")
        case Named(name):
            return str(name)
    return ""
