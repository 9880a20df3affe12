"""Who is drawn: medians, spreads, correlations, groups and covariates as the file says."""

from __future__ import annotations

import math

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.errors import MtorsimError, SettingError
from mtorsim.files.library import Library
from mtorsim.model.compose import load_model
from mtorsim.model.expressions import evaluate
from mtorsim.population.read import load_population
from mtorsim.population.settings import apply_settings
from mtorsim.run.plan import make_plan
from mtorsim.run.prepare import fasting_values
from mtorsim.stats.portable import FUNCTIONS
from mtorsim.validation.session import Session

N = 60_000
KMAX = load_model(["glucose_insulin"]).parameters["glucose_insulin.kmax"][0].value


@pytest.fixture(scope="module")
def women():
    model = load_model(["glucose_insulin", "mtor", "everolimus"])
    population = load_population("breast_postmenopausal", model)
    values, plausible = population.draw(4, np.arange(N))
    return population, values, plausible


TWO_KINDS = """
[population]
name = "two_kinds"
like = "adults"
about = "adults of two kinds"

[[group]]
name = "weak"
share = 0.13
about = "weak secretion"
source = "this_work"
evidence = "design"
[group.multiply]
"glucose_insulin.phid" = { by = 0.5 }
"glucose_insulin.kap" = { by = 0.3 }
"""


def logs(values, name):
    return np.log(values[f"glucose_insulin.{name}"])


def test_medians_and_spreads_are_the_files(women):
    _, values, _ = women
    for name, median, iiv in (("kmax", KMAX, 0.37), ("RT", 215, 0.07)):
        x = values[f"glucose_insulin.{name}"]
        assert np.median(x) == pytest.approx(median, rel=0.01)
        assert np.log(x).std() == pytest.approx(iiv, rel=0.02)
    weight = values["glucose_insulin.BW"]
    assert np.median(weight) == pytest.approx(77, rel=0.01)
    assert np.log(weight).std() == pytest.approx(0.17, rel=0.03)
    assert values["age"].mean() == pytest.approx(62, abs=0.2)
    assert values["age"].std() == pytest.approx(10, rel=0.02)


def test_a_cv_is_turned_into_the_sd_of_the_logarithm_exactly(women):
    _, values, _ = women
    for name, cv in (("everolimus.CL", 0.36), ("everolimus.V1", 0.60)):
        assert np.log(values[name]).std() == pytest.approx(math.sqrt(math.log1p(cv**2)), rel=0.02)
        assert values[name].std() / values[name].mean() == pytest.approx(cv, rel=0.04)


def test_correlations_are_those_of_the_file(women):
    population, values, _ = women
    medians = {q.name: q.median for q in population.quantities}

    def deviate(name):
        x, median = values[name], evaluate(medians[name], values, FUNCTIONS)
        if name.startswith("mtor."):
            return np.log(x / (1 - x))
        return np.log(x / median)

    assert len(population.correlation) == 7
    for (a, b), value in population.correlation.items():
        found = np.corrcoef(deviate(a), deviate(b))[0, 1]
        assert found == pytest.approx(value, abs=0.015), (a, b)


def test_medians_follow_their_covariates(women):
    _, values, _ = women
    table = np.stack([values["age"], np.log(values["bmi"] / 27), np.ones(N)], axis=1)
    by_age, by_mass, _ = np.linalg.lstsq(table, logs(values, "SIp"), rcond=None)[0]
    assert by_age == pytest.approx(-0.0081, abs=0.001)
    assert by_mass == pytest.approx(-1.8, abs=0.05)
    assert np.array_equal(values["everolimus.Hct"], values["haematocrit"])


def test_men_and_women_have_their_share_and_their_size():
    model = load_model(["glucose_insulin", "mtor", "everolimus"])
    kidney = load_population("renal_cell", model)
    values, _ = kidney.draw(4, np.arange(N))
    men = values["male"] == 1
    assert set(np.unique(values["male"])) == {0.0, 1.0}
    assert men.mean() == pytest.approx(0.77, abs=0.005)
    for name, wanted in (("height", 0.13), ("haematocrit", 0.03)):
        x = values[name]
        assert x[men].mean() - x[~men].mean() == pytest.approx(wanted, rel=0.05)
        assert x[men].std() == pytest.approx(x[~men].std(), rel=0.03)  # the spread is that of one sex
    surface = np.sqrt(100 * values["height"] * values["glucose_insulin.BW"] / 3600)
    assert np.allclose(values["bsa"], surface, rtol=1e-12)
    volume = np.where(men, 1.92 * surface + 0.64, 1.11 * surface + 2.04)
    assert np.allclose(values["glucose_insulin.VC"], volume, rtol=1e-12)
    women, _ = apply_settings(kidney, {"male": 0})
    with pytest.raises(SettingError, match="share of `male` is 2"):
        apply_settings(kidney, {"male": 2})
    others, _ = women.draw(4, np.arange(N))
    assert not others["male"].any()
    assert np.array_equal(others["height"][~men], values["height"][~men])  # who was a woman stays the same woman


