import pytest

from octo.errors import UsageError
from octo.storage.addresses import Location, parse


@pytest.mark.parametrize(
    ("address", "location"),
    [
        ("s3://bucket", Location("bucket", "")),
        ("s3://bucket/", Location("bucket", "")),
        ("s3://bucket/prefix", Location("bucket", "prefix")),
        ("s3://my.bucket-1/a/b/", Location("my.bucket-1", "a/b")),
    ],
)
def test_an_address_is_a_bucket_and_a_prefix(address: str, location: Location) -> None:
    assert parse(address) == location
    assert parse(location.address) == location


@pytest.mark.parametrize(
    "address", ["corpus", "", "s3://", "s3:///prefix", "http://bucket/prefix", "s3://B/x", "s3://bucket/a//b"]
)
def test_what_is_no_address_is_refused_with_its_form(address: str) -> None:
    with pytest.raises(UsageError, match=r"expected s3://bucket/prefix, got '"):
        parse(address)


def test_keys_lie_below_the_prefix() -> None:
    assert Location("bucket", "a/b").key("c") == "a/b/c"
    assert Location("bucket", "").key("c") == "c"
