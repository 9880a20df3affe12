"""Compute quantities of subjects from the states on which they depend."""

from __future__ import annotations

from mtorsim.kernel.arguments import CONSTANTS, OBSERVE, Look, Program, Recording, Sheet, Subjects
from mtorsim.kernel.lanes import call, compiled, rows_from

from .precision import unpack


@compiled
def observe(table):
    """Observe subjects at their times; here a lane is a time, not a subject.

    `table` holds a Program, Subjects (only parameters are used), a Recording filled by `advance`, a Look and a Sheet. A
    state that was not recorded is taken as 0.
    """
    program, subjects = unpack(table, Program, 0), unpack(table, Subjects, 4)
    recording, look, sheet = unpack(table, Recording, 8), unpack(table, Look, 11), unpack(table, Sheet, 13)
    p, y, q, x, parameters = sheet.p, sheet.y, sheet.q, sheet.x, subjects.parameters
    times, rows, columns = recording.times, recording.rows, look.columns
    for subject in range(parameters.shape[0]):
        for i in range(parameters.shape[1]):
            for lane in range(p.shape[1]):
                p[i, lane] = parameters[subject, i]
        call(program, CONSTANTS, p)
        for first in range(0, times.shape[0], p.shape[1]):
            count = min(p.shape[1], times.shape[0] - first)
            for lane in range(count):
                x[0, lane] = times[first + lane]
                for j in range(rows.shape[0]):
                    y[rows[j], lane] = recording.out[subject, first + lane, j]
            call(program, OBSERVE, rows_from(x, 0), y, p, q)
            for lane in range(count):
                for j in range(columns.shape[0]):
                    look.out[subject, first + lane, j] = q[columns[j], lane]
