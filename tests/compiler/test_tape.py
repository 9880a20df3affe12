"""Equations on a tape, by the interpreter, and the same equations compiled: no bit differs."""

from __future__ import annotations

import ctypes
from operator import add, mul, sub, truediv

import numpy as np
import pytest
from handmade import in_lanes
from hypothesis import given, settings
from hypothesis import strategies as st

from mtorsim.compiler.kernel import load_kernel
from mtorsim.compiler.solver import METHODS, PRECISIONS, aligned, load_solver
from mtorsim.compiler.tape import join, record
from mtorsim.compiler.warm import choose_form, compile_kernel, was_compiled
from mtorsim.kernel import double, functions, single
from mtorsim.kernel.arguments import Tolerance
from mtorsim.kernel.event import ADD, Events
from mtorsim.kernel.functions import absolute, load, maximum, store
from mtorsim.kernel.interpreter import CODES
from mtorsim.kernel.lanes import fma, select_less
from mtorsim.model.compose import load_model
from mtorsim.run.solve import recording, solve, subjects_at

MODELS = {
    "therapies": ["glucose_insulin", "lipids", "mtor", "everolimus", "metformin", "sglt2_inhibitor", "basal_insulin"],
    "other drugs": ["glucose_insulin", "mtor", "sirolimus", "temsirolimus", "everolimus_haematocrit", "dpp4_inhibitor"],
    "kinase inhibitors": ["glucose_insulin", "mtor", "sapanisertib", "vistusertib", "azd8055", "alpelisib"],
    "laboratory": ["glucose_insulin", "clamp", "bath"],
    "minimal": ["minimal"],
    "topp": ["topp"],
}
"""Every bundled module, in as few models as will do."""


def run(steps, arrays, precision="double"):
    """What the interpreter makes of a tape's arrays, in place."""
    solver = load_solver("tsit5", precision)
    tapes = join({"f": steps})
    columns = arrays[0].shape[1]
    scratch = aligned(tapes.rows, columns, solver.form.FLOAT)
    scratch[tapes.working :] = tapes.numbers[:, None]
    pointers = [a.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)) for a in (scratch, *arrays, *[scratch] * 5)][:6]
    solver.interpreter.ctypes(tapes.heads["f"].ctypes.data, columns, *pointers)


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("name", ["sin", "cos", "lgamma", "digamma", "where"])
def test_functions_have_the_same_bits_on_a_tape(name, precision):
    form = {"double": double, "single": single}[precision]
    x = np.random.default_rng(1).uniform(0.1, 300, (3, 16)).astype(form.FLOAT)
    x[0, ::2] = x[0, ::2] < 100
    function = getattr(functions, name)
    arity = 3 if name == "where" else 1
    out = np.zeros_like(x)
    run(record(lambda a, b: store(b, 0, function(*(load(a, i) for i in range(arity)))), 2), [x, out], precision)
    assert out[0].tobytes() == in_lanes(function, arity, form)(*x[:arity]).tobytes()


@st.composite
def programs(draw):
    """Straight-line code on two arrays of four rows, one of which it also writes to."""
    lines = draw(
        st.lists(
            st.tuples(
                st.sampled_from(
                    ["add", "subtract", "multiply", "divide", "negate", "absolute", "select", "load", "number"]
                ),
                st.tuples(*[st.integers(0, 30)] * 4),
            ),
            min_size=3,
            max_size=25,
        )
    )
    stores = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=4))
    return lines, stores


def operation(name, a, b, c, d, at, x, y):
    """One line of a program."""
    if name == "select":
        return select_less(a, b, c, d)
    if name == "load":
        return load((x, y)[at[1] % 2], at[0] % 4)
    if name == "number":
        return a * float(at[0]) - 1.5
    if name in ("negate", "absolute"):
        return -a if name == "negate" else absolute(a)
    return {"add": add, "subtract": sub, "multiply": mul, "divide": truediv}[name](a, b)


def written(lines, stores):
    """The program as a function of lanes; each row is stored to once, somewhere on the way."""

    def function(x, y):
        values = [load(x, 0), load(y, 0)]
        rows = dict.fromkeys(range(4))
        due = {at: value for at, value in stores}
        for number, (name, at) in enumerate(lines):
            a, b, c, d = (values[i % len(values)] for i in at)
            values.append(operation(name, a, b, c, d, at, x, y))
            if number in due and rows:
                row, _ = rows.popitem()
                store(y, row, values[due[number] % len(values)])
        for row in list(rows):
            store(y, row, values[-1 - row % len(values)])

    return function


