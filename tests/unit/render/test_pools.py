"""A job asks by need; an installation says which pool of nodes that is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.errors import UsageError
from octo.render.pools import place, spread
from octo.settings.base import Need
from octo.settings.installation import Pool

PLAIN = Pool(name="plain", cpus=16, memory_gib=64)
SMALL_GPUS = Pool(name="small-gpus", accelerators=8, accelerator_memory_gib=24, spot=True)
BIG_GPUS = Pool(name="big-gpus", accelerators=8, accelerator_memory_gib=80, interconnect=("nvlink", "rdma"))
POOLS = (PLAIN, SMALL_GPUS, BIG_GPUS)


@pytest.mark.parametrize(
    ("need", "pool"),
    [
        (Need(), "plain"),
        (Need(accelerators=1), "small-gpus"),
        (Need(accelerators=8, accelerator_memory_gib=40), "big-gpus"),
        (Need(accelerators=1, interconnect="rdma"), "big-gpus"),
        (Need(accelerators=1, spot=False), "big-gpus"),
    ],
)
def test_a_job_goes_to_the_first_pool_that_has_what_it_needs(need: Need, pool: str) -> None:
    assert place(need, POOLS).pool.name == pool


def test_nodes_with_accelerators_are_left_to_the_jobs_that_ask_for_some() -> None:
    assert place(Need(), (BIG_GPUS, PLAIN)).pool == PLAIN
    assert [each.pool for each in spread(Need(pods=9), POOLS)] == [PLAIN]


def test_a_cluster_of_nothing_but_accelerators_still_runs_what_needs_none() -> None:
    assert place(Need(), (BIG_GPUS,)).pool == BIG_GPUS


def test_when_no_pool_fits_each_says_what_it_lacks() -> None:
    with pytest.raises(UsageError) as refused:
        place(Need(accelerators=16), POOLS)
    assert str(refused.value) == (
        "no pool fits: plain has 0 accelerators a node, 16 are needed; small-gpus has 8 accelerators a node, 16 are "
        "needed; big-gpus has 8 accelerators a node, 16 are needed; ask for less with --need, or add a pool to the "
        "installation"
    )


def test_shared_memory_counts_as_memory() -> None:
    place(Need(memory_gib=60, shared_memory_gib=4), (PLAIN,))
    with pytest.raises(UsageError, match=r"has 64 GiB for a pod, 65 GiB are needed"):
        place(Need(memory_gib=60, shared_memory_gib=5), (PLAIN,))


def test_a_fleet_is_spread_in_proportion_to_the_shares() -> None:
    pools = (Pool(name="a", share=3), Pool(name="b", share=1), Pool(name="c", share=1))
    assert {each.pool.name: each.pods for each in spread(Need(pods=10), pools)} == {"a": 6, "b": 2, "c": 2}
    assert {each.pool.name: each.pods for each in spread(Need(pods=1), pools)} == {"a": 1}


@given(pods=st.integers(1, 5000), shares=st.lists(st.floats(0.01, 100), min_size=1, max_size=6))
def test_no_pod_is_lost_and_none_is_more_than_one_off_its_share(pods: int, shares: list[float]) -> None:
    pools = [Pool(name=f"pool-{index}", share=share) for index, share in enumerate(shares)]
    placed = {each.pool.name: each.pods for each in spread(Need(pods=pods), pools)}
    assert sum(placed.values()) == pods
    for pool in pools:
        assert abs(placed.get(pool.name, 0) - pods * pool.share / sum(shares)) < 1 + 1e-6
