"""What stands behind a result, as people read it: a tree from it to what was read first, and what was learned."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from octo.report.behind import Behind, Made, Score, Source
from octo.report.text import MISSING, megabytes, percent

_DIGEST_LETTERS = 8
_VALUE_CHARACTERS = 60


def why_text(behind: Behind) -> RenderableType:
    """All of it; every artifact stands once in the tree with what it was made from, and by its name elsewhere."""
    made = {each.key: each for each in behind.made}
    told: set[str] = set()
    tree = Tree(_line(made[behind.key]))
    _grow(tree, made[behind.key], made, told)
    lines: list[RenderableType] = [tree, Text()]
    if behind.sources:
        lines += [_sources(behind.sources), Text()]
    lines += [Text(line) for line in (*_scores(behind), *_words(behind))]
    return Group(*lines)


def _grow(tree: Tree, artifact: Made, made: Mapping[str, Made], told: set[str]) -> None:
    told.add(artifact.key)
    for field, keys in artifact.inputs.items():
        for key in keys:
            if key not in made:
                tree.add(Text(f"{field}: {_short(key)}  is not in the store", style="red"))
                continue
            again = key in told
            node = tree.add(Text.assemble(f"{field}: ", _name(made[key]), "  as above" if again else ""))
            if not again:
                node.label = Text.assemble(f"{field}: ", _line(made[key]))
                _grow(node, made[key], made, told)


def _line(made: Made) -> Text:
    facts = f"{made.parts} parts, {megabytes(made.bytes)}, {made.committed_at[:16].replace('T', ' ')}"
    settings = "  ".join(f"{name}={_value(value)}" for name, value in made.settings.items())
    return Text.assemble(_name(made), f"  {facts}", f"\n{settings}" if settings else "")


def _name(made: Made) -> Text:
    return Text.assemble((made.stage, "bold"), f"  {_short(made.key)}")


def _short(key: str) -> str:
    job, _, digest = key.partition("/")
    return f"{job}/{digest[:_DIGEST_LETTERS]}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_CHARACTERS else f"{text[:_VALUE_CHARACTERS]}…"


def _sources(sources: tuple[Source, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("source")
    for heading in ("documents kept", "contaminated", "dropped otherwise", "tokens learned"):
        table.add_column(heading, justify="right")
    for each in sources:
        counts = (each.kept, each.contaminated, each.dropped)
        tokens = "  ".join(f"{stage} {count:,}" for stage, count in each.tokens.items()) or "0"
        table.add_row(each.source, *(MISSING if count is None else f"{count:,}" for count in counts), tokens)
    return table


def _scores(behind: Behind) -> Iterator[str]:
    stages = {each.key: each.stage for each in behind.made}
    for score in behind.scores:
        yield f"{stages.get(score.model, score.model)}, training {score.training}: {_score(score)}"
    if behind.contamination is not None:
        left, removed = behind.contamination.left, behind.contamination.removed
        known = "not known" if left is None else f"{left} documents"
        yield f"contaminated by these problems: {known} of what was learned; {removed} left out for it"


def _score(score: Score) -> str:
    unreached = f", {score.unreached} without a verdict" if score.unreached else ""
    solved = score.solved
    return (
        f"{percent(solved.value)} of {score.problems} problems "
        f"({percent(solved.low)} to {percent(solved.high)}){unreached}"
    )


def _words(behind: Behind) -> Iterator[str]:
    yield from behind.coverage
    for each in behind.kept_out:
        yield f"{each.stage}: {each.sentence}"
    verified = f"{len(behind.made)} artifacts: every digest follows from the settings and inputs beside it"
    if behind.bytes_verified is None:
        yield f"{verified}; no byte of theirs was read (--verify-bytes reads all)"
    else:
        yield f"{verified}; {megabytes(behind.bytes_verified)} were read and hashed again"
