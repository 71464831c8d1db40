"""Other ways to bring tensors to S3 and back: what octo's checkpoints are measured beside.

    boto3     safetensors in memory, by boto3's TransferManager as it comes (parts of 8 MiB, ten at once)
    obstore   the same by obstore, parts of 16 MiB, four at once, bodies unsigned as octo's are
    writer    torch.save into s3torchconnector's S3Checkpoint
    dcp       torch.distributed.checkpoint over s3torchconnector's storage

All but boto3 are no dependency of octo: they are installed into a folder of their own, for a benchmark alone.
"""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import torch
from botocore.config import Config
from safetensors.torch import load, save
from torch import Tensor
from torch.distributed import checkpoint

from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store

PACKAGES = ("obstore==0.12.1", "s3torchconnector==1.5.0", "s3torchconnectorclient==1.5.0", "tenacity==9.2.1")
PART_BYTES = 16 << 20

Tensors = dict[str, Tensor]
Peer = tuple[Callable[[str, Tensors], object], Callable[[str, Tensors], object]]
"""What saves tensors under a key, and what reads them back into such tensors."""


def peers(server: EmbeddedStore, store: Store, folder: Path) -> dict[str, Peer]:
    """Each by its name; their packages are installed into the folder first."""
    uv = Path(sys.executable).with_name("uv")
    target = ["--python", sys.executable, "--target", str(folder), "--no-deps"]
    subprocess.run([uv, "pip", "install", "--quiet", *target, *PACKAGES], check=True)
    sys.path.append(str(folder))
    assert server.s3.access_key
    assert server.s3.secret_key
    keys = {
        "aws_access_key_id": server.s3.access_key.get_secret_value(),
        "aws_secret_access_key": server.s3.secret_key.get_secret_value(),
    }
    # The only place that some of them look at.
    os.environ |= {name.upper(): value for name, value in keys.items()}
    bucket = store.location.bucket
    return {
        "boto3": _boto3(server, bucket, store.location.key, keys),
        "obstore": _obstore(server, bucket, store.location.key, keys),
        **_s3torchconnector(server, lambda name: f"{store.address}/{name}"),
    }


def _copied(found: Tensors, into: Tensors) -> None:
    for name, tensor in into.items():
        tensor.copy_(found[name])


def _boto3(server: EmbeddedStore, bucket: str, key: Callable[[str], str], keys: dict[str, str]) -> Peer:
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=server.s3.endpoint,
        region_name=server.s3.region,
        config=Config(s3={"addressing_style": "path"}),
        **keys,
    )

    def read(name: str, into: Tensors) -> None:
        body = io.BytesIO()
        client.download_fileobj(bucket, key(name), body)
        _copied(load(body.getvalue()), into)

    return lambda name, tensors: client.upload_fileobj(io.BytesIO(save(tensors)), bucket, key(name)), read


def _obstore(server: EmbeddedStore, bucket: str, key: Callable[[str], str], keys: dict[str, str]) -> Peer:
    import obstore  # noqa: PLC0415 - installed by now
    from obstore.store import S3Store  # noqa: PLC0415

    objects: Any = S3Store(
        bucket,
        endpoint=server.s3.endpoint,
        region=server.s3.region,
        client_options={"allow_http": True},
        unsigned_payload=True,
        **{name.removeprefix("aws_"): value for name, value in keys.items()},
    )

    def write(name: str, tensors: Tensors) -> None:
        obstore.put(objects, key(name), save(tensors), chunk_size=PART_BYTES, max_concurrency=4)

    def read(name: str, into: Tensors) -> None:
        _copied(load(bytes(obstore.get(objects, key(name)).bytes())), into)

    return write, read


def _s3torchconnector(server: EmbeddedStore, address: Callable[[str], str]) -> dict[str, Peer]:
    import s3torchconnector as connector  # noqa: PLC0415 - installed by now
    from s3torchconnector._s3client import S3Client  # noqa: PLC0415
    from s3torchconnector.dcp import S3StorageReader, S3StorageWriter  # noqa: PLC0415
    from s3torchconnector.dcp.s3_file_system import S3FileSystem  # noqa: PLC0415

    config = connector.S3ClientConfig(force_path_style=True)
    objects = connector.S3Checkpoint(server.s3.region, endpoint=server.s3.endpoint, s3client_config=config)

    def reached(storage: Any) -> Any:
        # It has no argument for an endpoint.
        client = S3Client(server.s3.region, endpoint=server.s3.endpoint, s3client_config=config)
        storage.fs = S3FileSystem(server.s3.region, s3_client=client)
        return storage

    def write(name: str, tensors: Tensors) -> None:
        with objects.writer(address(name)) as writer:
            torch.save(tensors, writer)

    def read(name: str, into: Tensors) -> None:
        with objects.reader(address(name)) as reader:
            _copied(torch.load(reader, weights_only=True), into)

    def save_distributed(name: str, tensors: Tensors) -> None:
        writer = reached(S3StorageWriter(server.s3.region, address(name), s3client_config=config))
        checkpoint.save(dict(tensors), storage_writer=writer, no_dist=True)

    def load_distributed(name: str, into: Tensors) -> None:
        reader = reached(S3StorageReader(server.s3.region, address(name), s3client_config=config))
        checkpoint.load(dict(into), storage_reader=reader, no_dist=True)

    return {"writer": (write, read), "dcp": (save_distributed, load_distributed)}
