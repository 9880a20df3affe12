"""Linear models that other tools solve in closed form, written out as derivatives."""

from __future__ import annotations

from collections.abc import Iterable

from .code import Code

__all__ = ["compartments", "linear_model"]


def compartments(kind: int, depot: bool) -> list[str]:
    """Names of the compartments of a linear model with `kind` compartments besides the depot."""
    periphery = ["PERIPHERAL"] if kind == 2 else ["PERIPHERAL1", "PERIPHERAL2"] if kind == 3 else []
    return [*(["DEPOT"] if depot else []), "CENTRAL", *periphery]


def linear_model(code: Code, names: Iterable[str], kind: int, depot: bool, trans: int) -> None:
    """Write out a linear model with closed form as derivatives.

    Parameters
    ----------
    names
        Of the compartments: depot if there is one, central, peripheral ones.
    kind
        Number of compartments besides the depot.
    trans
        1: rate constants; 2 and 4: clearances and volumes, as in NONMEM; 11: the same with names that end in `i`.

    Raises
    ------
    ModelError
        If a parameter is not defined.
    """
    names = list(names)
    first = 2 if depot else 1
    tail = "i" if trans == 11 else ""
    volumes = [f"V{first + k}" if kind > 1 else "V" for k in range(kind)]
    flows = ["Q"] if kind == 2 else [f"Q{first + k}" for k in range(1, kind)]
    at = names[1:] if depot else names
    central = at[0]
    if trans == 1:
        out = "K"
        pairs = [(f"K{first}{first + k}", f"K{first + k}{first}") for k in range(1, kind)]
        text = {central: f"-{out} * {central}"}
        for k, (away, back) in enumerate(pairs, start=1):
            text[central] += f" - {away} * {central} + {back} * {at[k]}"
            text[at[k]] = f"{away} * {central} - {back} * {at[k]}"
    else:
        volume = [f"{v}{tail}" for v in volumes]
        text = {central: f"-CL{tail} / {volume[0]} * {central}"}
        for k, flow in enumerate(flows, start=1):
            flow = f"{flow}{tail}"
            text[central] += f" - {flow} / {volume[0]} * {central} + {flow} / {volume[k]} * {at[k]}"
            text[at[k]] = f"{flow} / {volume[0]} * {central} - {flow} / {volume[k]} * {at[k]}"
    if depot:
        text[names[0]] = f"-KA{tail} * {names[0]}"
        text[central] = f"KA{tail} * {names[0]} {'' if text[central].startswith('-') else '+'}{text[central]}"
    before, code.named_states = code.named_states, True
    for state, said in text.items():
        code.set_part(state, "d", code.tree(said))
    code.named_states = before
