"""Where commands print: rich's console, on which nothing acts but what octo itself draws."""

from collections.abc import Iterable
from typing import Any

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from octo.shown import shown


class Console(rich.console.Console):
    """A console that shows text instead of obeying it; markup and emoji codes are text unless they are asked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        """Before rich drops what it takes for control codes, and measures the rest."""
        return super().render_str(shown(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Segments of text, whatever made them; those that move the cursor are octo's own."""
        for segment in super().render(renderable, options):
            clean = segment.text if segment.control else shown(segment.text)
            yield segment if clean == segment.text else Segment(clean, segment.style)
