"""The stepper: one step of all seated subjects at once, in lanes.

A stepper is compiled for one method and one precision, and serves every model. The driver (`drive`) calls it between
stops.
"""

from __future__ import annotations

import math

from mtorsim.kernel.arguments import (
    ACCEPTED,
    AFTER,
    ALTERED,
    ARRIVED,
    ATTEMPT,
    BETWEEN,
    BORN,
    CONSTANTS,
    DUE,
    GIVEN_UP,
    LAST_ERROR,
    LENGTH,
    LOOK_BACK,
    MOST_STEPS,
    NOW,
    PART,
    PASSED,
    PROPOSED,
    RECORD,
    REJECTED,
    RENEW,
    RHS,
    SAMPLE,
    SMALLEST_ERROR,
    SMALLEST_STEP,
    STEPS,
    SUBJECT,
    T_AFTER,
    T_NOW,
    T_STOP,
    TAKEN,
    TRIAL,
    Program,
    Recording,
    Seats,
    Tolerance,
)
from mtorsim.kernel.functions import maximum, minimum
from mtorsim.kernel.lanes import absolute, call, inlined, load, rows_from, select_less, store

from .control import LARGEST_FACTOR, first_step, growth, retreat
from .error import LISTENING, STEERING, close_errors, no_errors
from .method import FIRST_SAME_AS_LAST, STAGES, change_at, look_back, step
from .precision import lanewise, narrow, rowwise, unpack, widen


def stepper(table, what, told):
    """Serve a request of the driver; `table` is that of `drive.advance`.

    Parameters
    ----------
    what
        RENEW: apply changes. ATTEMPT: try a step. LOOK_BACK: prepare interpolation in it. RECORD: record the
        samples within it. COMMIT: complete it in seats where it was accepted.
    told
        The changes for RENEW.
    """
    program, tolerance, seats = unpack(table, Program, 0), unpack(table, Tolerance, 17), unpack(table, Seats, 23)
    if what == RENEW:
        renew(program, tolerance, seats, told)
        return 0
    if what == ATTEMPT:
        choose_trials(seats.clock, seats.time)
        no_errors(seats.norms)
        step(program, seats, tolerance, will_pass(seats.clock))
        close_errors(seats.norms)
        answer = GIVEN_UP if judge(seats.clock, seats.norms) else 0
        answer += PASSED if has_passed(seats.clock) else 0
        return answer + (BETWEEN if lies_between(seats.clock) else 0)
    if what == LOOK_BACK:
        look_back(program, seats)
        return 0
    if what == RECORD:
        recording = unpack(table, Recording, 14)
        for lane in range(seats.clock.shape[1]):
            if seats.clock[ACCEPTED, lane] == 1.0 and seats.clock[DUE, lane] <= seats.clock[T_AFTER, lane]:
                record(lane, seats, recording)
        return 0
    move(seats.x, seats.y, seats.d, seats.clock)
    if FIRST_SAME_AS_LAST:
        keep_slopes(seats.x, seats.k, rows_from(seats.k, (STAGES - 1) * seats.x.shape[0]), seats.clock)
    return ARRIVED if arrive(seats.clock) else 0


@inlined
def record(lane, seats, recording):
    """Record the samples of a lane that lie in its accepted step."""
    clock, who, times, rows = seats.clock, seats.who, recording.times, recording.rows
    now, trial, end = clock[T_NOW, lane], clock[TRIAL, lane], clock[T_AFTER, lane]
    subject, sample = who[SUBJECT, lane], who[SAMPLE, lane]
    while sample < times.shape[0] and times[sample] <= end:
        part = (times[sample] - now) / trial
        for j in range(rows.shape[0]):
            i = rows[j]
            whole = times[sample] == end
            change = float(seats.d[i, lane]) if whole else change_at(part, trial, seats, i, lane)
            recording.out[subject, sample, j] = seats.y[i, lane] + change
        sample += 1
    who[SAMPLE, lane] = sample
    clock[DUE, lane] = times[sample] if sample < times.shape[0] else math.inf


@inlined
def renew(program, tolerance, seats, told):
    """Apply changes of states and parameters, and recompute the slope if the method needs it."""
    take_state(seats.x, seats.y)
    if told & ALTERED:
        take_parameters(seats.given, seats.p)
        call(program, CONSTANTS, seats.p)
    if not (FIRST_SAME_AS_LAST or told & BORN):
        return
    fresh = rows_from(seats.k, (STAGES - 1) * seats.x.shape[0])
    set_time(seats.clock, seats.time)
    call(program, RHS, rows_from(seats.time, NOW), seats.x, seats.p, fresh)
    take_slopes(seats.x, seats.k, fresh, seats.clock)
    if told & BORN:
        first_step(seats, tolerance)
        propose(seats.clock, seats.norms)


