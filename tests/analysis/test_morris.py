"""Elementary effects beside closed forms, and the screening of a small model beside runs with the same parameters."""

from __future__ import annotations

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.analysis.sensitivity import person as persons
from mtorsim.analysis.sensitivity.morris import design, elementary_effects
from mtorsim.analysis.sensitivity.ranges import at_places, narrowed
from mtorsim.errors import ArgumentError
from mtorsim.kernel.status import NO_REST, OK

GIVEN = {"of": "glucose", "at": "30 min", "trajectories": 3}


@pytest.fixture(scope="module")
def found():
    return mt.morris("minimal_ivgtt", **GIVEN, threads=2)


def test_a_trajectory_moves_every_input_once_by_two_thirds_on_the_grid():
    planned = design(inputs=5, trajectories=400, seed=3)
    steps = np.diff(planned.points, axis=1)
    assert ((np.abs(steps) > 0).sum(axis=2) == 1).all()
    assert np.abs(steps).sum(axis=1) == pytest.approx(np.full((400, 5), 2 / 3))
    assert (np.argmax(np.abs(steps), axis=2) == planned.moved).all()
    counts = np.array([(np.round(3 * planned.points) == place).mean() for place in range(4)])
    assert counts == pytest.approx(0.25, abs=0.02)
    assert (steps.sum(axis=1) > 0).mean() == pytest.approx(0.5, abs=0.05)
    assert (design(5, 400, 4).points != planned.points).any()


def test_effects_of_a_linear_function_are_its_slopes():
    slopes = np.array([1.0, -2.0, 0.0, 30.0])
    planned = design(4, 6, 1)
    effects = elementary_effects(7 + planned.points @ slopes, planned)
    assert effects.mu == pytest.approx(slopes)
    assert effects.mu_star == pytest.approx(np.abs(slopes))
    assert effects.sigma == pytest.approx(0, abs=1e-12)
    assert (effects.count == 6).all()


def test_a_product_spreads_and_a_turn_cancels():
    planned = design(2, 500, 1)
    product = elementary_effects(planned.points.prod(axis=2), planned)
    # The effect of either factor is the other one: 0, 1/3, 2/3 or 1.
    assert product.mu == pytest.approx(0.5, abs=0.04)
    assert product.sigma == pytest.approx(np.std([0, 1 / 3, 2 / 3, 1]), abs=0.03)
    turned = elementary_effects((planned.points[..., 0] - 0.5) ** 3 - 0.2 * planned.points[..., 0], planned)
    assert turned.mu_star[0] >= abs(turned.mu[0])
    assert turned.mu_star[1] == 0
    turn = elementary_effects(np.abs(planned.points[..., 0] - 1 / 2), planned)
    assert turn.mu[0] == pytest.approx(0, abs=0.05)
    assert turn.mu_star[0] == pytest.approx(0.5)


def test_effects_at_a_failed_sample_are_left_out():
    planned = design(3, 4, 2)
    answers = planned.points @ np.array([1.0, 2.0, 3.0])
    answers[0, 1] = np.nan
    effects = elementary_effects(answers, planned)
    assert effects.mu == pytest.approx([1, 2, 3])
    assert sorted(effects.count) == [3, 3, 4]
    assert effects.count[planned.moved[0, 2]] == 4


def test_places_are_in_equal_ratios_where_positive_and_ranges_can_be_narrowed():
    low, high = np.array([1.0, 0.0, -4.0]), np.array([16.0, 8.0, -1.0])
    values = at_places(np.array([[0.0] * 3, [0.5] * 3, [1.0] * 3]), low, high)
    assert values == pytest.approx(np.array([low, [4.0, 4.0, -2.5], high]))
    own = np.array([2.0, 0.0, -9.0])
    first, last = narrowed(low, high, own, 0.5)
    # 0 is not varied, nor is a value farther outside its range.
    assert first == pytest.approx([1.0, 0.0, -9.0])
    assert last == pytest.approx([3.0, 0.0, -9.0])


def test_a_screening_is_ranked_and_told(found):
    sizes = [row.mu_star for row in found.rows]
    assert sizes == sorted(sizes, reverse=True)
    first = found.rows[0]
    assert (first.name, first.mu, first.failed) == ("minimal.SI", -first.mu_star, 0)
    assert found.samples == 3 * (len(found.rows) + len(found.idle) + 1)
    assert found.table.loc[first.name, "mu_star"] == first.mu_star
    assert found.to_json()["rows"][0]["between"] == first.between
    assert repr(found).startswith("Screening(glucose (mg/dL), 0.5 h: healthy, subject 0 of ngt")
    assert mt.Screening is type(found)


