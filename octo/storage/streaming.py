"""Large objects that are in no file: sent in parts out of memory, and read in blocks."""

import zlib
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from octo.storage.kept import crc32

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 * 2**20
"""What is larger goes in parts of this size; S3 counts at most 10,000 parts, so larger objects get larger parts."""
MOST_PARTS = 10_000
BLOCK_BYTES = 2**20
"""That are read at once: larger ones are given back to the system each time, and cost more than the reading."""
AT_ONCE = 4
"""Parts that are on their way side by side; so many more are in memory at most."""


def part_bytes(size: int) -> int:
    """How large the parts of an object are."""
    return max(PART_BYTES, -(-size // MOST_PARTS))


def send_in_parts(
    client: "S3Client",
    place: Mapping[str, Any],
    size: int,
    read: Callable[[int, int], bytes],
    *,
    metadata: Mapping[str, str],
    note: Callable[[str], None],
) -> None:
    """Store what `read(first, size)` gives, from its first byte to its last.

    Each part's own CRC32 is compared by the store, and that of the whole when it is put together. What was begun and
    fails leaves nothing.

    Args:
        client: the connection.
        place: bucket and key.
        size: of the object.
        read: called once for each part, in order, while others are sent.
        metadata: of the object.
        note: told the CRC32 of the whole before the parts are put together.
    """
    begun = client.create_multipart_upload(
        **place, Metadata=metadata, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )
    place = {**place, "UploadId": begun["UploadId"]}

    def send(number: int, body: bytes, checksum: int) -> "CompletedPartTypeDef":
        sent = client.upload_part(**place, PartNumber=number, Body=body, ChecksumCRC32=crc32(checksum))
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": crc32(checksum)}

    whole, step = 0, part_bytes(size)
    waiting: deque[Future[CompletedPartTypeDef]] = deque()
    parts: list[CompletedPartTypeDef] = []
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                for number, first in enumerate(range(0, size, step), start=1):
                    body = read(first, step)
                    checksum = zlib.crc32(body)
                    whole = joined_crc32(whole, checksum, len(body))
                    waiting.append(pool.submit(send, number, body, checksum))
                    if len(waiting) > AT_ONCE:
                        parts.append(waiting.popleft().result())
                parts += [each.result() for each in waiting]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        note(crc32(whole))
        client.complete_multipart_upload(
            **place, MultipartUpload={"Parts": parts}, ChecksumCRC32=crc32(whole), ChecksumType="FULL_OBJECT"
        )
    except BaseException:
        with suppress(BotoCoreError, ClientError):
            client.abort_multipart_upload(**place)
        raise


_POLYNOMIAL = 0xEDB88320
"""Of CRC32, its terms from the lowest bit's x^31 down."""
_ONE = 1 << 31


def joined_crc32(head: int, tail: int, tail_bytes: int) -> int:
    """The CRC32 of two pieces of bytes, one behind the other, from those of each.

    A checksum is a polynomial modulo another; bytes behind it multiply it by a power of x. So each byte of an object is
    looked at once, for its part and for the whole.
    """
    power, square, bits = _ONE, _ONE >> 1, 8 * tail_bytes
    while bits:
        if bits & 1:
            power = _times(power, square)
        square = _times(square, square)
        bits >>= 1
    return _times(head, power) ^ tail


def _times(left: int, right: int) -> int:
    """The product of two polynomials."""
    product = 0
    for place in range(31, -1, -1):
        if left >> place & 1:
            product ^= right
        right = right >> 1 ^ (_POLYNOMIAL if right & 1 else 0)
    return product
