"""Whether a store keeps the bytes that it was sent, by what it says of them itself."""

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MD5 = re.compile(r'"?[0-9a-f]{32}"?')


def is_kept(answer: Mapping[str, Any], body: bytes) -> bool | None:
    """What the answer to a PUT says of the body; None when it says nothing, and it must be read back.

    A store that honours checksums has compared them and says so. One that drops them mostly has an ETag which is the
    MD5 of what it keeps; where it is not (encryption), it tells nothing.
    """
    if checksum := answer.get("ChecksumCRC32"):
        return bool(checksum == crc32(zlib.crc32(body)))
    etag = str(answer.get("ETag", ""))
    if _MD5.fullmatch(etag) and etag.strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest():
        return True
    return None


def crc32(checksum: int) -> str:
    """A CRC32 in the form that S3 has it."""
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()


def crc32_of(path: Path) -> str:
    """The CRC32 of a file."""
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(2**20):
            checksum = zlib.crc32(block, checksum)
    return crc32(checksum)