def test_a_group_has_its_share_and_its_factors(tmp_path):
    (tmp_path / "two_kinds.toml").write_text(TWO_KINDS, encoding="utf-8")
    library = Library((tmp_path,))
    values, _ = load_population("two_kinds", load_model("glucose_insulin", library), library).draw(4, np.arange(N))
    member = values["group weak"] == 1
    assert member.mean() == pytest.approx(0.13, abs=0.005)
    for name, factor in (("kap", 0.3), ("phid", 0.5)):
        x = values[f"glucose_insulin.{name}"]
        assert np.median(x[member]) / np.median(x[~member]) == pytest.approx(factor, rel=0.04)


def test_known_diabetics_are_those_whose_untreated_values_say_so():
    plan = make_plan(Session().untreated("oncology"))
    people = fasting_values(plan, np.arange(4000), ("glucose",))
    known, glucose = people["group diabetic"] == 1, people["untreated glucose"]
    # As often as the file's probability says, by glucose.
    expected = 0.85 / (1 + np.exp((118 - glucose) / 4))
    for low, high in ((0, 110), (110, 118), (118, 130), (130, 1000)):
        here = (glucose >= low) & (glucose < high)
        p = expected[here].mean()
        assert known[here].mean() == pytest.approx(p, abs=3 * np.sqrt(p * (1 - p) / here.sum())), (low, high)
    # Treatment lowers their glucose, and nobody else's.
    assert (people["glucose"][known] < glucose[known]).all()
    assert (people["glucose"][~known] == glucose[~known]).all()
    # The second drug is for those whom the first leaves above 130 mg/dL.
    both = people["group two_drugs"] == 1
    assert (known | ~both).all()
    assert glucose[both].min() > 130
    # Who they are does not depend on who else is drawn.
    few = fasting_values(plan, np.arange(1000, 1040), ("glucose",))
    assert few["glucose"].tobytes() == people["glucose"][1000:1040].tobytes()


def test_shares_stay_between_0_and_1(women):
    _, values, _ = women
    medians = {q.name: q.median.constant() for q in women[0].quantities}
    for name in ("mtor.gI", "mtor.gS"):
        x, median = values[name], medians[name] or women[0].model.parameters[name][0].value
        assert 0 < x.min() < x.max() < 1
        assert np.median(x) == pytest.approx(median, rel=0.02)
        assert np.log(x / (1 - x)).std() == pytest.approx(0.7, rel=0.02)


def test_people_outside_a_range_are_not_plausible(women):
    _, values, plausible = women
    inside = (values["age"] >= 35) & (values["age"] <= 90)
    inside &= (values["haematocrit"] >= 0.22) & (values["haematocrit"] <= 0.54)
    inside &= (values["height"] >= 1.40) & (values["height"] <= 2.05)
    inside &= (values["bmi"] >= 15) & (values["bmi"] <= 55)
    inside &= (values["glucose_insulin.kmax"] >= 0.025) & (values["glucose_insulin.kmax"] <= 0.2)
    assert np.array_equal(plausible, inside)
    assert not plausible.all()


def test_a_setting_moves_the_median_and_leaves_the_spread(women):
    population, values, _ = women
    moved, switches = apply_settings(population, {"kmax": 0.1, "haematocrit": 0.30, "secretion": 0})
    other, _ = moved.draw(4, np.arange(N))
    assert np.allclose(other["glucose_insulin.kmax"], values["glucose_insulin.kmax"] * 0.1 / KMAX, rtol=1e-12)
    assert np.allclose(other["everolimus.Hct"], values["haematocrit"] - 0.07, rtol=1e-12)
    assert np.array_equal(other["everolimus.CL"], values["everolimus.CL"])
    assert {v for n, v in switches.items() if n.startswith("secretion.")} == {0.0}
    assert switches["insulin_action.muscle"] == 1


def test_every_population_of_the_library_has_sources_and_grades():
    import tomllib

    for path in Library().populations.values():
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        lines = [*data.get("covariates", {}).values(), *data.get("parameters", {}).values()]
        assert all(line["source"] and line["evidence"] for line in lines), path


