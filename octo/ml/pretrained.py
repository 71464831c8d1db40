"""The pretrained job: a model's folder from elsewhere becomes an artifact whose parts are called as its files were.

Every file is fetched to the scratch disk, checked there, and stored from there: what was hashed is what is read, and
of weights a tensor is in memory. A model of 8 billion weights is 16 GB of scratch, read five times: to hash, copy,
look at, hash and send.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from octo.data.tokenizer import TextTokenizer, tokenizer_of
from octo.errors import InputError, StorageError
from octo.job import Job, stage_digest
from octo.ml.diffusion.published import Published
from octo.ml.gguf_models import write_gguf_as_directory
from octo.ml.model_folder import ModelFolder, check_tokenizer, read_model_folder
from octo.ml.models import check_numbers
from octo.ml.tensor_files import read_tensors, rename_tensors
from octo.model_files import CONFIGURATION, TOKENIZER, TOKENIZER_FILES, WEIGHTS, WEIGHTS_INDEX
from octo.settings.pretrained import (
    GGUF_SUFFIX,
    PretrainedSettings,
    gguf_digest,
    is_taken,
    local_path,
    source_kind,
)
from octo.storage.artifacts import IndexResult
from octo.storage.listing import digest_of_listing, fetch_listed, list_objects_again

logger = logging.getLogger(__name__)
_BLOCK = 1 << 22


def take_in(job: Job[PretrainedSettings]) -> None:
    """Take the model in."""
    job.each(take, range(1))


def take(job: Job[PretrainedSettings], _index: int) -> IndexResult:
    """The whole model."""
    name = job.settings.source
    folder = job.scratch / "source"
    folder.mkdir()
    with job.telemetry.span("octo.pretrained.fetch", {"octo.source": name}):
        others = _FETCH[source_kind(name)](job, folder)
    with job.telemetry.span("octo.pretrained.check", {"octo.source": name}):
        model = read_model_folder(folder, name=name, others=others)
        if model.left_out:
            logger.warning("%s: %s of config.json describe no model and are left out", name, ", ".join(model.left_out))
        tokenizer = _tokenizer(model, job.settings)
        check_tokenizer(model, tokenizer, name=name)
        for file in model.headers:
            for tensor_name, tensor in read_tensors(folder / file):
                check_numbers([(tensor_name, tensor)], name=name)
        parts = _parts(model, tokenizer, job.scratch)
    entries = [each for header in model.headers.values() for each in header.entries.values()]
    return IndexResult(
        parts=parts, counters={"tensors": len(entries), "weight_bytes": sum(e.end - e.first for e in entries)}
    )


def _tokenizer(model: ModelFolder, settings: PretrainedSettings) -> TextTokenizer:
    held = {path.name for path in model.folder.iterdir()}
    if TOKENIZER not in held:
        raise InputError(
            f"{settings.source} has no {TOKENIZER}: have transformers write it, by AutoTokenizer.from_pretrained(...)"
            ".save_pretrained(...)"
        )
    files = {file: (model.folder / file).read_bytes() for file in TOKENIZER_FILES if file in held}
    config = _published_config(model.published) if model.published else (model.folder / CONFIGURATION).read_bytes()
    return tokenizer_of(files, name=settings.source, special=settings.special, model=config)


def _parts(model: ModelFolder, tokenizer: TextTokenizer, scratch: Path) -> Mapping[str, bytes | Path]:
    """Files as they came, except where special tokens were chosen, or a layout has native classes by other names."""
    kept: dict[str, bytes | Path] = {file: model.folder / file for file in (CONFIGURATION, *model.headers)}
    if not model.is_as_it_came:
        kept[CONFIGURATION] = json.dumps(model.known, indent=2, sort_keys=True).encode()
    if WEIGHTS not in model.headers:
        kept[WEIGHTS_INDEX] = model.folder / WEIGHTS_INDEX
    if layout := model.published:
        renamed = scratch / "renamed"
        renamed.mkdir()
        for file in model.headers:
            rename_tensors(model.folder / file, renamed / file, layout.rename)
            kept[file] = renamed / file
            (model.folder / file).unlink()
        if WEIGHTS_INDEX in kept:
            kept[WEIGHTS_INDEX] = _renamed_index(model.folder / WEIGHTS_INDEX, layout)
    return {**kept, **tokenizer.files}


def _published_config(layout: Published) -> bytes:
    return json.dumps(layout.config, indent=2, sort_keys=True).encode()


def _renamed_index(path: Path, layout: Published) -> bytes:
    index = json.loads(path.read_bytes())
    mapped = {layout.rename(tensor): file for tensor, file in index["weight_map"].items()}
    return json.dumps({**index, "weight_map": mapped}, indent=1).encode()


def _copy_folder(job: Job[PretrainedSettings], folder: Path) -> Collection[str]:
    """Copy a folder's files, which must be what they were when they were hashed."""
    source = local_path(job.settings.source)
    expected = job.settings.determinants()["files"]
    assert isinstance(expected, dict)  # noqa: S101 - see PretrainedSettings.determinants
    for name, digest in expected.items():
        _copy(source / name, folder / name, digest=str(digest))
    return [path.name for path in source.iterdir() if path.name not in expected]


def _unpack_gguf(job: Job[PretrainedSettings], folder: Path) -> Collection[str]:
    """Write a GGUF file as the folder it stands for, whose weights in float32 are up to eight times as large."""
    source = local_path(job.settings.source)
    copy = job.scratch / f"model{GGUF_SUFFIX}"
    _copy(source, copy, digest=gguf_digest(source))
    write_gguf_as_directory(copy, folder, name=str(source))
    copy.unlink()
    return []


def _copy(source: Path, copy: Path, *, digest: str) -> None:
    found = hashlib.sha256()
    with source.open("rb") as reading, copy.open("wb") as writing:
        while block := reading.read(_BLOCK):
            found.update(block)
            writing.write(block)
    if found.hexdigest() != digest:
        raise InputError(f"{source} was changed while it was read: run again")


def _download_objects(job: Job[PretrainedSettings], folder: Path) -> Collection[str]:
    """Fetch the objects of a prefix, which must be those that were listed when the digest was made."""
    source = job.settings.source
    listed = list_objects_again(job.store, source)
    if stage_digest(job.settings, listings={source: digest_of_listing(listed)}) != job.output.digest:
        raise InputError(f"{source} was changed before it was read: run again")
    for each in listed:
        if is_taken(each.key):
            fetch_listed(job.store, source, each, folder / each.key)
    return [each.key for each in listed if not is_taken(each.key)]


def _download_repository(job: Job[PretrainedSettings], folder: Path) -> Collection[str]:
    """Download a repository's files at one commit."""
    # Imported here: it is asked only where the network may be.
    from huggingface_hub import HfApi  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    settings, hub = job.settings, HfApi()
    try:
        names = hub.list_repo_files(settings.source, revision=settings.revision)
        for name in filter(is_taken, names):
            hub.hf_hub_download(settings.source, name, revision=settings.revision, local_dir=folder)
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StorageError(
            f"{settings.source} at {settings.revision} cannot be had from the hub ({reason}): give a folder or an "
            "s3:// prefix that holds its files"
        ) from error
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    return [name for name in names if not is_taken(name)]


_FETCH = {"folder": _copy_folder, "gguf": _unpack_gguf, "s3": _download_objects, "hub": _download_repository}
"""How a model's files come to the scratch disk; each gives the names of those that were left where they are."""