@settings(max_examples=300, deadline=None)
@given(program=programs(), seed=st.integers(0, 1000))
def test_a_tape_computes_what_its_function_does(program, seed):
    function = written(*program)
    rng = np.random.default_rng(seed)
    x, y = aligned(4, 16, float), aligned(4, 16, float)
    x[:], y[:] = rng.normal(size=x.shape), rng.normal(size=y.shape)
    wanted = y.copy()
    with np.errstate(all="ignore"):
        function(x, wanted)
    run(record(function, 2), [x, y])
    assert np.array_equal(np.where(np.isnan(y), 0, y), np.where(np.isnan(wanted), 0, wanted))


def test_a_tape_is_short_and_works_in_few_rows():
    def function(x, y):
        total = load(x, 0)
        for _ in range(50):
            total = total * total + 1.0
        unused = total / 3.0
        store(y, 0, maximum(total, total) + (unused - unused) * 0.0)
        store(y, 1, -load(x, 1) * load(x, 2))

    tape = record(function, 2)
    assert tape.working <= 3
    assert sorted(set(tape.numbers)) == [0.0, 1.0, 3.0]

    def negated(x, y):
        store(y, 0, fma(-load(x, 0), load(x, 1), load(x, 2)))
        _ = load(x, 0) / load(x, 1)

    assert record(negated, 2).steps[:, 0].tolist() == [CODES["fnma"]]


def carried(kernel, method, precision):
    """States of nineteen subjects over two days with doses, every few hours."""
    solver = load_solver(method, precision)
    rng = np.random.default_rng(3)
    n, size = 19, len(kernel.states)
    parameters = np.abs(rng.normal(1.0, 0.2, (n, len(kernel.parameters)))) + 0.05
    start = np.abs(rng.normal(1.0, 0.3, (n, size)))
    events = Events.listed([[(6.0 * k, ADD, (i + k) % size, 0.5) for k in range(7)] for i in range(n)])
    seen = recording(np.linspace(0, 48, 13), np.arange(size), n)
    subjects = subjects_at(kernel, start, parameters)
    error = Tolerance(1e-3, np.full(size, 1e-3), np.ones(size))
    solve(kernel, solver, subjects, events, (0.0, 48.0), error, seen)
    return seen.out, subjects


@pytest.mark.parametrize("name", MODELS)
def test_compiled_equations_give_the_same_bits(name):
    model = load_model(MODELS[name])
    for method in METHODS:
        for precision in PRECISIONS:
            tape, compiled = load_kernel(model), load_kernel(model)
            compile_kernel(compiled, load_solver(method, precision))
            mine, after = carried(tape, method, precision)
            other, also = carried(compiled, method, precision)
            assert mine.tobytes() == other.tobytes(), (method, precision)
            assert all(a.tobytes() == b.tobytes() for a, b in zip(after, also, strict=True))
            assert not np.isnan(mine[:, 0]).any()


@pytest.mark.parametrize("name", ["laboratory", "minimal"])
def test_people_as_they_stand_do_not_depend_on_the_form_either(name):
    model = load_model(MODELS[name])
    found = []
    for compile in (False, True):
        kernel = load_kernel(model)
        if compile:
            kernel.compile("double", "people")
        parameters = np.full((5, len(kernel.parameters)), 0.7)
        state, status = np.zeros((5, len(kernel.states))), np.zeros(5, np.int64)
        kernel.start(parameters, state)
        if model.rest:
            kernel.rest(parameters, model.rest.bounds, state, status)
        columns = np.arange(len(kernel.quantities))
        rows = np.arange(len(kernel.states))
        seen = kernel.observed(np.zeros(11), np.repeat(state[:, None], 11, axis=1), rows, parameters, columns)
        found.append((state.tobytes(), status.tobytes(), seen.tobytes()))
    assert found[0] == found[1]


def test_small_work_stays_on_the_tape_and_large_work_is_compiled_beside_it(tmp_path, monkeypatch):
    model = load_model(["minimal"])
    solver = load_solver("grk4t", "single")
    kernel = load_kernel(model, switches={"never": 1.0})
    for marker in kernel.folder.glob("compiled-*"):
        marker.unlink()
    assert choose_form(kernel, solver, 1000).form == "tape"
    assert choose_form(kernel, solver, 1e6, "tape").form == "tape"
    assert choose_form(kernel, solver, 1000, "compiled").form == "compiled"
    assert was_compiled(kernel, solver)
    other = load_kernel(model, switches={"never": 1.0})
    assert choose_form(other, solver, 1000).form == "tape"
    assert choose_form(other, solver, 10_000).form == "compiled"
