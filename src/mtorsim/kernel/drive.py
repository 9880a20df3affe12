"""From stop to stop: a few seats, every subject on its own clock.

Let the next subject board; give the doses that are due; step towards the next stop; record what
was passed on the way. A seat is filled again as soon as its subject has arrived.

What every step needs is worked out for all seats at once, in lanes. What happens at a stop, a
sample or a failure is done seat by seat.
"""

from __future__ import annotations

import math

import numpy as np

from mtorsim.kernel.event import ADD, MULTIPLY, PARAMETER, REPLACE, STOP_ONLY
from mtorsim.kernel.lanes import absolute, any_less, compiled, inlined, select_less
from mtorsim.kernel.status import CANCELLED, NOT_FINITE, STEP_TOO_SMALL, TOO_MANY_STEPS, WELL

from .control import LARGEST_FACTOR, error_norms, first_step, growth, retreat
from .functions import maximum, minimum
from .method import FIRST_SAME_AS_LAST, N_SLOPES, N_WORK, STAGES, change_at, look_back, step
from .precision import FLOAT, WIDTH, load, narrow, store, widen
from .problem import N_PARAMETERS, N_ROWS, N_STATES, constants, rhs

MEMORY = 2 + N_STATES
"""Numbers a subject carries from one call to the next: the step proposed, the last error, and for
each state the first step that went well after a dose to it."""

# Rows of `clock`, one number a seat.
NOW, STOP, PROPOSED, TRIAL, AFTER, LAST_ERROR, ACCEPTED, PART, TAKEN, REJECTED, STEPS, DUE = range(12)
# Rows of `seat`, one whole number a seat.
SUBJECT, EVENT, SAMPLE, RENEWED, DOSED = range(5)
EMPTY = -1

SMALLEST_STEP = 1e-10
"""Hours; a step that its error holds below this is given up."""
MOST_STEPS = 200_000
"""Steps between two stops before a subject is given up."""
SMALLEST_ERROR = 1e-4
"""What the controller remembers at least, so that one lucky step does not make it bold."""
NEVER = math.inf


@compiled
def advance(
    state,
    memory,
    parameters,
    event_time,
    event_kind,
    event_row,
    event_amount,
    event_first,
    event_last,
    samples,
    columns,
    t0,
    t1,
    rtol,
    atol,
    steers,
    out,
    status,
    cancel,
):
    """Carry subjects from `t0` to `t1`, in place; times in hours.

    Samples at an instant come before its doses; doses at `t1` are left to the next call.

    Shapes
    ------
    state (n, N_STATES); memory (n, MEMORY), all 0 at the start of a subject's life;
    parameters (n, N_PARAMETERS), changed by events that set one.
    event_time, event_amount (events,) float64, event_kind, event_row (events,) int64: the events of
    subject i are those from event_first[i] to event_last[i], in order of time. The kinds are those of
    `mtorsim.kernel.event`; a row is that of a state, or of a parameter.
    samples (times,) in order; columns (states,) int64, the states that are wanted; out (n, times,
    states) receives them at samples in (t0, t1], and at t0 in a life that starts there.
    atol, steers (N_STATES,); status (n,) int64: only subjects at 0 are carried.
    cancel (1,) int64: not 0 ends the call early.
    """
    y = np.zeros((N_STATES, WIDTH))
    after_dose = np.zeros((N_STATES, WIDTH))
    clock = np.zeros((12, WIDTH))
    x = np.zeros((N_STATES, WIDTH), FLOAT)  # y, in the precision of the arithmetic
    d = np.zeros((N_STATES, WIDTH), FLOAT)
    k = np.zeros((N_SLOPES, N_STATES, WIDTH), FLOAT)
    work = np.zeros((N_WORK, WIDTH), FLOAT)
    p = np.ones((N_ROWS, WIDTH), FLOAT)
    norms = np.zeros((2, WIDTH), FLOAT)
    seat = np.zeros((5, WIDTH), np.int64)
    for lane in range(WIDTH):
        seat[SUBJECT, lane] = EMPTY
        clock[DUE, lane] = NEVER
    waiting = 0
    arrived = True
    while True:
        if arrived:
            waiting = change_seats(
                waiting,
                seat,
                clock,
                y,
                x,
                p,
                after_dose,
                state,
                memory,
                parameters,
                event_time,
                event_first,
                samples,
                t0,
                t1,
                status,
            )
            record_now(seat, clock, y, samples, columns, out)
            give_doses(
                seat,
                clock,
                y,
                x,
                p,
                after_dose,
                parameters,
                event_time,
                event_kind,
                event_row,
                event_amount,
                event_last,
                t1,
            )
            renew(seat, clock, x, p, k, rtol, atol, steers, norms)
        if cancel[0] != 0:
            for lane in range(WIDTH):
                if seat[SUBJECT, lane] != EMPTY:
                    status[seat[SUBJECT, lane]] = CANCELLED
            return
        if not any_less(0.5, load(clock, TAKEN)):
            return
        choose_trials(clock)
        t = narrow(load(clock, NOW))
        h = narrow(load(clock, TRIAL))
        t_new = narrow(load(clock, AFTER))
        step(t, h, t_new, x, p, k, work, d)
        error_norms(h, x, d, k, rtol, atol, steers, norms)
        arrived = judge(seat, clock, norms, after_dose, status)
        if any_less(load(clock, DUE), load(clock, AFTER) * (1.0 + 1e-15)):
            record_passed(t, h, t_new, seat, clock, y, x, d, p, k, work, samples, columns, out)
        arrived = commit(clock, y, x, d, k) or arrived


