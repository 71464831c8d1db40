"""Documents of several years for tests of jobs that ask a model."""

from collections.abc import Sequence

from octo.data.documents import Document, new_document, to_parquet
from octo.randomness import generator
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

YEARS = ("2014", "2019", "2024", "")


def pages(count: int) -> list[Document]:
    """Some teach mathematics, some mention it, some sell shoes."""
    return [_page(number) for number in range(count)]


def commit_documents(store: Store, documents: Sequence[Document], *, shards: int, order: int = 0) -> Artifact:
    """An ingestion's artifact of the documents, dealt to so many shards in an order of its own."""
    dealt = [documents[place] for place in generator(order, "order").permutation(len(documents))]
    parts = [to_parquet(dealt[shard::shards], Document) for shard in range(shards)]
    return commit(store, [{"documents.parquet": part} for part in parts])


def _page(number: int) -> Document:
    draw = generator(number, "page")
    first, second = (int(each) for each in draw.integers(10, 99, 2))
    teaching = (
        f"Lesson {number}. Definition: the sum of two integers is one. Example: we solve x = {first} + {second}, "
        f"step by step, because each step follows from the one before. Therefore $x = {first + second}$. Note that the "
        f"product {first} * {second} = {first * second} is an integer too, hence so is any polynomial in both. "
    ) * 3
    mentioning = f"Page {number}. In {first} words about numbers and the equation of {second} lovers, given in verse."
    selling = (
        f"Shop {number}. Shoes, shirts and hats from {first} dollars. Subscribe to our newsletter and accept our "
        f"cookies, click here for {second} offers of the week. "
    ) * 2
    text = (teaching, mentioning, selling)[number % 3]
    year = YEARS[int(draw.integers(len(YEARS)))]
    return new_document(text, source="web", url=f"https://example.org/{number}", date=f"{year}-05-01" if year else "")
