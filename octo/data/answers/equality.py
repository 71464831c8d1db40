"""Whether an answer is the true one: which kinds of answers can be equal, and when they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from octo.data.answers.arithmetic import Arithmetic
from octo.data.answers.equations import is_curve, same_equation, same_graph, same_name
from octo.data.answers.formulas import (
    Answer,
    Based,
    Choice,
    Joined,
    Matrix,
    Named,
    Number,
    Quantity,
    Ratio,
    Relation,
    Several,
    UnreadableError,
    Words,
)
from octo.data.answers.kinds import (
    assigned,
    assigns,
    by_name,
    is_constant,
    is_set,
    is_tuple,
    is_words,
    letter_of,
    letters_of,
    only,
    word_of,
)
from octo.data.answers.quantities import Quantities, as_time, same_digits
from octo.data.answers.reading import CHOICES, Reading
from octo.data.answers.relations import is_name, value_of
from octo.data.answers.sets import Sets
from octo.data.answers.words import words_of

_POINTS = {"()", "<>"}


@dataclass(frozen=True)
class Comparison:
    """Of answers, by an arithmetic."""

    by: Arithmetic

    def same(self, gold: Reading, answer: Reading) -> bool:
        """Whether an answer is the true one.

        Raises:
            UnreadableError: the true one has no value, or says what is not so, as 8 = 7 does.
        """
        true, given = self._settled(gold.answer), self._settled(answer.answer)
        if not true:
            raise UnreadableError(f"{gold.text} is not so")
        kinds = (gold.answer, answer.answer)
        if any(map(is_words, kinds)) and not any(isinstance(each, Based) for each in kinds):
            return self._words(gold, answer)
        return any(self._same(one, other) for one in true for other in given)

    def _words(self, gold: Reading, answer: Reading) -> bool:
        if letter_of(gold.answer) and letter_of(answer.answer):
            return self._same(gold.answer, answer.answer)
        if isinstance(answer.answer, Choice) and answer.answer.value is not None:
            return (
                self.same(gold, Reading(answer.answer.value, answer.text)) if is_words(answer.answer.value) else False
            )
        if letters_of(gold.answer) and letters_of(gold.answer) == letters_of(answer.answer):
            return True
        if not is_words(gold.answer) and gold.text.casefold() == answer.text.casefold():
            # xyz is a product, which XYZ is not.
            return gold.text == answer.text
        true, given = (each.answer if is_words(each.answer) else words_of(each.text) for each in (gold, answer))
        return true is not None and true == given

    def _settled(self, answer: Answer) -> list[Answer]:
        """What an answer claims: a chain of equations is its value, or nothing where it does not hold."""
        if not isinstance(answer, Relation) or not set(answer.operators) <= {"=", r"\approx"}:
            return [answer]
        sides = list(answer.sides)
        names = [side for side in sides if is_name(side)]
        values = [side for side in sides if not is_name(side)]
        if not values or not all(map(is_constant, values)):
            return [answer]
        about = answer.operators[-1] == r"\approx"
        rest = values[:-1] if about and len(values) > 1 else values
        holds = all(self._same(rest[0], each) for each in rest[1:])
        if about and len(values) > 1:
            holds = holds and self._near(rest[0], values[-1])
        if not holds:
            return []
        claimed = [rest[0], *([values[-1]] if about and len(values) > 1 else [])]
        return [Named(names[0], each) for each in claimed] if names else claimed

    def _near(self, exact: Answer, about: Answer) -> bool:
        """Whether a constant is what it is said to be about."""
        match exact, about:
            case Quantity(one), Quantity(Number() as other):
                return Quantities(self.by).near(one, other)
        return self._same(exact, about)

    def _same(self, gold: Answer, answer: Answer) -> bool:
        if chosen := self._choices(gold, answer):
            return chosen > 0
        if isinstance(gold, Choice) or isinstance(answer, Choice):
            return self._offered(gold, answer)
        if isinstance(gold, Based) or isinstance(answer, Based):
            return same_digits(value_of(gold), value_of(answer))
        if isinstance(gold, Words) or isinstance(answer, Words):
            return word_of(gold) == word_of(answer) != ""
        if isinstance(gold, Named) or isinstance(answer, Named):
            return self._named(gold, answer)
        return self._same_kind(gold, answer)

    def _same_kind(self, gold: Answer, answer: Answer) -> bool:
        match gold, answer:
            case Quantity(), Quantity():
                same = Quantities(self.by).same(gold, answer)
            case Several(), Several():
                same = self._several(gold, answer)
            case (Ratio(), _) | (_, Ratio()):
                same = self._times(as_time(gold), as_time(answer))
            case Matrix(), Matrix():
                same = [len(row) for row in gold.rows] == [len(row) for row in answer.rows] and all(
                    self._in_order(one, other) for one, other in zip(gold.rows, answer.rows, strict=True)
                )
            case (Relation() | Joined() | Several(), _) | (_, Relation() | Joined() | Several()):
                same = self._sets(gold, answer)
            case _:
                same = False
        return same

    def _times(self, gold: Answer, answer: Answer) -> bool:
        return isinstance(gold, Ratio) and isinstance(answer, Ratio) and Quantities(self.by).times(gold, answer)

    def _offered(self, gold: Answer, answer: Answer) -> bool:
        """Whether the value of a choice is the true answer, or what the true choice says is the answer."""
        if isinstance(answer, Choice) and not isinstance(gold, Choice):
            return answer.value is not None and self._same(gold, answer.value)
        return isinstance(gold, Choice) and gold.value is not None and self._same(gold.value, answer)

    def _choices(self, gold: Answer, answer: Answer) -> int:
        """1 for the right letter, -1 for a wrong one, 0 where no letter is asked for or none is given."""
        true, given = letter_of(gold), letter_of(answer)
        if not true or not given or not (isinstance(gold, Choice) or true in CHOICES or isinstance(answer, Choice)):
            return 0
        if true != given.upper():
            return -1
        if isinstance(gold, Choice) and isinstance(answer, Choice) and gold.value and answer.value:
            return 1 if self._same(gold.value, answer.value) else -1
        return 1

    def _named(self, gold: Answer, answer: Answer) -> bool:
        gold, answer = assigned(gold), assigned(answer)
        match gold, answer:
            case Several(), Several():
                same = self._several(gold, answer)
            case (Several(), _) | (_, Several()):
                same = not (isinstance(gold, Several) and assigns(gold)) and self._same(
                    value_of(gold), value_of(answer)
                )
            case Named(), Named():
                alike = same_name(gold, answer) or same_graph(gold, answer)
                same = alike and self._same(gold.value, answer.value)
                same = same or self._equations(gold, answer)
            case (Relation(), _) | (_, Relation()):
                same = self._equations(gold, answer) or self._sets(gold, answer)
            case _:
                same = not is_curve(gold) and self._same(value_of(gold), value_of(answer))
        return same

    def _several(self, gold: Several, answer: Several) -> bool:
        kinds = gold.opening + gold.closing, answer.opening + answer.closing
        if gold.items and answer.items and assigns(gold) and assigns(answer):
            return self._assignments(gold.items, answer.items)
        if set(kinds) & _POINTS and (assigns(gold) or assigns(answer)):
            return self._in_order(by_name(gold).items, by_name(answer).items)
        if kinds == ("", ""):
            return self._sets(gold, answer) or self._in_any_order(gold.items, answer.items)
        if set(kinds) <= {"", "{}"}:
            return self._contains(gold.items, answer.items) and self._contains(answer.items, gold.items)
        if any(isinstance(each, Relation) for each in (*gold.items, *answer.items)):
            return self._sets(gold, answer)
        # (1, 2) may be written 1, 2; but two answers are no point.
        point = kinds[0] in _POINTS and kinds[1] in {*_POINTS, ""}
        vectors = len(gold.items) > 2 and set(kinds) <= {*_POINTS, "[]"}
        return (kinds[0] == kinds[1] or point or vectors) and self._in_order(gold.items, answer.items)

    def _assignments(self, gold: Sequence[Answer], answer: Sequence[Answer]) -> bool:
        true = {each.name: each.value for each in gold if isinstance(each, Named)}
        given = {each.name: each.value for each in answer if isinstance(each, Named)}
        if len(gold) != len(answer) or len(true) != len(gold) or true.keys() != given.keys():
            return len(gold) == len(answer) and self._in_any_order(gold, answer)
        return all(self._same(value, given[name]) for name, value in true.items())

    def _in_order(self, gold: Sequence[Answer], answer: Sequence[Answer]) -> bool:
        return len(gold) == len(answer) and all(self._same(one, other) for one, other in zip(gold, answer, strict=True))

    def _in_any_order(self, gold: Sequence[Answer], answer: Sequence[Answer]) -> bool:
        if len(gold) != len(answer) or Words("...") in gold:
            return self._in_order(gold, answer)
        left = list(answer)
        for one in gold:
            found = next((index for index, other in enumerate(left) if self._same(one, other)), None)
            if found is None:
                return False
            left.pop(found)
        return True

    def _contains(self, items: Sequence[Answer], others: Sequence[Answer]) -> bool:
        # {{1}} is not {1}, though the one member of a set may stand without its braces.
        return all(any(is_set(item) == is_set(other) and self._same(item, other) for item in items) for other in others)

    def _equations(self, gold: Answer, answer: Answer) -> bool:
        return same_equation(gold, answer, by=self.by, same=self._same)

    def _sets(self, gold: Answer, answer: Answer) -> bool:
        sets = Sets(self.by)
        true, given = sets.read(gold), sets.read(answer)
        if true is not None and given is not None and not (is_tuple(gold) and is_tuple(answer)):
            return sets.equal(true, given)
        if isinstance(gold, Joined) and isinstance(answer, Joined):
            return gold.operators == answer.operators and self._in_order(gold.sets, answer.sets)
        if isinstance(gold, Relation) and isinstance(answer, Relation):
            return self._equations(gold, answer)
        one, other = only(gold), only(answer)
        if (one, other) != (gold, answer) and not isinstance(one, Several) and not isinstance(other, Several):
            return self._same(one, other)
        return False
