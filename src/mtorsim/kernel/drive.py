"""From stop to stop: eight seats, every subject on its own clock.

Let the next subject board; give the doses that are due; step towards the next stop; record what
was passed on the way. A seat is filled again as soon as its subject has arrived.
"""

from __future__ import annotations

import math

import numpy as np

from mtorsim.kernel.functions import maximum
from mtorsim.kernel.lanes import WIDTH, compiled, load, select_less, splat, store
from mtorsim.kernel.status import CANCELLED, NOT_FINITE, STEP_TOO_SMALL, TOO_MANY_STEPS, WELL

from .control import error_norms, first_step, growth, retreat
from .method import FIRST_SAME_AS_LAST, N_WORK, STAGES, interpolate, step
from .problem import N_PARAMETERS, N_QUANTITIES, N_ROWS, N_STATES, constants, observe, rhs

MEMORY = 2
"""Numbers a subject carries from one call to the next: the step proposed, and the last error."""

# Rows of `clock`, one number a seat.
NOW, STOP, PROPOSED, TRIAL, AFTER, LAST_ERROR, ACCEPTED, FACTOR, PART = 0, 1, 2, 3, 4, 5, 6, 7, 8
# Rows of `seat`, one whole number a seat.
SUBJECT, EVENT, SAMPLE, STEPS, RENEWED, REJECTED = 0, 1, 2, 3, 4, 5
EMPTY = -1

SMALLEST_STEP = 1e-10
"""Hours; a step that its error holds below this is given up."""
MOST_STEPS = 200_000
"""Steps between two stops before a subject is given up."""
SMALLEST_ERROR = 1e-4
"""What the controller remembers at least, so that one lucky step does not make it bold."""


@compiled
def advance(
    state, memory, parameters, event_time, event_row, event_amount, event_first, event_last,
    samples, columns, t0, t1, rtol, atol, steers, out, status, cancel,
):  # fmt: skip
    """Carry subjects from `t0` to `t1`, in place; times in hours.

    Samples at an instant come before its doses; doses at `t1` are left to the next call.

    Shapes
    ------
    state (n, N_STATES); memory (n, MEMORY), all 0 at the start of a subject's life;
    parameters (n, N_PARAMETERS).
    event_time, event_amount (events,) float64 and event_row (events,) int64: the events of subject
    i are those from event_first[i] to event_last[i], in order of time; a row of -1 only stops.
    samples (times,) in order; columns (observables,) int64 rows of `observe`; out (n, times,
    observables) receives what is observed in (t0, t1], and at t0 in a life that starts there.
    atol, steers (N_STATES,); status (n,) int64: only subjects at 0 are carried.
    cancel (1,) int64: not 0 ends the call early.
    """
    y = np.zeros((N_STATES, WIDTH))
    y_new = np.zeros((N_STATES, WIDTH))
    y_at = np.zeros((N_STATES, WIDTH))
    k = np.zeros((STAGES, N_STATES, WIDTH))
    work = np.zeros((N_WORK, WIDTH))
    p = np.ones((N_ROWS, WIDTH))
    q = np.zeros((N_QUANTITIES, WIDTH))
    norms = np.zeros((2, WIDTH))
    clock = np.zeros((9, WIDTH))
    seat = np.zeros((6, WIDTH), np.int64)
    seat[SUBJECT] = EMPTY
    waiting = 0
    arrived = True
    while True:
        if arrived:
            waiting = change_seats(
                waiting, seat, clock, y, p, state, memory, parameters, event_time, event_first, samples, t0, t1, status
            )
            record_now(seat, clock, y, p, q, samples, columns, out)
            give_doses(seat, clock, y, event_time, event_row, event_amount, event_last, t1)
            renew(seat, clock, y, p, k, rtol, atol, steers, norms)
        if cancel[0] != 0:
            for lane in range(WIDTH):
                if seat[SUBJECT, lane] != EMPTY:
                    status[seat[SUBJECT, lane]] = CANCELLED
            return
        if not choose_trials(seat, clock):
            return
        step(load(clock, NOW), load(clock, TRIAL), load(clock, AFTER), y, p, k, work, y_new)
        judge(seat, clock, y, y_new, k, rtol, atol, steers, norms, status)
        record_passed(seat, clock, y, y_new, p, k, y_at, q, samples, columns, out)
        arrived = commit(seat, clock, y, y_new, k, status)