@compiled
def change_seats(
    waiting,
    seat,
    clock,
    y,
    x,
    p,
    after_dose,
    state,
    memory,
    parameters,
    event_time,
    event_first,
    samples,
    t0,
    t1,
    status,
):
    """Let subjects leave that have arrived or failed, and the next ones board; returns who waits next."""
    boarded = False
    for lane in range(WIDTH):
        subject = seat[SUBJECT, lane]
        if subject != EMPTY and (clock[NOW, lane] >= t1 or status[subject] != WELL):
            for i in range(N_STATES):
                state[subject, i] = y[i, lane]
                memory[subject, 2 + i] = after_dose[i, lane]
            memory[subject, 0] = clock[PROPOSED, lane]
            memory[subject, 1] = clock[LAST_ERROR, lane]
            seat[SUBJECT, lane] = EMPTY
            clock[TAKEN, lane] = 0.0
            clock[DUE, lane] = NEVER
        while seat[SUBJECT, lane] == EMPTY and waiting < state.shape[0]:
            subject = waiting
            waiting += 1
            if status[subject] != WELL or t0 >= t1:
                continue
            for i in range(N_STATES):
                y[i, lane] = state[subject, i]
                x[i, lane] = state[subject, i]
                after_dose[i, lane] = memory[subject, 2 + i]
            for i in range(N_PARAMETERS):
                p[i, lane] = parameters[subject, i]
            board(lane, subject, seat, clock, memory, event_time, event_first, samples, t0)
            boarded = True
    if boarded:
        constants(p)
    return waiting


@compiled
def board(lane, subject, seat, clock, memory, event_time, event_first, samples, t0):
    """Set a subject's clock as it takes a seat."""
    seat[SUBJECT, lane] = subject
    seat[RENEWED, lane] = 1
    seat[DOSED, lane] = EMPTY
    clock[TAKEN, lane] = 1.0
    clock[STEPS, lane] = 0.0
    clock[REJECTED, lane] = 0.0
    clock[NOW, lane] = t0
    clock[STOP, lane] = t0
    clock[PROPOSED, lane] = memory[subject, 0]
    clock[LAST_ERROR, lane] = memory[subject, 1]
    event = event_first[subject]
    while event < event_time.shape[0] and event_time[event] < t0:
        event += 1
    seat[EVENT, lane] = event
    born = memory[subject, 0] == 0.0
    if born:
        clock[LAST_ERROR, lane] = SMALLEST_ERROR
    sample = 0
    while sample < samples.shape[0] and (samples[sample] < t0 or (samples[sample] == t0 and not born)):
        sample += 1
    next_sample(lane, sample, seat, clock, samples)


@inlined
def next_sample(lane, sample, seat, clock, samples):
    """Note which sample a seat waits for, and when it is due."""
    seat[SAMPLE, lane] = sample
    clock[DUE, lane] = samples[sample] if sample < samples.shape[0] else NEVER


