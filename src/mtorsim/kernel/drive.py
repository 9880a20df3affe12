"""The driver: integrates subjects from stop to stop on a few seats, each with its own clock.

A subject boards a seat; doses that are due are given; steps lead to the next stop; samples passed on the way are
recorded. A seat is reused as soon as its subject arrives.

A stepper (`stepper`) computes steps for all seats at once, in lanes. Stops, samples and failures are handled here, seat
by seat.
"""

from __future__ import annotations

import math

from mtorsim.kernel.arguments import (
    ACCEPTED,
    ALTERED,
    ARRIVED,
    ATTEMPT,
    BETWEEN,
    BORN,
    CHANGED,
    COMMIT,
    DOSED,
    DUE,
    EMPTY,
    EVENT,
    GIVEN_UP,
    LAST_ERROR,
    LOOK_BACK,
    MOST_STEPS,
    PART,
    PASSED,
    PROPOSED,
    RECORD,
    REJECTED,
    RENEW,
    RENEWED,
    SAMPLE,
    SMALLEST_ERROR,
    SMALLEST_STEP,
    STEPS,
    SUBJECT,
    T_NOW,
    T_STOP,
    TAKEN,
    TRIAL,
    Program,
    Recording,
    Seats,
    Span,
    Subjects,
)
from mtorsim.kernel.event import ADD, END, MULTIPLY, PARAMETER, REPLACE, Events
from mtorsim.kernel.lanes import call_stepper, compiled, inlined, unpacker
from mtorsim.kernel.status import CANCELLED, NOT_FINITE, OK, STEP_TOO_SMALL, TOO_MANY_STEPS

NEVER = math.inf

unpack = unpacker(single=False)


@compiled
def advance(table):
    """Integrate subjects in place; `table` holds a Program, Subjects, Events, Recording, Tolerance, Span and Seats.

    Samples precede doses at the same time; doses at the end of the span belong to the next call.
    """
    program, subjects, events = unpack(table, Program, 0), unpack(table, Subjects, 4), unpack(table, Events, 8)
    recording, span, seats = unpack(table, Recording, 14), unpack(table, Span, 20), unpack(table, Seats, 23)
    clock, who = seats.clock, seats.who
    for lane in range(who.shape[1]):
        who[SUBJECT, lane] = EMPTY
        clock[DUE, lane] = NEVER
    waiting, taken, arrived, dosed = 0, 0, True, False
    while True:
        if arrived:
            told = 0
            for lane in range(who.shape[1]):
                clock[PART, lane] = 0.0
                if is_on_its_way(lane, seats, subjects):
                    continue
                waiting, taken = change_seat(lane, waiting, taken, seats, subjects, events, recording, span)
                if who[SUBJECT, lane] != EMPTY:
                    record_now(lane, seats, recording)
                    give_doses(lane, seats, subjects, events, span)
                    told |= renewed(lane, seats)
                    dosed |= who[DOSED, lane] != EMPTY
            if told:
                call_stepper(program, table, RENEW, told)
        if span.cancel[0] != 0:
            for lane in range(who.shape[1]):
                if who[SUBJECT, lane] != EMPTY:
                    subjects.status[who[SUBJECT, lane]] = CANCELLED
            return
        if taken == 0:
            return
        found = call_stepper(program, table, ATTEMPT, 0)
        if dosed:
            dosed = remember_doses(seats)
        if found & GIVEN_UP:
            give_up(seats, subjects)
        if found & PASSED:
            if found & BETWEEN:
                call_stepper(program, table, LOOK_BACK, 0)
            call_stepper(program, table, RECORD, 0)
        arrived = call_stepper(program, table, COMMIT, 0) == ARRIVED or (found & GIVEN_UP) != 0


@inlined
def is_on_its_way(lane, seats, subjects):
    """Whether a seat's subject is between stops."""
    clock, subject = seats.clock, seats.who[SUBJECT, lane]
    return subject != EMPTY and clock[T_NOW, lane] < clock[T_STOP, lane] and subjects.status[subject] == OK


@inlined
def change_seat(lane, waiting, taken, seats, subjects, events, recording, span):
    """Unseat a subject that has arrived or failed, and seat the next one.

    Returns the next waiting subject, and the number of occupied seats.
    """
    clock, who, y, after_dose = seats.clock, seats.who, seats.y, seats.after_dose
    state, memory, status = subjects.state, subjects.memory, subjects.status
    subject = who[SUBJECT, lane]
    if subject != EMPTY and (has_arrived(clock[T_NOW, lane], subject, events, span) or status[subject] != OK):
        for i in range(y.shape[0]):
            state[subject, i] = y[i, lane]
            memory[subject, 2 + i] = after_dose[i, lane]
        memory[subject, 0] = clock[PROPOSED, lane]
        memory[subject, 1] = clock[LAST_ERROR, lane]
        who[SUBJECT, lane] = EMPTY
        clock[TAKEN, lane] = 0.0
        clock[DUE, lane] = NEVER
        taken -= 1
    while who[SUBJECT, lane] == EMPTY and waiting < state.shape[0]:
        subject = waiting
        waiting += 1
        if status[subject] == OK and span.start < span.end:
            board(lane, subject, seats, subjects, events, recording, span.start)
            taken += 1
    return waiting, taken