@compiled
def change_seats(
    waiting, seat, clock, y, p, state, memory, parameters, event_time, event_first, samples, t0, t1, status
):  # fmt: skip
    """Let subjects leave that have arrived or failed, and the next ones board; returns who waits next."""
    boarded = False
    for lane in range(WIDTH):
        subject = seat[SUBJECT, lane]
        if subject != EMPTY and (clock[NOW, lane] >= t1 or status[subject] != WELL):
            for i in range(N_STATES):
                state[subject, i] = y[i, lane]
            memory[subject, 0] = clock[PROPOSED, lane]
            memory[subject, 1] = clock[LAST_ERROR, lane]
            seat[SUBJECT, lane] = EMPTY
        while seat[SUBJECT, lane] == EMPTY and waiting < state.shape[0]:
            subject = waiting
            waiting += 1
            if status[subject] != WELL or t0 >= t1:
                continue
            board(lane, subject, seat, clock, y, p, state, memory, parameters, event_time, event_first, samples, t0)
            boarded = True
    if boarded:
        constants(p)
    return waiting


@compiled
def board(lane, subject, seat, clock, y, p, state, memory, parameters, event_time, event_first, samples, t0):
    """Put a subject into a seat."""
    seat[SUBJECT, lane] = subject
    seat[STEPS, lane] = 0
    seat[REJECTED, lane] = 0
    seat[RENEWED, lane] = 1
    for i in range(N_STATES):
        y[i, lane] = state[subject, i]
    for i in range(N_PARAMETERS):
        p[i, lane] = parameters[subject, i]
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
    seat[SAMPLE, lane] = sample


@compiled
def record_now(seat, clock, y, p, q, samples, columns, out):
    """Record what is due at the very instant a subject boards."""
    due = False
    for lane in range(WIDTH):
        sample = seat[SAMPLE, lane]
        if seat[SUBJECT, lane] != EMPTY and sample < samples.shape[0] and samples[sample] <= clock[NOW, lane]:
            due = True
    if not due:
        return
    observe(load(clock, NOW), y, p, q)
    for lane in range(WIDTH):
        subject = seat[SUBJECT, lane]
        sample = seat[SAMPLE, lane]
        while subject != EMPTY and sample < samples.shape[0] and samples[sample] <= clock[NOW, lane]:
            for j in range(columns.shape[0]):
                out[subject, sample, j] = q[columns[j], lane]
            sample += 1
        seat[SAMPLE, lane] = sample


@compiled
def give_doses(seat, clock, y, event_time, event_row, event_amount, event_last, t1):
    """Give what is due to those who stand at a stop, and set their next one."""
    for lane in range(WIDTH):
        subject = seat[SUBJECT, lane]
        if subject == EMPTY or clock[NOW, lane] < clock[STOP, lane]:
            continue
        event = seat[EVENT, lane]
        while event < event_last[subject] and event_time[event] <= clock[NOW, lane]:
            if event_row[event] >= 0:
                y[event_row[event], lane] += event_amount[event]
                seat[RENEWED, lane] = 1
            event += 1
        seat[EVENT, lane] = event
        clock[STOP, lane] = t1
        if event < event_last[subject] and event_time[event] < t1:
            clock[STOP, lane] = event_time[event]
        seat[STEPS, lane] = 0


@compiled
def renew(seat, clock, y, p, k, rtol, atol, steers, norms):
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
    rhs(load(clock, NOW), y, p, fresh)
    mask = load(clock, PART)
    for i in range(N_STATES):
        store(k[0], i, select_less(splat(0.5), mask, load(fresh, i), load(k[0], i)))
    if born:
        first_step(y, k[0], rtol, atol, steers, norms)
        for lane in range(WIDTH):
            if clock[PROPOSED, lane] == 0.0:
                clock[PROPOSED, lane] = norms[0, lane]


@compiled
def choose_trials(seat, clock):
    """Set the step each seat tries; returns whether anybody is on the way.

    The last two steps before a stop share what is left, so that none of them is tiny.
    """
    travelling = False
    for lane in range(WIDTH):
        if seat[SUBJECT, lane] == EMPTY:
            clock[TRIAL, lane] = 0.0
            clock[AFTER, lane] = clock[NOW, lane]
            continue
        travelling = True
        left = clock[STOP, lane] - clock[NOW, lane]
        trial = clock[PROPOSED, lane]
        after = clock[NOW, lane] + trial
        if trial >= left * (1.0 - 1e-12) or after >= clock[STOP, lane]:
            trial = left
            after = clock[STOP, lane]
        elif trial > 0.5 * left:
            trial = 0.5 * left
            after = clock[NOW, lane] + trial
        clock[TRIAL, lane] = trial
        clock[AFTER, lane] = after
    return travelling


