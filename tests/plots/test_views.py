"""Pictures of a result: what is drawn is what was computed."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import mtorsim as mt
from mtorsim.errors import ArgumentError

mpl.use("Agg")


@pytest.fixture(scope="module")
def swept():
    scenario = mt.read_scenario("everolimus_breast").replace(
        population="healthy_adults", subjects=12, duration="4 weeks", visits=["0 weeks", "every 1 week"]
    )
    return mt.simulate(mt.sweep(scenario, {"everolimus.dose": ["2.5 mg", "20 mg"]}))


def lines(axis):
    """Drawn lines with points, by colour."""
    return [line for line in axis.lines if len(line.get_xdata()) > 2]


@pytest.mark.parametrize("picture", ["time_course", "bands", "spaghetti"])
def test_medians_over_time_are_the_result_s(swept, picture):
    figure = getattr(mt.plot, picture)(swept, "insulin")
    (axis,) = figure.axes
    assert axis.get_ylabel() == "Insulin (µU/mL)"
    assert axis.get_xlabel() == "time (weeks)"
    arms = list(swept.manifest["arms"])
    assert [t.get_text() for t in axis.get_legend().get_texts()] == arms
    medians = [np.median(swept.visits.insulin.sel(arm=arm), axis=0) for arm in arms]
    drawn = [np.asarray(line.get_ydata()) for line in lines(axis)]
    for median in medians:
        assert any(len(d) == len(median) and np.allclose(d, median) for d in drawn)
    if picture == "spaghetti":
        assert len(drawn) == len(arms) * 13


def test_a_difference_is_paired(swept):
    axis = mt.plot.difference(swept, "fasting_glucose").axes[0]
    glucose = swept.visits.fasting_glucose
    for arm in [a for a in swept.manifest["arms"] if a != "placebo"]:
        median = np.median(glucose.sel(arm=arm).to_numpy() - glucose.sel(arm="placebo").to_numpy(), axis=0)
        assert any(
            np.allclose(line.get_ydata(), median) for line in lines(axis) if len(line.get_ydata()) == len(median)
        )
    assert "difference from placebo" in axis.get_ylabel()


def test_a_dose_response_puts_each_arm_at_its_dose(swept):
    (line,) = lines(mt.plot.dose_response(swept, "fasting_glucose").axes[0])
    assert line.get_xdata().tolist() == [0, 2.5, 10, 20]
    last = swept.visits.fasting_glucose.isel(time=-1)
    named = {"placebo": 0, "everolimus 2.5 mg": 2.5, "everolimus": 10, "everolimus 20 mg": 20}
    for arm, dose in named.items():
        at = line.get_xdata().tolist().index(dose)
        assert line.get_ydata()[at] == pytest.approx(float(np.median(last.sel(arm=arm))))


def test_tests_lie_over_each_other():
    lean, ill = mt.examine("ogtt", "ngt"), mt.examine("ogtt", "t2d")
    axis = mt.plot.ogtt(lean, ill, labels=["healthy", "diabetic"]).axes[0]
    curves = [line for line in lines(axis) if len(line.get_xdata()) == len(lean.minutes)]
    np.testing.assert_allclose(curves[0].get_ydata(), lean.curves["glucose"][0])
    np.testing.assert_allclose(curves[1].get_ydata(), ill.curves["glucose"][0])
    figure = Figure()
    own = figure.add_subplot()
    assert mt.plot.ogtt(lean, curve="insulin", ax=own) is figure
    found = mt.plot.disposition(mt.examine("ivgtt", "ngt"), mt.examine("ivgtt", "ngt_obese"), labels=["lean", "obese"])
    assert "S_I" in found.axes[0].get_xlabel()


def test_a_figure_is_saved_in_every_format(swept, tmp_path):
    figure = mt.plot.bands(swept)
    for suffix, start in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")):
        figure.savefig(tmp_path / f"x.{suffix}")
        assert (tmp_path / f"x.{suffix}").read_bytes().startswith(start)


def test_what_cannot_be_drawn_is_said(swept):
    with pytest.raises(ArgumentError, match="no `glucos`"):
        mt.plot.bands(swept, "glucos")
    with pytest.raises(ArgumentError, match="unknown arm `placbo`"):
        mt.plot.difference(swept, versus="placbo")
    with pytest.raises(ArgumentError, match="different doses of one drug"):
        mt.plot.dose_response(mt.simulate("ogtt"), "glucose")
    with pytest.raises(ArgumentError, match="at least one test"):
        mt.plot.ogtt()
    with pytest.raises(ArgumentError, match="2 labels for 1"):
        mt.plot.ogtt(mt.examine("ogtt", "ngt"), labels=["a", "b"])
    with pytest.raises(ArgumentError, match="no curve `sugar`"):
        mt.plot.ogtt(mt.examine("ogtt", "ngt"), curve="sugar")
    with pytest.raises(ArgumentError, match="intravenous"):
        mt.plot.disposition(mt.examine("ogtt", "ngt"))


@pytest.fixture(scope="module")
def report():
    return mt.run_trial("bolero_2", subjects=60, variants=False, sets=1)


def test_figures_of_a_trial_can_be_drawn_one_by_one(report):
    assert len(mt.plot.incidence(report).axes) == 3
    own = Figure().add_subplot()
    mt.plot.incidence(report, limit=140, ax=own)
    assert own.get_title("left") == "> 140 mg/dL"
    assert [t.get_text() for t in own.get_legend().get_texts()] == list(report.values)
    arm = list(report.values)[1]
    (axis,) = mt.plot.waterfall(report, arm=arm).axes
    worst = report.values[arm].worst
    tops = sorted((bar.get_y() + bar.get_height() for bar in axis.patches), reverse=True)
    np.testing.assert_allclose(tops, np.sort(worst[np.isfinite(worst)])[::-1])
    whole = Figure().add_subplot()
    figure = mt.plot.forest(report, ax=whole)
    assert figure is whole.get_figure()
    rows = sum(row.predicted is not None for row in report.observed)
    assert len(whole.get_yticks()) == rows
    assert rows > 0
    with pytest.raises(ArgumentError, match="unknown arm"):
        mt.plot.waterfall(report, arm="nobody")


def test_a_result_draws_itself(swept):
    assert swept.plot("insulin").axes[0].get_ylabel() == "Insulin (µU/mL)"
    figure = swept.plot("fasting_glucose", by="age")
    assert len(figure.axes) == 3
    ages = swept.people.age.to_numpy()
    shown = [axis.get_title("left") for axis in figure.axes]
    assert sum(int(title.split("(")[1].split()[0]) for title in shown) == len(ages)
    youngest = swept.visits.fasting_glucose.to_numpy()[:, ages <= np.quantile(ages, 1 / 3)]
    median = np.median(youngest[0], axis=0)
    drawn = [np.asarray(line.get_ydata()) for line in lines(figure.axes[0])]
    assert any(len(d) == len(median) and np.allclose(d, median) for d in drawn)
    for wrong, said in [({"by": "agee"}, "age"), ({"kind": "pie"}, "choose from"), ({"of": "x"}, "choose from")]:
        with pytest.raises(ArgumentError) as problem:
            swept.plot(**wrong)
        assert said in problem.value.help


def test_a_notebook_shows_a_picture_without_pyplot(swept):
    assert swept.plot()._repr_png_().startswith(b"\x89PNG")


def test_the_mechanism_is_drawn_with_all_its_nodes():
    from mtorsim.describe.diagram import diagram_of

    model = mt.load_model(["glucose_insulin", "mtor", "everolimus"])
    axis = mt.plot.mechanism(model).axes[0]
    diagram = diagram_of(model)
    written = [text.get_text() for text in axis.texts]
    assert {node.label for node in diagram.nodes} | set(diagram.organs) <= set(written)
    assert len(axis.patches) == len(diagram.nodes) + len(diagram.organs) + len(diagram.edges)