@compiled
def record_now(seat, clock, y, samples, columns, out):
    """Record what is due at the very instant a subject boards."""
    for lane in range(WIDTH):
        while clock[DUE, lane] <= clock[NOW, lane]:
            sample = seat[SAMPLE, lane]
            for j in range(columns.shape[0]):
                out[seat[SUBJECT, lane], sample, j] = y[columns[j], lane]
            next_sample(lane, sample + 1, seat, clock, samples)


@compiled
def give_doses(
    seat, clock, y, x, p, after_dose, parameters, event_time, event_kind, event_row, event_amount, event_last, t1
):
    """Give what is due to those who stand at a stop, and set their next one.

    After a dose the step is no longer than what went well after the last dose to the same state.
    """
    altered = False
    for lane in range(WIDTH):
        subject = seat[SUBJECT, lane]
        if subject == EMPTY or clock[NOW, lane] < clock[STOP, lane]:
            continue
        event = seat[EVENT, lane]
        while event < event_last[subject] and event_time[event] <= clock[NOW, lane]:
            kind, row, amount = event_kind[event], event_row[event], event_amount[event]
            event += 1
            if kind == STOP_ONLY or (kind == ADD and amount == 0.0):
                continue
            seat[RENEWED, lane] = 1
            if kind == PARAMETER:
                parameters[subject, row] = amount
                p[row, lane] = amount
                altered = True
                continue
            if kind == ADD:
                y[row, lane] += amount
                seat[DOSED, lane] = row
                if 0.0 < after_dose[row, lane] < clock[PROPOSED, lane]:
                    clock[PROPOSED, lane] = after_dose[row, lane]
            elif kind == REPLACE:
                y[row, lane] = amount
            elif kind == MULTIPLY:
                y[row, lane] *= amount
            x[row, lane] = y[row, lane]
        seat[EVENT, lane] = event
        clock[STOP, lane] = t1
        if event < event_last[subject] and event_time[event] < t1:
            clock[STOP, lane] = event_time[event]
        clock[STEPS, lane] = 0.0
    if altered:
        constants(p)


@compiled
def renew(seat, clock, x, p, k, rtol, atol, steers, norms):
    """Work out the slope afresh where a dose or a new subject has changed the state."""
    born = False
    renewed = False
    for lane in range(WIDTH):
        clock[PART, lane] = 1.0 * seat[RENEWED, lane]
        if seat[RENEWED, lane] == 1:
            renewed = True
            born = born or clock[PROPOSED, lane] == 0.0
            seat[RENEWED, lane] = 0
    if not ((renewed and FIRST_SAME_AS_LAST) or born):
        return
    fresh = k[STAGES - 1]
    rhs(narrow(load(clock, NOW)), x, p, fresh)
    mask = narrow(load(clock, PART))
    for i in range(N_STATES):
        store(k[0], i, select_less(0.5, mask, load(fresh, i), load(k[0], i)))
    if born:
        first_step(x, k[0], rtol, atol, steers, norms)
        for lane in range(WIDTH):
            if clock[PROPOSED, lane] == 0.0:
                clock[PROPOSED, lane] = norms[0, lane]


@inlined
def choose_trials(clock):
    """Set the step each seat tries.

    The last two steps before a stop share what is left, so that none of them is tiny.
    """
    now, stop, proposed = load(clock, NOW), load(clock, STOP), load(clock, PROPOSED)
    left = stop - now
    half = 0.5 * left
    trial = select_less(half, proposed, half, proposed)
    after = now + trial
    last = select_less(proposed, left * (1.0 - 1e-12), after, stop)
    trial = select_less(last, stop, trial, left)
    store(clock, TRIAL, trial)
    store(clock, AFTER, select_less(last, stop, after, stop))