SPREADS = """
[module]
name = "spreads"
about = "parameters that vary in every way"
time = "h"
[parameters]
CL = {{ value = 5, unit = "L/h", variance = 0.09, about = "clearance", {cited} }}
V = {{ value = 50, unit = "L", iiv = 0.3, iov = 0.2, about = "volume", {cited} }}
tail = {{ value = 1, unit = "1", iiv = 0.4, df = 5, about = "heavy tails", {cited} }}
even = {{ value = 1, unit = "1", iiv = 0.4, df = 4, about = "heavier tails", {cited} }}
skew = {{ value = 1, unit = "1", iiv = 0.4, box_cox = -0.5, about = "a skewed effect", {cited} }}
F1 = {{ value = 1, unit = "1", iov = 0.5, about = "bioavailability", {cited} }}
[states]
A = {{ unit = "mg", initial = 0, about = "amount" }}
[derivatives]
A = "-CL / V * A"
[observables]
C = {{ is = "A / V", unit = "mg/L", about = "level" }}
volume = {{ is = "V", unit = "L", about = "volume" }}
[doses.iv]
to = "A"
unit = "mg"
about = "bolus"
bioavailability = "F1"
""".format(cited='source = "this_work", evidence = "convention"')

BLOCK = """
[population]
name = "block"
about = "a block of variances"
[[omega]]
of = ["spreads.CL", "spreads.V", "spreads.tail"]
block = [0.09, 0.03, 0.04, 0.0, 0.02, 0.16]
source = "this_work"
evidence = "convention"
"""


@pytest.fixture
def spreads(tmp_path):
    """Populations of the module `spreads`: `spreads(text)` reads a population file."""
    (tmp_path / "spreads.toml").write_text(SPREADS, encoding="utf-8")
    library = Library((tmp_path,))

    def go(text=None):
        if text is None:
            return load_population("modelled", load_model("spreads", library), library)
        name = text.split('name = "')[1].split('"')[0]
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
        return load_population(name, load_model("spreads", library), library)

    go.library = library
    return go


def test_t_distributed_and_skewed_effects(spreads):
    from scipy.stats import kstest, t

    values, _ = spreads().draw(3, np.arange(N))
    for name, df in (("tail", 5), ("even", 4)):
        eta = np.log(values[f"spreads.{name}"]) / 0.4
        assert kstest(eta, t(df).cdf).pvalue > 0.01
        assert kstest(eta, t(df + 2).cdf).pvalue < 0.01
    eta = np.log(values["spreads.skew"])
    # The transformation of a normal effect, inverted.
    assert kstest(np.log1p(-0.5 * eta) / -0.5 / 0.4, "norm").pvalue > 0.01
    assert np.log(values["spreads.CL"]).std() == pytest.approx(0.3, rel=0.02)
    # A prefix of the subjects is the same people.
    few, _ = spreads().draw(3, np.arange(40))
    assert all((few[n] == values[n][:40]).all() for n in few)


def test_a_block_of_variances(spreads):
    values, _ = spreads(BLOCK).draw(3, np.arange(N))
    eta = np.log(np.stack([values["spreads.CL"], values["spreads.V"]]))
    assert np.cov(eta) == pytest.approx(np.array([[0.09, 0.03], [0.03, 0.04]]), rel=0.03)
    # The third is t-distributed: its variance is that of a normal one times 5 / 3, its correlations a little smaller.
    assert np.log(values["spreads.tail"]).var() == pytest.approx(0.16 * 5 / 3, rel=0.06)
    assert np.corrcoef(np.log(values["spreads.V"]), np.log(values["spreads.tail"]))[0, 1] == pytest.approx(
        0.24, abs=0.02
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.0, 0.02, 0.16]", "0.0, 0.02]", "has 5 numbers: 3 quantities need 6"),
        ('"spreads.V"', '"spreads.CL"', "names a quantity twice"),
        ('"spreads.V"', '"spreads.VV"', "`spreads.VV` is not drawn here"),
        ("0.09, 0.03, 0.04", "0.09, 0.30, 0.04", "the correlations are inconsistent"),
        ("0.09, 0.03", "0, 0.03", "has a variance that is not positive"),
        ('source = "this_work"', 'source = "nobody"', "source `nobody` is not in references.bib"),
        (
            "[[omega]]",
            '[parameters]\n"spreads.CL" = { iiv = 0.2, source = "this_work", evidence = "design" }\n[[omega]]',
            "`spreads.CL` has another measure of variability or correlation",
        ),
    ],
)
def test_messages_about_blocks(spreads, old, new, said):
    with pytest.raises(MtorsimError, match=said):
        spreads(BLOCK.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("iiv = 0.4, df = 5", "iiv = 0.4, variance = 0.2", "has two measures of variability: give `iiv` or `variance`"),
        ("df = 5", "df = 5, box_cox = 1.0", "give `df` or `box_cox`, not both"),
        ("df = 5", "df = 2", "greater than or equal to 3|at least 3"),
        ("iov = 0.5", 'iov = 0.5, distribution = "logit-normal"', "with `iov` must have a log-normal distribution"),
    ],
)
def test_messages_about_spreads(tmp_path, old, new, said):
    (tmp_path / "spreads.toml").write_text(SPREADS.replace(old, new), encoding="utf-8")
    with pytest.raises(MtorsimError, match=said):
        load_model("spreads", Library((tmp_path,)))


