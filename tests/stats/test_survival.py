"""Kaplan-Meier curves against a textbook example, statsmodels, and simple counting."""

from __future__ import annotations

import numpy as np
import pytest

from mtorsim.stats.survival import kaplan_meier

# 6-mercaptopurine in leukaemia (Freireich 1963): weeks of remission, 1 if it ended then.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
ENDED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


def counted(weeks, ended):
    times = sorted(set(weeks))
    events = [sum(1 for w, e in zip(weeks, ended, strict=True) if w == t and e) for t in times]
    gone = [sum(1 for w, e in zip(weeks, ended, strict=True) if w == t and not e) for t in times]
    return times, np.array(events, float), np.array(gone, float)


def test_the_textbook_example():
    rows = {r.time: r for r in kaplan_meier(*counted(WEEKS, ENDED))}
    for week, free in ((6, 0.8571), (7, 0.8067), (10, 0.7529), (13, 0.6902), (16, 0.6275), (22, 0.5378), (23, 0.4482)):
        assert rows[week].free == pytest.approx(free, abs=5e-5)
    assert rows[10].at_risk == 15


def test_the_interval_is_that_of_statsmodels():
    survival = pytest.importorskip("statsmodels.duration.survfunc")
    times, events, gone = counted(WEEKS, ENDED)
    other = survival.SurvfuncRight(WEEKS, ENDED)
    rows = {r.time: r for r in kaplan_meier(times, events, gone)}
    for time, free, error in zip(other.surv_times, other.surv_prob, other.surv_prob_se, strict=True):
        assert rows[time].free == pytest.approx(free)
        # The log-log interval from Greenwood's standard error, by the delta method.
        spread = np.exp(1.959964 * error / (free * abs(np.log(free))))
        assert rows[time].low == pytest.approx(free**spread, rel=1e-6)
        assert rows[time].high == pytest.approx(free ** (1 / spread), rel=1e-6)


def test_nobody_leaves_so_it_is_a_share():
    rows = kaplan_meier([1.0, 2.0], np.array([3.0, 2.0]), np.array([0.0, 5.0]))
    assert [r.free for r in rows] == pytest.approx([0.7, 0.5])
    assert [r.at_risk for r in rows] == [10.0, 7.0]


def test_weights_widen_the_interval_and_leave_the_curve():
    times, events, gone = counted(WEEKS, ENDED)
    plain = kaplan_meier(times, events, gone)
    fewer = kaplan_meier(times, 3 * events, 3 * gone, size=10.5)
    for a, b in zip(plain, fewer, strict=True):
        assert a.free == pytest.approx(b.free)
        assert (b.low, b.high) == (a.low, a.high) if a.free == 1 else b.high - b.low > a.high - a.low


def test_all_and_nobody():
    (all_,) = kaplan_meier([1.0], np.array([4.0]), np.array([0.0]))
    (none,) = kaplan_meier([1.0], np.array([0.0]), np.array([4.0]))
    assert (all_.free, all_.low, none.free, none.high) == (0.0, 0.0, 1.0, 1.0)
    assert kaplan_meier([1.0], np.zeros(1), np.zeros(1))[0].at_risk == 0.0