@compiled
def judge(seat, clock, norms, after_dose, status):
    """Accept or reject each seat's step and propose the next; returns whether a subject is given up."""
    steering, listening = load(norms, 0), load(norms, 1)
    worst = maximum(steering, listening)
    further = widen(growth(steering, narrow(load(clock, LAST_ERROR)), listening))
    back = widen(select_less(absolute(worst), NEVER, retreat(worst), 0.1))
    taken, trial, proposed = load(clock, TAKEN), load(clock, TRIAL), load(clock, PROPOSED)
    accepted = select_less(widen(worst), 1.0, taken, 0.0)
    rejected = load(clock, REJECTED)
    further = select_less(0.5, rejected, minimum(further, 1.0), further)
    # A step cut short by a stop says less than a whole one, unless it is to be shorter still.
    cut = select_less(trial, proposed, select_less(further, 1.0, 0.0, 1.0), 0.0)
    next_step = select_less(0.5, cut, maximum(proposed, trial * further), trial * further)
    last_error = load(clock, LAST_ERROR)
    noticed = select_less(0.5, cut, last_error, maximum(widen(steering), SMALLEST_ERROR))
    store(clock, ACCEPTED, accepted)
    store(clock, PROPOSED, select_less(0.5, accepted, next_step, trial * back))
    store(clock, LAST_ERROR, select_less(0.5, accepted, noticed, last_error))
    store(clock, REJECTED, select_less(0.5, accepted, 0.0, taken))
    steps = load(clock, STEPS) + 1.0
    store(clock, STEPS, steps)
    hopeless = select_less(trial, SMALLEST_STEP, taken - accepted, 0.0)
    hopeless = select_less(MOST_STEPS, steps, taken, hopeless)
    # A step far within its tolerance says nothing about how long it might have been.
    store(clock, PART, select_less(back, LARGEST_FACTOR, trial * back, 0.0))
    for lane in range(WIDTH):
        row = seat[DOSED, lane]
        if row != EMPTY and clock[ACCEPTED, lane] == 1.0:
            after_dose[row, lane] = clock[PART, lane]
            seat[DOSED, lane] = EMPTY
    if not any_less(0.5, hopeless):
        return False
    store(clock, PART, hopeless)
    for lane in range(WIDTH):
        if clock[PART, lane] == 1.0:
            tired = clock[STEPS, lane] > MOST_STEPS
            lost = not math.isfinite(norms[0, lane])
            status[seat[SUBJECT, lane]] = TOO_MANY_STEPS if tired else NOT_FINITE if lost else STEP_TOO_SMALL
    return True


@compiled
def record_passed(t, h, t_new, seat, clock, y, x, d, p, k, work, samples, columns, out):
    """Record the samples that accepted steps have passed: at the end of a step, or by interpolation within."""
    after, accepted = load(clock, AFTER), load(clock, ACCEPTED)
    within = select_less(load(clock, DUE), after, accepted, 0.0)
    if any_less(0.5, within):
        look_back(t, h, t_new, x, p, k, work, d)
    for lane in range(WIDTH):
        if clock[ACCEPTED, lane] == 0.0 or clock[DUE, lane] > clock[AFTER, lane]:
            continue
        now, trial, end = clock[NOW, lane], clock[TRIAL, lane], clock[AFTER, lane]
        sample = seat[SAMPLE, lane]
        while sample < samples.shape[0] and samples[sample] <= end:
            part = (samples[sample] - now) / trial
            for j in range(columns.shape[0]):
                i = columns[j]
                change = float(d[i, lane]) if samples[sample] == end else change_at(part, trial, d, k, i, lane)
                out[seat[SUBJECT, lane], sample, j] = y[i, lane] + change
            sample += 1
        next_sample(lane, sample, seat, clock, samples)


@compiled
def commit(clock, y, x, d, k):
    """Move the seats whose step was accepted; returns whether anybody has come to a stop."""
    accepted = load(clock, ACCEPTED)
    mask = narrow(accepted)
    for i in range(N_STATES):
        before = load(y, i)
        after = select_less(0.5, accepted, before + widen(load(d, i)), before)
        store(y, i, after)
        store(x, i, narrow(after))
        if FIRST_SAME_AS_LAST:
            store(k[0], i, select_less(0.5, mask, load(k[STAGES - 1], i), load(k[0], i)))
    now = select_less(0.5, accepted, load(clock, AFTER), load(clock, NOW))
    store(clock, NOW, now)
    # A seat that stands at its stop has nothing left to travel.
    left = select_less(0.5, load(clock, TAKEN), load(clock, STOP) - now, 1.0)
    return any_less(left, 1e-300)
