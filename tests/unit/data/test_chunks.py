"""Bodies in chunks, as they were sent and as they come out of crawls."""

from io import BytesIO

import pytest

from octo.data.chunks import ChunksError, joined_chunks

WHOLE = b"7\r\n<p>One \r\n6;q=1\r\nriver.\r\n0\r\n\r\n"
BODY = b"<p>One river."


def joined(sent: bytes, size: int = 1000) -> bytes:
    return joined_chunks(BytesIO(sent), size)


def test_chunks_are_joined_without_their_sizes() -> None:
    assert joined(WHOLE) == BODY


@pytest.mark.parametrize("size", range(1, len(BODY) + 1))
def test_no_more_is_read_than_is_asked_for(size: int) -> None:
    assert joined(WHOLE, size) == BODY[:size]


@pytest.mark.parametrize("body", [b"<p>A page that is whole.", b"", b"zz\r\n", b"7 rivers", b"123456789\r\nno size"])
def test_what_does_not_begin_with_a_size_is_taken_as_it_is(body: bytes) -> None:
    assert joined(body) == body
    assert joined(body, 5) == body[:5]


@pytest.mark.parametrize("length", range(4, len(WHOLE) - 5))
def test_a_body_that_was_cut_is_what_there_is_of_it(length: int) -> None:
    kept = joined_or_nothing(WHOLE[:length])
    # A size that was cut itself is a line that is none.
    assert kept is None or BODY.startswith(kept)


def joined_or_nothing(sent: bytes) -> bytes | None:
    try:
        return joined(sent)
    except ChunksError:
        return None


@pytest.mark.parametrize(
    "broken",
    [
        b"7\r\n<p>One \r\nsix\r\nriver.\r\n0\r\n\r\n",
        b"5\r\n<p>One \r\n6\r\nriver.\r\n0\r\n\r\n",
        b"7\r\n<p>One 6\r\nriver.\r\n0\r\n\r\n",
        b"7\r\n<p>One \r\n-6\r\nriver.\r\n0\r\n\r\n",
    ],
)
def test_what_goes_on_as_something_else_than_chunks_is_refused(broken: bytes) -> None:
    with pytest.raises(ChunksError, match="where a chunk is to begin"):
        joined(broken)