def test_occasions_of_a_table(spreads, tmp_path):
    rows = "".join(
        f"{i},{t},{evid},{amt},{occ}\n"
        for i in range(1, 401)
        for t, evid, amt, occ in (
            (0, 1, 100, 1),
            (0, 0, 0, 1),
            (24, 0, 0, 1),
            (48, 4, 100, 2),
            (48, 0, 0, 2),
            (60, 0, 0, 2),
        )
    )
    path = tmp_path / "data.csv"
    path.write_text("ID,TIME,EVID,AMT,OCC\n" + rows, encoding="utf-8")
    said = []
    given = {"library": spreads.library, "population": "modelled", "rtol": 1e-8}
    frame = mt.simulate_events(["spreads"], mt.read_events(path), note=said.append, **given)
    assert any("OCC is the occasion, between which spreads.V and spreads.F1 vary (nocb)" in text for text in said)
    looked = frame[frame.EVID == "0"]
    volume = looked.volume.to_numpy().reshape(400, 4)
    assert (volume[:, 0] == volume[:, 1]).all()
    assert (volume[:, 2] == volume[:, 3]).all()
    change = np.log(volume[:, 2] / volume[:, 0])
    assert change.std() == pytest.approx(0.2 * np.sqrt(2), rel=0.1)
    fraction = looked.C.to_numpy().reshape(400, 4) * volume / 100
    first, second = np.log(fraction[:, 0]), np.log(fraction[:, 2])
    assert [first.std(), second.std()] == pytest.approx([0.5, 0.5], rel=0.1)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.15
    # Within an occasion, the level follows its own volume.
    clearance = np.log(fraction[:, 0] / fraction[:, 1]) / 24 * volume[:, 0]
    assert np.allclose(np.log(fraction[:, 2] / fraction[:, 3]) / 12 * volume[:, 2], clearance, rtol=1e-6)
    # Occasion 2 is the same whether occasion 1 is there or not.
    alone = "".join(line for line in rows.splitlines(keepends=True) if line.endswith(",2\n"))
    path.write_text("ID,TIME,EVID,AMT,OCC\n" + alone, encoding="utf-8")
    again = mt.simulate_events(["spreads"], mt.read_events(path), **given)
    assert np.array_equal(again[again.EVID == "0"].volume.to_numpy().reshape(400, 2), volume[:, 2:])


def test_occasions_of_a_scenario(spreads):
    scenario = mt.Scenario(
        model=["spreads"],
        population="modelled",
        subjects=300,
        duration="20 d",
        occasion="10 d",
        visits={"at": [f"{d} d" for d in (1, 5, 11, 15)], "sample": "random"},
        doses=[mt.Dose("spreads", "100 mg", every="24 h")],
        library=spreads.library,
    )
    result = mt.simulate(scenario)
    volume = result.visits.volume.isel(arm=0).to_numpy()
    assert (volume[:, 0] == volume[:, 1]).all()
    assert (volume[:, 2] == volume[:, 3]).all()
    assert np.log(volume[:, 2] / volume[:, 0]).std() == pytest.approx(0.2 * np.sqrt(2), rel=0.1)
    few = mt.simulate(scenario, subjects=7, chunk=3)
    assert np.array_equal(few.visits.volume.isel(arm=0).to_numpy(), volume[:7])
    said = []
    steady = mt.simulate(scenario.replace(occasion=None, subjects=3), note=said.append)
    assert any("between-occasion variability of spreads.V, spreads.F1 is not applied" in text for text in said)
    assert len(np.unique(steady.visits.volume)) == 3
