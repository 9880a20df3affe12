"""The truth table of dosing: every regimen that some engine has got wrong, and where its answer comes from.

Numbers are rows of the table in docs/dosing.md. k = CL / V; the drug has CL 2 L/h, V 10 L, ka 1.1 / h.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

import mtorsim as mt
from tables import at, dose, table, written

CL, V, KA = 2.0, 10.0, 1.1
K = CL / V
T = np.array([0.5, 1.0, 3.0, 7.25, 12.0, 23.0, 24.0, 30.0, 47.0])


def exact(found, wanted, rtol=1e-7):
    assert np.allclose(np.asarray(found, float), wanted, rtol=rtol, atol=1e-8), (list(found), wanted)


def bateman(t, amount=100.0, ka=KA, k=K):
    """Amount in blood after one swallowed dose."""
    return np.where(t < 0, 0.0, amount * ka / (ka - k) * (np.exp(-k * np.abs(t)) - np.exp(-ka * np.abs(t))))


def bolus(t, amount=100.0, k=K):
    return np.where(t < 0, 0.0, amount * np.exp(-k * np.abs(t)))


def infused(t, rate, duration, k=K):
    """Amount in blood of an infusion that starts at 0."""
    t = np.asarray(t, float)
    during = rate / k * (1 - np.exp(-k * np.clip(t, 0, duration)))
    return np.where(t < 0, 0.0, during * np.exp(-k * np.clip(t - duration, 0, None)))


def observed(frame, column="blood"):
    return frame[column][frame.EVID.astype(float) == 0].to_numpy()


def seen(run, *parts, column="blood", **settings):
    return observed(run(table(*parts), **settings), column)


def two_compartments(t, amount):
    A = np.array([[-(CL + 3) / V, 3 / 30], [3 / V, -3 / 30]])
    return np.array([(expm(A * x) @ [amount, 0])[0] for x in t])


def test_01_a_bolus_to_blood(run):
    exact(seen(run, dose(0, 100, CMT="blood"), at(*T)), bolus(T))
    exact(seen(run, dose(0, 100, CMT="blood"), at(*T), model="two"), two_compartments(T, 100))


def test_02_a_swallowed_dose_also_where_absorption_is_as_fast_as_elimination(run):
    exact(seen(run, dose(0, 100), at(*T)), bateman(T))
    exact(seen(run, dose(0, 100), at(*T), ka=K), 100 * K * T * np.exp(-K * T))


def test_03_additional_doses_are_those_written_out(run):
    found = seen(run, dose(0, 100, CMT="blood", ADDL=3, II=8), at(24.0, 30.0))
    at_last = 100 * (1 - np.exp(-4 * K * 8)) / (1 - np.exp(-K * 8))
    exact(found, at_last * np.exp(-K * np.array([0.0, 6.0])))
    written_out = seen(run, *(dose(8 * i, 100, CMT="blood") for i in range(4)), at(24.0, 30.0))
    exact(found[1:], written_out[1:])


def test_04_an_interval_without_additional_doses_is_one_dose(run):
    exact(seen(run, dose(0, 100, ADDL=0, II=12), at(*T)), bateman(T))


def test_05_an_infusion_looked_at_on_both_its_ends(run):
    times = np.array([0.0, 2.0, 4.0, 9.0])
    exact(seen(run, dose(0, 100, CMT="blood", RATE=25), at(*times)), infused(times, 25, 4))


def test_06_two_infusions_overlap_and_each_ends_on_its_own(run):
    times = np.array([1.0, 3.0, 4.0, 7.0, 10.0])
    found = seen(run, dose(0, 100, CMT="blood", RATE=25), dose(2, 100, CMT="blood", RATE=20), at(*times))
    exact(found, infused(times, 25, 4) + infused(times - 2, 20, 5))


def test_07_a_given_rate_stays_and_the_fraction_shortens_it(run):
    times = np.array([1.0, 2.0, 5.0])
    exact(seen(run, dose(0, 100, CMT="blood", RATE=25), at(*times), F_blood=0.5), infused(times, 25, 2))


def test_08_a_given_duration_stays_and_the_fraction_thins_it(run):
    times = np.array([1.0, 4.0, 9.0])
    wanted = infused(times, 0.5 * 100 / 4, 4)
    exact(seen(run, dose(0, 100, CMT="blood", RATE=-2), at(*times), F_blood=0.5), wanted)
    exact(seen(run, dose(0, 100, CMT="blood", DUR=4), at(*times), F_blood=0.5), wanted)


def test_09_a_rate_of_the_model_is_as_one_in_the_data(run):
    parts = at(1.0, 3.0, 9.0, 15.0)
    own = seen(run, dose(0, 100, CMT="blood", RATE=-1, ADDL=1, II=8), parts, F_blood=0.5)
    exact(own, seen(run, dose(0, 100, CMT="blood", RATE=25, ADDL=1, II=8), parts, F_blood=0.5))


def test_10_nothing_arrives_and_nothing_fails(run):
    exact(seen(run, dose(0, 100), at(*T), F_gut=0.0), 0 * T)
    exact(seen(run, dose(0, 100, SS=1, II=12), at(*T), F_gut=0.0), 0 * T)


def test_11_a_lag_before_at_and_after_it(run):
    times = np.array([0.5, 1.5, 2.0, 9.0])
    exact(seen(run, dose(0, 100), at(*times), lag_gut=1.5), bateman(times - 1.5))


def test_12_an_infusion_with_a_lag(run):
    times = np.array([1.0, 2.0, 6.0, 9.0])
    exact(seen(run, dose(0, 100, CMT="blood", RATE=25), at(*times), lag_blood=2.0), infused(times - 2, 25, 4))


def test_13_infusions_with_a_lag_that_outlast_the_interval(run):
    times = np.array([1.0, 5.0, 9.0, 14.0, 30.0])
    found = seen(run, dose(0, 100, CMT="blood", RATE=10, ADDL=2, II=6), at(*times), lag_blood=1.0)
    exact(found, sum(infused(times - 1 - 6 * i, 10, 10) for i in range(3)))


def test_14_lagged_doses_looked_at_when_they_are_due(run):
    rows = table(dose(0, 100, CMT="blood", ADDL=2, II=8), at(8.0, 9.0, 16.0, 17.0, 20.0))
    frame = run(rows, lag_blood=1.0)
    times = np.array([8.0, 9.0, 16.0, 17.0, 20.0])
    exact(observed(frame), sum(bolus(times - 1 - 8 * i) for i in range(3)))
    assert observed(frame, "tad").tolist() == [0.0, 1.0, 0.0, 1.0, 4.0]


def test_15_two_lagged_doses_at_one_time_each_with_its_own_fraction(run):
    rows = [
        dose(0, 100, CMT="blood", F_blood=0.7),
        dose(0, 200, CMT="blood", F_blood=0.1),
        *at(0.5, 1.0, 3.0, F_blood=0.1),
    ]
    found = observed(run(rows, interpolation={"F_blood": "locf"}, lag_blood=1.0))
    exact(found, [0.0, 90.0, 90.0 * np.exp(-K * 2)])


def test_16_the_fraction_is_that_of_the_record(run):
    rows = [dose(0, 100, CMT="blood", F_blood=0.5), *at(1.0, 2.0, 5.0, F_blood=0.9)]
    found = observed(run(rows, interpolation={"F_blood": "locf"}, lag_blood=2.0))
    exact(found, [0.0, 50.0, 50 * np.exp(-K * 3)])


@pytest.mark.parametrize(("kind", "fractions"), [("locf", (0.5, 0.5, 0.8)), ("nocb", (0.5, 0.8, 0.8))])
def test_17_a_fraction_that_changes_between_additional_doses(run, kind, fractions):
    rows = [dose(0, 100, CMT="blood", ADDL=2, II=8, F_blood=0.5), *at(12.0, 20.0, F_blood=0.8)]
    found = observed(run(rows, interpolation={"F_blood": kind}))
    wanted = [sum(f * bolus(np.array(t) - 8.0 * i) for i, f in enumerate(fractions)) for t in (12.0, 20.0)]
    exact(found, wanted)


def test_18_doses_to_gut_and_blood_each_with_its_own_fraction_and_lag(run):
    parts = dose(0, 100), dose(0, 50, CMT="blood"), at(*T)
    found = seen(run, *parts, F_gut=0.6, lag_gut=0.75, F_blood=0.9, lag_blood=2.0)
    exact(found, 0.6 * bateman(T - 0.75) + 0.9 * bolus(T - 2.0, 50))


def css_bolus(t, tau, amount=100.0):
    return amount * np.exp(-K * t) / (1 - np.exp(-K * tau))


def test_19_a_bolus_at_steady_state(run):
    times = np.array([0.0, 1.0, 6.0, 11.0])
    frame = run(table(dose(0, 100, CMT="blood", SS=1, II=12), at(*times), at(12.0)))
    exact(observed(frame)[:4], css_bolus(times, 12))
    eliminated = observed(frame, "gone")[-1]
    assert eliminated == pytest.approx(100, rel=1e-8)  # in an interval, as much as is given


def css_oral(t, tau, amount=100.0):
    wave = lambda r: np.exp(-r * t) / (1 - np.exp(-r * tau))  # noqa: E731
    return amount * KA / (KA - K) * (wave(K) - wave(KA))


def test_20_a_swallowed_dose_at_steady_state_repeats(run):
    times = np.array([0.0, 2.0, 7.0])
    found = seen(run, dose(0, 100, SS=1, II=12, ADDL=3), at(*times, *(times + 12), *(times + 36)))
    exact(found, np.tile(css_oral(times, 12), 3))


def test_21_an_infusion_shorter_than_its_interval_at_steady_state(run):
    peak = 25 / K * (1 - np.exp(-K * 4)) / (1 - np.exp(-K * 12))
    found = seen(run, dose(0, 100, CMT="blood", RATE=25, SS=1, II=12), at(0.0, 4.0, 10.0))
    exact(found, [peak * np.exp(-K * 8), peak, peak * np.exp(-K * 6)])


@pytest.mark.parametrize("whole", [1, 3])
def test_22_infusions_that_last_whole_intervals_are_constant(run, whole):
    amount = 25.0 * 12 * whole
    found = seen(run, dose(0, amount, CMT="blood", RATE=25, SS=1, II=12, ADDL=4), at(0.0, 5.0, 12.0, 30.0))
    exact(found, np.full(4, whole * 25 / K))


def test_23_so_are_those_that_do_through_the_fraction_only(run):
    found = seen(run, dose(0, 600, CMT="blood", RATE=25, SS=1, II=12, ADDL=2), at(0.0, 5.0, 20.0), F_blood=0.5)
    exact(found, np.full(3, 25 / K))


def test_24_an_infusion_of_two_intervals_and_a_part(run):
    def part(t):
        peak = 25 / K * (1 - np.exp(-K * 4.8)) / (1 - np.exp(-K * 12))
        rising = peak * np.exp(-K * 7.2) * np.exp(-K * t) + 25 / K * (1 - np.exp(-K * t))
        return np.where(t <= 4.8, rising, peak * np.exp(-K * (t - 4.8)))

    times = np.array([0.0, 3.0, 4.8, 9.0])
    found = seen(run, dose(0, 25 * 2.4 * 12, CMT="blood", RATE=25, SS=1, II=12, ADDL=5), at(*times, *(times + 36)))
    exact(found, np.tile(2 * 25 / K + part(times), 2))


def test_25_a_duration_of_the_model_at_steady_state(run):
    times = (0.0, 3.0, 8.0)
    settled = seen(run, dose(0, 100, CMT="blood", RATE=-2, SS=1, II=12), at(*times), F_blood=0.6)
    long = dose(0, 100, CMT="blood", RATE=-2, II=12, ADDL=600)
    exact(settled, seen(run, long, at(*(7200.0 + t for t in times)), F_blood=0.6))


def test_26_a_constant_infusion_at_steady_state_ends_at_its_record(run):
    rows = table(dose(0, 0, CMT="blood", RATE=25, SS=1), at(0.0, 9.0), {"TIME": 10, "EVID": 3}, at(10.0, 15.0))
    exact(observed(run(rows, F_blood=0.3)), [25 / K, 25 / K * np.exp(-9 * K), 0, 0])
    modelled = table(dose(0, 0, CMT="blood", RATE=-1, SS=1), at(0.0, 4.0))
    exact(observed(run(modelled, own_rate=10)), [10 / K, 10 / K * np.exp(-4 * K)])


def test_28_a_lagged_bolus_at_steady_state_shows_the_interval_before(run):
    times = np.array([0.0, 1.0, 2.0, 5.0, 11.0])
    found = seen(run, dose(0, 100, CMT="blood", SS=1, II=12), at(*times), lag_blood=2.0)
    exact(found, css_bolus(np.where(times < 2, times - 2 + 12, times - 2), 12))


def test_29_also_where_the_dose_is_the_first_record_of_all(run):
    late = seen(run, dose(5, 100, CMT="blood", SS=1, II=12), at(6.0, 9.0), lag_blood=2.0)
    exact(late, css_bolus(np.array([11.0, 2.0]), 12))


def test_30_a_lagged_infusion_at_steady_state_that_is_still_running(run):
    # Of 6 h, lag 8 h: the one before ends 2 h after the record.
    times = np.array([0.0, 1.0, 2.0, 5.0, 8.0, 11.0])
    found = seen(run, dose(0, 150, CMT="blood", RATE=25, SS=1, II=12, ADDL=2), at(*times, *(times + 12)), lag_blood=8.0)
    many = sum(infused(times + 2400 - 8 - 12 * i, 25, 6) for i in range(201))
    exact(found, np.tile(many, 2))


@pytest.mark.parametrize("lag", [12.0, 15.0, 30.5])
def test_31_a_lag_as_long_as_the_interval_leaves_earlier_doses_on_their_way(run, lag):
    times = np.array([0.5, 1.0, 6.0, 11.0, 13.0, 40.0])
    found = seen(run, dose(0, 100, CMT="blood", SS=1, II=12, ADDL=5), at(*times), lag_blood=lag)
    exact(found, css_bolus((times - lag) % 12, 12))
    running = seen(run, dose(0, 150, CMT="blood", RATE=25, SS=1, II=12, ADDL=5), at(*times), lag_blood=lag)
    exact(running, sum(infused(times + 2400 - lag - 12 * i, 25, 6) for i in range(260)))


def test_32_a_steady_state_replaces_what_was_under_way(run):
    under_way = dose(0, 70, CMT="blood", RATE=3, ADDL=9, II=4), dose(1, 50)
    settled = dose(10, 100, CMT="blood", SS=1, II=12)
    times = at(10.0, 12.0, 21.0)
    mixed = seen(run, *under_way, settled, times)
    exact(mixed, seen(run, settled, times))


def test_33_a_second_steady_state_is_added(run):
    both = seen(run, dose(0, 10, SS=1, II=24, ADDL=5), dose(12, 20, SS=2, II=24, ADDL=5), at(12.0, 20.0, 30.0, 60.0))
    since = np.array([12.0, 20.0, 30.0, 60.0])
    exact(both, css_oral(since % 24, 24, 10) + css_oral((since - 12) % 24, 24, 20))


def test_34_a_saturable_drug_at_steady_state(run):
    # The trough x of doses d with Michaelis-Menten: d / (exp((Vm tau - d) / Km) - 1).
    d, tau, vm, km = 8.0, 1.0, 10.0, 4.0
    trough = d / (np.exp((vm * tau - d) / km) - 1)
    rows = table(dose(0, d * 10, SS=1, II=tau), at(tau))
    exact(observed(run(rows, model="saturable")), [trough * 10], rtol=1e-6)


def test_35_more_than_can_be_eliminated_has_no_steady_state(run):
    frame = run(table(dose(0, 110, SS=1, II=1), at(0.5)), model="saturable")
    assert frame.blood.isna().all()
    assert frame.status[0] == "a dose at steady state has none: more is given in an interval than can be eliminated"


def test_36_a_reset_stops_infusions_pending_lags_and_additional_doses(run):
    rows = table(
        dose(0, 100, CMT="blood", RATE=10),
        dose(0, 100, CMT="gut", ADDL=5, II=4),
        {"TIME": 5, "EVID": 3},
        at(5.0, 6.0, 20.0),
    )
    frame = run(rows, lag_gut=3.0)
    assert observed(frame).tolist() == [0.0, 0.0, 0.0]


def test_37_a_reset_with_a_dose_is_a_reset_and_a_dose(run):
    times = at(7.0, 14.0, 20.0)
    both = {"TIME": 6, "EVID": 4, "AMT": 50, "CMT": "blood", "ADDL": 2, "II": 5}
    apart = [{"TIME": 6, "EVID": 3}, dose(6, 50, CMT="blood", ADDL=2, II=5)]
    exact(seen(run, dose(0, 100), both, times), seen(run, dose(0, 100), apart, times))
    exact(seen(run, both, times), sum(bolus(np.array([7.0, 14.0, 20.0]) - 6 - 5 * i, 50) for i in range(3)))


@pytest.mark.parametrize("more", [{}, {"ADDL": 2, "II": 5}])
def test_38_a_reset_with_an_infusion(run, more):
    times = at(7.0, 9.0, 20.0)
    both = {"TIME": 6, "EVID": 4, "AMT": 50, "RATE": 20, "CMT": "blood", **more}
    apart = [{"TIME": 6, "EVID": 3}, dose(6, 50, CMT="blood", RATE=20, **more)]
    exact(seen(run, dose(0, 100), both, times), seen(run, dose(0, 100), apart, times))


def test_39_a_reset_at_steady_state_is_a_steady_state(run):
    times = at(7.0, 9.0)
    more = {"AMT": 50, "SS": 1, "II": 8}
    exact(
        seen(run, dose(0, 100), {"TIME": 6, "EVID": 4, **more}, times), seen(run, {"TIME": 6, "EVID": 1, **more}, times)
    )


@pytest.mark.parametrize("more", [{}, {"SS": 1, "II": 8}])
def test_40_a_reset_with_a_lagged_dose(run, more):
    times = at(6.5, 9.0, 13.0)
    both = {"TIME": 6, "EVID": 4, "AMT": 50, **more}
    exact(
        seen(run, dose(0, 100), both, times, lag_gut=2.0),
        seen(run, {"TIME": 6, "EVID": 1, "AMT": 50, **more}, times, lag_gut=2.0),
    )


def test_41_time_begins_again_after_a_reset(run):
    first = [dose(0, 100), *at(1.0, 5.0)]
    again = [{"TIME": 0, "EVID": 4, "AMT": 30}, *at(1.0, 5.0)]
    frame = run(written([*first, *again]))
    exact(observed(frame), [*bateman(np.array([1.0, 5.0])), *bateman(np.array([1.0, 5.0]), 30)])


def test_42_another_event_that_changes_nothing(run):
    with_it = seen(run, dose(0, 100), {"TIME": 3, "EVID": 2}, at(*T))
    exact(with_it, bateman(T))


def test_43_a_state_is_replaced_multiplied_or_only_counted_from(run):
    rows = table(
        dose(0, 100, CMT="blood"),
        {"TIME": 2, "EVID": 5, "AMT": 40, "CMT": "blood"},
        at(3.0),
        {"TIME": 4, "EVID": 6, "AMT": 0.5, "CMT": "blood"},
        at(5.0),
        {"TIME": 6, "EVID": 7},
        at(7.0),
    )
    frame = run(rows)
    after = 40 * np.exp(-K)
    exact(observed(frame), [after, 0.5 * 40 * np.exp(-3 * K), 0.5 * 40 * np.exp(-5 * K)])
    assert observed(frame, "tad").tolist() == [3.0, 5.0, 1.0]


def test_44_a_dose_and_a_sample_at_one_time(run):
    before = [*at(0.0), dose(0, 100, CMT="blood"), *at(0.0)]
    exact(observed(run(before)), [0, 100])
    additional = table(dose(0, 100, CMT="blood", ADDL=1, II=8), at(8.0))
    exact(observed(run(additional)), [100 * np.exp(-8 * K) + 100])
    exact(observed(run([*at(0.0), dose(0, 100, CMT="blood", SS=1, II=12), *at(0.0)])), [0, css_bolus(0.0, 12)])
    thrice = [
        dose(5, 10, CMT="blood"),
        *at(5.0),
        dose(5, 20, CMT="blood"),
        *at(5.0),
        dose(5, 40, CMT="blood"),
        *at(5.0),
    ]
    exact(observed(run(thrice)), [10, 30, 70])


@pytest.mark.parametrize(
    ("kind", "integral"), [("locf", 2 * 5 + 2 * 5), ("nocb", 4 * 5 + 4 * 5), ("linear", 3 * 5 + 4 * 5)]
)
def test_45_clearance_changes_in_three_ways(run, kind, integral):
    rows = [dose(0, 100, CMT="blood", CL=2), *at(5.0, CL=4 if kind != "locf" else 2), *at(10.0, CL=4)]
    found = observed(run(rows, interpolation={"CL": kind}))
    exact(found[-1:], [100 * np.exp(-integral / V)])


def test_46_a_covariate_changes_after_the_record_of_a_lagged_dose(run):
    rows = [dose(0, 100, CMT="blood", CL=2), *at(1.0, CL=5), *at(6.0, CL=5)]
    found = observed(run(rows, interpolation={"CL": "locf"}, lag_blood=2.0))
    exact(found, [0.0, 100 * np.exp(-0.5 * 4)])


def test_47_a_thousand_doses_on_time(run):
    found = seen(run, dose(0, 1, CMT="blood", ADDL=999, II=0.1), at(50.0, 99.95))
    wanted = [sum(np.exp(-K * (t - 0.1 * i)) for i in range(1000) if 0.1 * i <= t + 1e-9) for t in (50.0, 99.95)]
    exact(found, wanted)


def test_48_a_minute_of_infusion_on_the_twentieth_day(run):
    rows = table(dose(480, 100, CMT="blood", RATE=6000), at(479.0, 480 + 1 / 60, 672.0))
    frame = run(rows)
    exact(observed(frame)[:2], [0.0, infused(1 / 60, 6000, 1 / 60)])
    assert observed(frame, "gone")[-1] == pytest.approx(100, abs=1e-6)


def test_49_more_samples_change_no_bit(run):
    few, many = (seen(run, dose(0, 100, ADDL=3, II=8), at(*np.linspace(0, 40, n))) for n in (2, 41))
    assert few[0] == many[0]
    assert few[-1] == many[-1]
    assert many[::40].tobytes() == few.tobytes()


def test_50_a_run_cut_in_two_goes_on_as_it_would_have(run):
    whole = run(table(dose(0, 100, ADDL=3, II=8), at(12.0, 20.0, 30.0)))
    amounts = [observed(whole, c)[0] for c in ("gut", "blood", "gone")]
    named = zip(("gut", "blood", "gone"), amounts, strict=True)
    start = [{"TIME": 0, "EVID": 5, "AMT": round(float(a), 6), "CMT": c} for c, a in named]
    rest = run(table(start, dose(4, 100, ADDL=1, II=8), at(8.0, 18.0)))
    exact(observed(rest), observed(whole)[1:], rtol=1e-6)


def test_51_a_dose_is_given_where_nothing_is_looked_at(run):
    exact(seen(run, dose(48, 100, CMT="blood"), at(47.9, 50.0)), [0.0, 100 * np.exp(-2 * K)])


def test_52_two_states_given_at_one_time_hold_their_own(run):
    frame = run([dose(0, 100), dose(0, 7, CMT="blood"), *at(0.0)])
    exact([observed(frame, "gut")[0], observed(frame, "blood")[0]], [100.0, 7.0])


def test_53_nothing_is_lost(run):
    frame = run(
        table(
            dose(0, 100, ADDL=5, II=8),
            dose(3, 60, CMT="blood", RATE=7),
            dose(9, 40, CMT="blood", DUR=5),
            dose(20, 10, CMT="blood"),
            at(60.0),
        ),
        F_gut=0.8,
        F_blood=0.9,
        lag_gut=0.4,
    )
    total = sum(observed(frame, c)[0] for c in ("gut", "blood", "gone"))
    assert total == pytest.approx(0.8 * 600 + 0.9 * 110, rel=1e-9)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"TIME": 0, "EVID": 0, "AMT": 5}], "subject 1, column AMT: an observation has an amount"),
        ([dose(0, 0, RATE=5)], "column AMT: a rate has no amount"),
        ([dose(0, 5, SS=1)], "column II: a dose at steady state has no interval"),
        ([dose(0, 5, II=-2)], "column II: an interval is negative"),
        ([dose(0, 0, RATE=5, SS=1, DUR=3)], "a constant infusion at steady state has no interval, additional doses or"),
        ([dose(2, 5), dose(1, 5)], "column TIME: time goes back"),
        ([dose(0, 5, ADDL=2)], "column II: additional doses have no interval"),
        ([dose(0, -5)], "column AMT: an amount is negative"),
        ([dose(0, 5, RATE=-3)], "column RATE: a rate is negative"),
        ([dose(0, 5, SS=4, II=4)], "column SS: SS must be 0, 1 (replaces the amounts in the body), 2 (adds to them)"),
        ([dose(0, "five")], "column AMT: `five` is not a number"),
        ([dose(0, 5, CMT="bloood")], "column CMT: there is no route or state `bloood`"),
        ([dose(0, 5, CL=1), dose(3, 5, CL=2)], "column CL: this covariate changes"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_27_54_what_cannot_be_meant_is_one_message_with_line_and_subject(run, rows, message):
    with pytest.raises(mt.MtorsimError) as found:
        run(rows)
    assert message in str(found.value)
    assert f"data.csv:{len(rows) + 1}" in str(found.value)
    assert "\n\n" not in str(found.value)
