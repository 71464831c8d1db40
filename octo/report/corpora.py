"""What a curation kept and what it left out, by reason and by source, with examples."""

from collections import defaultdict
from collections.abc import Mapping

from octo.data.documents import KEPT, SOURCES, read_columns
from octo.report.intervals import proportion
from octo.report.results import Corpus, DroppedDocument, DropReason, SourceOutcome
from octo.report.text import excerpt_of, percent, visible
from octo.storage.artifacts import Artifact

DROPPED_PREFIX, REMOVED_PREFIX = "documents.dropped.", "lines.removed."
EXAMPLES_PER_REASON = 2
EXCERPT_CHARACTERS = 160


def corpus_of(artifact: Artifact) -> Corpus:
    """How many documents were kept, how many dropped and why, with examples; the most frequent reason first."""
    counters = artifact.manifest.counters
    counts = {
        name.removeprefix(DROPPED_PREFIX): count for name, count in counters.items() if name.startswith(DROPPED_PREFIX)
    }
    examples = dropped_examples(artifact, counts)
    return Corpus(
        stage=visible(artifact.manifest.stage),
        documents=counters.get("documents.in", 0),
        kept=counters.get("documents.kept", 0),
        dropped=tuple(
            DropReason(reason=visible(reason), count=counts[reason], examples=tuple(examples[reason]))
            for reason in sorted(counts, key=lambda reason: (-counts[reason], reason))
        ),
        near=_near_matches(counters),
        sources=_sources(counters),
        taken_out={
            name.removeprefix(REMOVED_PREFIX).replace("_", " "): count
            for name, count in sorted(counters.items())
            if name.startswith(REMOVED_PREFIX)
        },
    )


def outcomes_by_source(counters: Mapping[str, int]) -> Mapping[str, Mapping[str, int]]:
    """How many documents of each source were kept, or dropped for each reason; nothing where nobody counted so."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for name, count in counters.items():
        if name.startswith(SOURCES):
            source, _, outcome = name.removeprefix(SOURCES).rpartition(".")
            found[source][outcome] = count
    return found


def _sources(counters: Mapping[str, int]) -> tuple[SourceOutcome, ...]:
    """What became of the documents of each source; the most frequent reason first."""
    return tuple(
        SourceOutcome(
            source=visible(source),
            documents=sum(outcomes.values()),
            kept=outcomes.get(KEPT, 0),
            dropped={
                visible(reason.replace("_", " ")): outcomes[reason]
                for reason in sorted(outcomes, key=lambda reason: (-outcomes[reason], reason))
                if reason != KEPT
            },
        )
        for source, outcomes in sorted(outcomes_by_source(counters).items())
    )


def _near_matches(counters: Mapping[str, int]) -> str:
    if "near.asked" not in counters:
        return ""
    asked, found = counters["near.asked"], counters["near.found"]
    if not asked:
        return "Which share of near matches was found is unknown: no document of the sample is near to one before it."
    share = proportion(found, asked)
    return (
        f"Compared with all others, {asked} documents of a sample are near matches of one before them. Of these, "
        f"{found} were found: {percent(share.value)} (95 % interval {percent(share.low)} to {percent(share.high)})."
    )


def dropped_examples(artifact: Artifact, counts: Mapping[str, int]) -> Mapping[str, list[DroppedDocument]]:
    """The first documents dropped for each reason. Parts are read until every reason has enough of them."""
    examples: dict[str, list[DroppedDocument]] = defaultdict(list)
    wanted = {reason: min(count, EXAMPLES_PER_REASON) for reason, count in counts.items()}
    for part in artifact.parts("dropped.parquet"):
        if all(len(examples[reason]) >= count for reason, count in wanted.items()):
            break
        rows = read_columns(artifact.read(part), ("reason", "source", "url", "excerpt"))
        for reason, source, url, excerpt in rows:
            if len(examples[reason]) < wanted.get(reason, 0):
                shown = DroppedDocument(
                    source=visible(source),
                    url=excerpt_of(url, EXCERPT_CHARACTERS),
                    excerpt=excerpt_of(excerpt, EXCERPT_CHARACTERS),
                )
                examples[reason].append(shown)
    return examples
