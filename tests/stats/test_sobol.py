"""Scrambled Sobol points: SciPy's points before scrambling, evenness after it, and the prefix contract."""

from __future__ import annotations

import numpy as np
from scipy.stats import kstest
from scipy.stats.qmc import Sobol

from mtorsim.stats import sobol as module
from mtorsim.stats.sobol import sobol

NAMES = [f"quantity {i}" for i in range(40)]


def test_unscrambled_points_are_scipys(monkeypatch):
    monkeypatch.setattr(module, "_scrambled", lambda bits, key: bits)
    ours = sobol(1, NAMES, range(40), np.arange(1024)).T
    theirs = Sobol(40, scramble=False).random(1024)
    # In another order within the net: ours is that of the bits of the number, SciPy's that of a Gray code.
    gray = np.arange(1024) ^ (np.arange(1024) >> 1)
    np.testing.assert_allclose(ours[gray], theirs, atol=2.0**-30)


def test_every_interval_has_its_share_of_points():
    u = sobol(3, NAMES, range(40), np.arange(256))
    for row in u:
        assert (np.bincount((row * 256).astype(int), minlength=256) == 1).all()
    # Two dimensions are a net, too: each of 16 x 16 squares has one point.
    first, second = (u[:2] * 16).astype(int)
    assert (np.bincount(16 * first + second, minlength=256) == 1).all()


def test_a_point_depends_on_nothing_but_its_number():
    whole = sobol(5, NAMES[:3], [0, 1, 2], np.arange(1000))
    some = sobol(5, NAMES[1:2], [1], np.array([999, 4, 500]))
    np.testing.assert_array_equal(some[0], whole[1][[999, 4, 500]])
    far = sobol(5, NAMES[:1], [0], np.array([2**32 - 1]))
    assert 0 < far[0, 0] < 1


def test_seeds_and_names_scramble_independently():
    points = np.arange(4096)
    base = sobol(1, ["a"], [0], points)[0]
    for other in (sobol(2, ["a"], [0], points)[0], sobol(1, ["b"], [0], points)[0]):
        assert kstest(other, "uniform").pvalue > 0.01
        assert not np.array_equal(base, other)
    # Over seeds a point is uniform. Points 1 and 7 are in one half and not in one quarter: of their pairs of eighths,
    # 16 are possible, and equally likely.
    two = np.array([sobol(seed, ["a"], [0], np.array([7, 1]))[0] for seed in range(3200)])
    assert kstest(two[:400, 0], "uniform").pvalue > 0.01
    eighths = (two * 8).astype(int)
    counts = np.unique(8 * eighths[:, 0] + eighths[:, 1], return_counts=True)[1]
    assert len(counts) == 16
    assert counts.min() > 140


def test_an_integral_is_much_more_accurate_than_by_random_numbers():
    def error(n):
        found = [(sobol(s, NAMES[:5], range(5), np.arange(n)) ** 2).sum(axis=0).mean() - 5 / 3 for s in range(30)]
        return np.sqrt(np.mean(np.square(found)))

    random = np.sqrt(5 * (1 / 5 - 1 / 9) / 1024)
    assert error(1024) < random / 30
    assert error(1024) < error(128) / 8
