"""What an error of a collective says: that a rank is gone, or something of this rank's own."""

from datetime import timedelta

import pytest
import torch
from torch import distributed

from octo.errors import PreemptedError
from octo.ml.process_group import AS_USUAL, collective, is_loss, join_process_group

GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp"


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        (f"{GLOO}/pair.cc:553] Connection closed by peer [127.0.0.1]:13705. This is typically", True),
        (f"{GLOO}/pair.cc:537] Read error [127.0.0.1]:37812: Connection reset by peer. This is typically", True),
        (f"{GLOO}/unbound_buffer.cc:78] Timed out waiting 4000ms for recv operation to complete", True),
        ("NCCL error in: NCCLUtils.cpp:77, remote process exited, NCCL version 2.27\nncclRemoteError: A call", True),
        ("ProcessGroupGloo::allgather: invalid tensor size at index 1 (expected (4), got (3))", False),
        ("[enforce fail at third_party/gloo/gloo/alltoall.cc:30] in->size == out->size. ", False),
        (f"[enforce fail at {GLOO}/pair.cc:456] op.preamble.length <= op.nbytes. 8 vs 4", False),
        ("NCCL error in: NCCLUtils.cpp:77, unhandled cuda error\nncclUnhandledCudaError: 'out of memory'", False),
        ("NCCL error in: NCCLUtils.cpp:77, invalid usage\nncclInvalidUsage: duplicate GPU detected", False),
        ("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory", False),
    ],
)
def test_a_lost_rank_is_told_from_what_went_wrong_here(said: str, *, lost: bool) -> None:
    assert is_loss(RuntimeError(said)) is lost


def test_a_store_that_does_not_answer_is_a_lost_rank() -> None:
    with pytest.raises(RuntimeError) as closed:
        distributed.TCPStore("127.0.0.1", 1, is_master=False, timeout=timedelta(seconds=1))
    assert is_loss(closed.value)


def test_shapes_that_do_not_fit_are_not_taken_for_a_lost_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    join_process_group(AS_USUAL)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="ProcessGroupGloo::allgather: invalid tensor size"), collective():
        distributed.all_gather_into_tensor(torch.empty(7), torch.ones(4))
    lost = f"{GLOO}/pair.cc:553] Connection closed by peer [127.0.0.1]:1"
    with pytest.raises(PreemptedError, match="rank 0 lost another rank of its 2: run again"), collective():
        raise RuntimeError(lost)