@rowwise()
def take_state(x, y):
    """Round states to the precision of the steps."""
    store(x, 0, narrow(load(y, 0)))


@rowwise()
def take_parameters(given, p):
    """Round parameters to the precision of the steps."""
    store(p, 0, narrow(load(given, 0)))


@lanewise
def set_time(clock, time):
    """Round the time to the precision of the steps."""
    store(time, NOW, narrow(load(clock, T_NOW)))


@rowwise("clock")
def take_slopes(x, k, fresh, clock):
    """Use the new slopes in seats whose state has changed."""
    store(k, 0, select_less(0.5, narrow(load(clock, PART)), load(fresh, 0), load(k, 0)))


@lanewise
def propose(clock, norms):
    """Propose a first step in seats that have none."""
    proposed = load(clock, PROPOSED)
    store(clock, PROPOSED, select_less(0.0, proposed, proposed, widen(load(norms, 0))))


@lanewise
def choose_trials(clock, time):
    """Set the trial step of each seat.

    The last two steps before a stop divide the remaining time equally, so neither is tiny.
    """
    now, stop, proposed = load(clock, T_NOW), load(clock, T_STOP), load(clock, PROPOSED)
    left = stop - now
    half = 0.5 * left
    trial = select_less(half, proposed, half, proposed)
    after = now + trial
    last = select_less(proposed, left * (1.0 - 1e-12), after, stop)
    trial = select_less(last, stop, trial, left)
    after = select_less(last, stop, after, stop)
    store(clock, TRIAL, trial)
    store(clock, T_AFTER, after)
    store(time, NOW, narrow(now))
    store(time, LENGTH, narrow(trial))
    store(time, AFTER, narrow(after))


@lanewise
def will_pass(clock):
    """Whether a sample is due within the step that is tried."""
    return select_less(load(clock, DUE), load(clock, T_AFTER), 1.0, 0.0)


@lanewise
def judge(clock, norms):
    """Accept or reject each seat's step and propose the next; true if a step became too small, or too many."""
    steering, listening = load(norms, STEERING), load(norms, LISTENING)
    worst = maximum(steering, listening)
    further = widen(growth(steering, narrow(load(clock, LAST_ERROR)), listening))
    back = widen(select_less(absolute(worst), math.inf, retreat(worst), 0.1))
    taken, trial, proposed = load(clock, TAKEN), load(clock, TRIAL), load(clock, PROPOSED)
    accepted = select_less(widen(worst), 1.0, taken, 0.0)
    rejected = load(clock, REJECTED)
    further = select_less(0.5, rejected, minimum(further, 1.0), further)
    # A step cut short by a stop does not limit the next one, unless its error asks for a shorter one.
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
    # The error of a step far below its tolerance does not tell how long the step could have been.
    store(clock, PART, select_less(back, LARGEST_FACTOR, trial * back, 0.0))
    hopeless = select_less(trial, SMALLEST_STEP, taken - accepted, 0.0)
    return select_less(MOST_STEPS, steps, taken, hopeless)


@lanewise
def has_passed(clock):
    """Whether a step has passed a sample."""
    return select_less(load(clock, DUE), load(clock, T_AFTER) * (1.0 + 1e-15), 1.0, 0.0)


@lanewise
def lies_between(clock):
    """Whether a sample lies within an accepted step."""
    return select_less(load(clock, DUE), load(clock, T_AFTER), load(clock, ACCEPTED), 0.0)


@rowwise("clock")
def move(x, y, d, clock):
    """Update the states of seats whose step was accepted."""
    before = load(y, 0)
    after = select_less(0.5, load(clock, ACCEPTED), before + widen(load(d, 0)), before)
    store(y, 0, after)
    store(x, 0, narrow(after))


@rowwise("clock")
def keep_slopes(x, k, last, clock):
    """Keep the last slope of an accepted step as the first of the next."""
    store(k, 0, select_less(0.5, narrow(load(clock, ACCEPTED)), load(last, 0), load(k, 0)))


@lanewise
def arrive(clock):
    """Set the clocks of seats whose step was accepted; true if one has reached its stop."""
    now = select_less(0.5, load(clock, ACCEPTED), load(clock, T_AFTER), load(clock, T_NOW))
    store(clock, T_NOW, now)
    # At its stop, a seat has no time left.
    left = select_less(0.5, load(clock, TAKEN), load(clock, T_STOP) - now, 1.0)
    return select_less(left, 1e-300, 1.0, 0.0)