@inlined
def has_arrived(now, subject, events, span):
    """Whether a subject is at the end of the span, or of its own integration."""
    last = events.last[subject] - 1
    return now >= span.end or (last >= events.first[subject] and events.kind[last] == END and now >= events.time[last])


@inlined
def board(lane, subject, seats, subjects, events, recording, now):
    """Seat a subject, and set its clock."""
    clock, who, memory, samples = seats.clock, seats.who, subjects.memory, recording.times
    for i in range(seats.y.shape[0]):
        seats.y[i, lane] = subjects.state[subject, i]
        seats.after_dose[i, lane] = memory[subject, 2 + i]
    for i in range(seats.given.shape[0]):
        seats.given[i, lane] = subjects.parameters[subject, i]
    who[SUBJECT, lane] = subject
    who[RENEWED, lane] = CHANGED | ALTERED
    who[DOSED, lane] = EMPTY
    clock[TAKEN, lane] = 1.0
    clock[STEPS, lane] = 0.0
    clock[REJECTED, lane] = 0.0
    clock[T_NOW, lane] = now
    clock[T_STOP, lane] = now
    clock[PROPOSED, lane] = memory[subject, 0]
    born = memory[subject, 0] == 0.0
    clock[LAST_ERROR, lane] = SMALLEST_ERROR if born else memory[subject, 1]
    event = events.first[subject]
    while event < events.time.shape[0] and events.time[event] < now:
        event += 1
    who[EVENT, lane] = event
    sample = 0
    while sample < samples.shape[0] and (samples[sample] < now or (samples[sample] == now and not born)):
        sample += 1
    next_sample(lane, sample, seats, samples)


@inlined
def next_sample(lane, sample, seats, samples):
    """Set the next sample of a seat, and its time."""
    seats.who[SAMPLE, lane] = sample
    seats.clock[DUE, lane] = samples[sample] if sample < samples.shape[0] else NEVER


@inlined
def record_now(lane, seats, recording):
    """Record samples due at the time a subject boards."""
    clock, who, rows = seats.clock, seats.who, recording.rows
    while clock[DUE, lane] <= clock[T_NOW, lane]:
        sample = who[SAMPLE, lane]
        for j in range(rows.shape[0]):
            recording.out[who[SUBJECT, lane], sample, j] = seats.y[rows[j], lane]
        next_sample(lane, sample + 1, seats, recording.times)


@inlined
def give_doses(lane, seats, subjects, events, span):
    """Give the doses due to a subject at a stop, and set its next stop.

    After a dose the step is at most the one accepted after the last dose to the same state.
    """
    clock, who, y, after_dose = seats.clock, seats.who, seats.y, seats.after_dose
    subject = who[SUBJECT, lane]
    event, last = who[EVENT, lane], events.last[subject]
    while event < last and events.time[event] <= clock[T_NOW, lane]:
        kind, row, amount = events.kind[event], events.row[event], events.amount[event]
        event += 1
        if kind == END or (kind == ADD and amount == 0.0):
            continue
        who[RENEWED, lane] |= CHANGED
        if kind == PARAMETER:
            subjects.parameters[subject, row] = amount
            seats.given[row, lane] = amount
            who[RENEWED, lane] |= ALTERED
        elif kind == ADD:
            y[row, lane] += amount
            who[DOSED, lane] = row
            if 0.0 < after_dose[row, lane] < clock[PROPOSED, lane]:
                clock[PROPOSED, lane] = after_dose[row, lane]
        elif kind == REPLACE:
            y[row, lane] = amount
        elif kind == MULTIPLY:
            y[row, lane] *= amount
    who[EVENT, lane] = event
    clock[T_STOP, lane] = span.end
    if event < last and events.time[event] < span.end:
        clock[T_STOP, lane] = events.time[event]
    clock[STEPS, lane] = 0.0


@inlined
def renewed(lane, seats):
    """What the stepper must be told of a seat: its subject is new, or its state or parameters have changed."""
    clock, who = seats.clock, seats.who
    told = who[RENEWED, lane]
    if told:
        clock[PART, lane] = 1.0
        who[RENEWED, lane] = 0
        if clock[PROPOSED, lane] == 0.0:
            told |= BORN
    return told


@inlined
def remember_doses(seats):
    """Remember the first accepted step after a dose; true if one is still to come."""
    clock, who = seats.clock, seats.who
    waiting = False
    for lane in range(who.shape[1]):
        row = who[DOSED, lane]
        if row != EMPTY:
            if clock[ACCEPTED, lane] == 1.0:
                seats.after_dose[row, lane] = clock[PART, lane]
                who[DOSED, lane] = EMPTY
            else:
                waiting = True
    return waiting


@inlined
def give_up(seats, subjects):
    """Set the status of subjects with too small a step, or too many."""
    clock = seats.clock
    for lane in range(clock.shape[1]):
        tired = clock[STEPS, lane] > MOST_STEPS
        stuck = clock[ACCEPTED, lane] == 0.0 and clock[TRIAL, lane] < SMALLEST_STEP
        if clock[TAKEN, lane] == 1.0 and (tired or stuck):
            lost = not math.isfinite(seats.norms[0, lane])
            reason = TOO_MANY_STEPS if tired else NOT_FINITE if lost else STEP_TOO_SMALL
            subjects.status[seats.who[SUBJECT, lane]] = reason
