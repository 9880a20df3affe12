"""Draws by key: the generator is Philox, and a number depends on its key alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mtorsim.stats.draws import normal, philox, uniform


@given(st.integers(0, 2**64 - 2), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_the_generator_is_numpys_philox(c0, c1, k0, k1):
    theirs = np.random.Philox(counter=c0 + (c1 << 64), key=k0 + (k1 << 64))
    # NumPy counts up before its first block.
    mine = philox((np.uint64(c0 + 1), np.uint64(c1), np.uint64(0), np.uint64(0)), (np.uint64(k0), np.uint64(k1)))
    assert int(mine) == int(theirs.random_raw())


def test_a_draw_depends_on_nothing_but_its_key():
    alone = normal(3, ["everolimus.CL"], np.array([17]))[0, 0]
    among = normal(3, ["a", "everolimus.CL", "b"], np.arange(1000))[1]
    assert among[17] == alone
    assert len(np.unique(among)) == 1000


def test_seed_name_and_occasion_each_change_a_draw():
    subjects = np.arange(100)
    base = uniform(1, ["CL"], subjects)
    for other in (uniform(2, ["CL"], subjects), uniform(1, ["V"], subjects), uniform(1, ["CL"], subjects, 1)):
        assert not np.any(base == other)


def test_draws_are_standard_normal_and_independent():
    z = normal(11, ["a", "b"], np.arange(200_000))
    assert np.abs(z.mean(axis=1)).max() < 0.01
    assert np.abs(z.std(axis=1) - 1).max() < 0.01
    assert abs(np.corrcoef(z)[0, 1]) < 0.01
    assert abs(np.corrcoef(z[0, :-1], z[0, 1:])[0, 1]) < 0.01


def test_these_very_bits_were_drawn_before():
    # A change here makes other people of every published seed.
    assert [x.hex() for x in normal(1, ["everolimus.CL"], np.array([0, 1, 17]))[0]] == BITS


BITS = ["-0x1.dacf25bc37870p+0", "-0x1.ff96aeb8e45d6p-2", "-0x1.7f175ea052126p-3"]