def test_samples_are_runs_with_their_parameters(found):
    names = ["minimal.SI", "minimal.SG"]
    screened = {row.name: row for row in mt.morris("minimal_ivgtt", **GIVEN, parameters=names, within=0.4).rows}
    planned = design(2, 3, found.seed)
    ends = np.array([screened[name].between for name in names])
    answers = []
    for low, high in ends:
        assert low > 0
        assert high / low == pytest.approx(1.4 / 0.6)
    for places in planned.points.reshape(-1, 2):
        values = dict(zip(names, ends[:, 0] * (ends[:, 1] / ends[:, 0]) ** places, strict=True))
        run = mt.simulate("minimal_ivgtt", settings=values, rtol=1e-7, precision="double")
        answers.append(float(run.visits.glucose.sel(arm="healthy", time=0.5)[0]))
    effects = elementary_effects(np.array(answers).reshape(3, 3), planned)
    for j, name in enumerate(names):
        assert screened[name].mu == pytest.approx(effects.mu[j], rel=1e-3)
        assert screened[name].sigma == pytest.approx(effects.sigma[j], rel=1e-2)


def test_a_person_is_run_in_again(sensitive):
    names = ["glucose_insulin.EGP0", "everolimus.CL"]
    untreated = {"arm": "placebo", "at": 24, "parameters": names}
    found = mt.morris(sensitive, **untreated, trajectories=2, within=0.01)
    (local,) = mt.sensitivity(sensitive, **untreated, subjects=1).rows
    (row,) = found.rows
    # A range of 1 % to either side is two per cent of the parameter.
    assert row.mu == pytest.approx(2 * local.per_percent, rel=1e-2)
    assert found.idle == ("everolimus.CL",)


def test_batches_and_threads_change_no_bit(found, monkeypatch):
    monkeypatch.setattr(persons, "BATCH", 5)
    assert mt.morris("minimal_ivgtt", **GIVEN, threads=1) == found


def test_too_many_failures_are_said(monkeypatch):
    def failing(self, places, threads, progress):
        status = np.where(np.arange(len(places)) % 2, NO_REST, OK)
        return np.where(status == OK, 1.0, np.nan), status

    monkeypatch.setattr(persons.Person, "answers_at", failing)
    with pytest.raises(ArgumentError, match=r"4 of 9 samples failed .no state of rest.*left of minimal.SI") as raised:
        mt.morris("minimal_ivgtt", **GIVEN, parameters=["minimal.SI", "minimal.SG"])
    assert "narrow the ranges" in raised.value.help


def test_a_quantity_without_a_value_is_refused():
    with pytest.raises(ArgumentError, match="`hba1c` of subject 0 cannot be computed: it has no value"):
        mt.morris("minimal_ivgtt", of="hba1c")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"trajectories": 1}, "trajectories = 1: from 2"),
        ({"within": 1.5}, "within = 1.5: above 0 and below 1"),
        ({"within": "a"}, "`within` must be a finite number"),
        ({"subject": -1}, "numbered from 0"),
        ({"parameters": "minimal.SI"}, "`parameters` must be a list of names"),
        ({"parameters": ["minimal.Si"]}, "unknown parameter `minimal.Si`"),
    ],
)
def test_a_wrong_input_is_one_message(given, said):
    with pytest.raises(ArgumentError) as raised:
        mt.morris("minimal_ivgtt", **given)
    assert said in raised.value.message


def test_the_picture_names_the_first(found):
    import matplotlib as mpl

    mpl.use("Agg")
    axis = mt.plot.morris(found, most=3).axes[0]
    assert [text.get_text() for text in axis.texts] == [row.name.partition(".")[2] for row in found.rows[:3]]
    drawn = np.concatenate([line.get_xydata() for line in axis.lines[:2]])
    assert sorted(drawn[:, 0]) == pytest.approx(sorted(row.mu_star for row in found.rows))
    boxes = [text.get_window_extent() for text in axis.texts]
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)


def test_names_find_places_beside_crowded_points():
    from matplotlib.figure import Figure

    from mtorsim.plots.labels import label_points

    axis = Figure(figsize=(4, 3)).add_subplot()
    at = np.array([0.5, 0.52, 0.54, 0.95])
    axis.plot(at, at, "o", ms=5)
    axis.set(xlim=(0, 1), ylim=(0, 1))
    label_points(axis, at, at, ["first", "second", "third", "at the edge"], at, at)
    boxes = [text.get_window_extent() for text in axis.texts]
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)
    assert not any(box.contains(*mark) for box in boxes for mark in axis.transData.transform(np.column_stack([at, at])))
    assert boxes[-1].x1 <= axis.get_window_extent().x1