@compiled
def judge(seat, clock, y, y_new, k, rtol, atol, steers, norms, status):
    """Accept or reject each seat's step and propose the next; give a subject up that gets nowhere."""
    error_norms(load(clock, TRIAL), y, y_new, k, rtol, atol, steers, norms)
    worst = maximum(load(norms, 0), load(norms, 1))
    further = growth(load(norms, 0), load(clock, LAST_ERROR), load(norms, 1))
    store(clock, FACTOR, select_less(splat(1.0), worst, retreat(worst), further))
    for lane in range(WIDTH):
        clock[ACCEPTED, lane] = 0.0
        subject = seat[SUBJECT, lane]
        if subject == EMPTY:
            continue
        trial = clock[TRIAL, lane]
        steering = norms[0, lane]
        if steering <= 1.0 and norms[1, lane] <= 1.0:
            clock[ACCEPTED, lane] = 1.0
            accept(lane, seat, clock, trial, steering)
        elif trial <= SMALLEST_STEP:
            status[subject] = STEP_TOO_SMALL if math.isfinite(steering) else NOT_FINITE
        else:
            seat[REJECTED, lane] = 1
            clock[PROPOSED, lane] = trial * (clock[FACTOR, lane] if math.isfinite(steering) else 0.1)
        seat[STEPS, lane] += 1
        if seat[STEPS, lane] > MOST_STEPS:
            status[subject] = TOO_MANY_STEPS


@compiled
def accept(lane, seat, clock, trial, error):
    """Propose the step after an accepted one; a step cut short by a stop says less than a whole one."""
    factor = clock[FACTOR, lane]
    if seat[REJECTED, lane] == 1:
        factor = min(factor, 1.0)
        seat[REJECTED, lane] = 0
    if trial < clock[PROPOSED, lane] and factor >= 1.0:
        clock[PROPOSED, lane] = max(clock[PROPOSED, lane], trial * factor)
    else:
        clock[PROPOSED, lane] = trial * factor
        clock[LAST_ERROR, lane] = max(error, SMALLEST_ERROR)


@compiled
def record_passed(seat, clock, y, y_new, p, k, y_at, q, samples, columns, out):
    """Record the samples that accepted steps have passed, by interpolation."""
    while True:
        due = False
        for lane in range(WIDTH):
            clock[PART, lane] = 0.0
            sample = seat[SAMPLE, lane]
            if clock[ACCEPTED, lane] == 1.0 and sample < samples.shape[0] and samples[sample] <= clock[AFTER, lane]:
                due = True
                clock[PART, lane] = (samples[sample] - clock[NOW, lane]) / clock[TRIAL, lane]
        if not due:
            return
        part = load(clock, PART)
        interpolate(part, load(clock, TRIAL), y, y_new, k, y_at)
        observe(load(clock, NOW) + part * load(clock, TRIAL), y_at, p, q)
        for lane in range(WIDTH):
            sample = seat[SAMPLE, lane]
            if clock[ACCEPTED, lane] == 1.0 and sample < samples.shape[0] and samples[sample] <= clock[AFTER, lane]:
                for j in range(columns.shape[0]):
                    out[seat[SUBJECT, lane], sample, j] = q[columns[j], lane]
                seat[SAMPLE, lane] = sample + 1


@compiled
def commit(seat, clock, y, y_new, k, status):
    """Move the seats whose step was accepted; returns whether anybody has come to a stop, or failed."""
    accepted = load(clock, ACCEPTED)
    for i in range(N_STATES):
        store(y, i, select_less(splat(0.5), accepted, load(y_new, i), load(y, i)))
        if FIRST_SAME_AS_LAST:
            store(k[0], i, select_less(splat(0.5), accepted, load(k[STAGES - 1], i), load(k[0], i)))
    arrived = False
    for lane in range(WIDTH):
        if clock[ACCEPTED, lane] == 1.0:
            clock[NOW, lane] = clock[AFTER, lane]
            arrived = arrived or clock[NOW, lane] >= clock[STOP, lane]
        elif seat[SUBJECT, lane] != EMPTY and status[seat[SUBJECT, lane]] != WELL:
            arrived = True
    return arrived
