"""Tokens as they are read: one after another, with a look ahead, and no deeper than anybody writes."""

from octo.data.answers.formulas import UnreadableError
from octo.data.answers.tokens import Token

DEEPEST = 100
"""Brackets, and what stands in them, within each other."""
_END = Token("sign", "")


class Tokens:
    """Tokens that are read one by one."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        """The token that comes next; an empty one at the end."""
        return self.ahead(0)

    def ahead(self, count: int) -> Token:
        """A token further on, or behind."""
        index = self.position + count
        return self.tokens[index] if 0 <= index < len(self.tokens) else _END

    def take(self) -> Token:
        """The next token, which then is behind."""
        token = self.next
        self.position += 1
        return token

    def at(self, *signs: str) -> bool:
        """Whether one of these signs comes next."""
        return self.next.kind == "sign" and self.next.text in signs

    def skip(self, *signs: str) -> bool:
        """Take one of these signs, if it comes next."""
        found = self.at(*signs)
        self.position += found
        return found

    def expect(self, sign: str) -> None:
        """Take this sign.

        Raises:
            UnreadableError: something else comes next.
        """
        if not self.skip(sign):
            raise UnreadableError(f"expected {sign}, got {self.next.text or 'the end'}")

    def descend(self) -> None:
        """Go one level deeper.

        Raises:
            UnreadableError: nobody writes so many brackets within brackets.
        """
        self.depth += 1
        if self.depth > DEEPEST:
            raise UnreadableError("brackets within brackets without end")

    def replace(self, *tokens: Token) -> None:
        """Put others in the place of the next token."""
        self.tokens[self.position : self.position + 1] = tokens
