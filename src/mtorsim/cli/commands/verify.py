"""`mtorsim verify`: check the numbers of a result, and solve a sample of its subjects again by other means."""

from __future__ import annotations

from pathlib import Path

import click

from mtorsim.cli.console import note, print_json, print_table, warn
from mtorsim.cli.options import PATH, as_json, quiet


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--share", type=float, default=0.001, show_default=True, metavar="S", help="Share that is solved again.")
@click.option("--limit", type=float, default=0.5, show_default=True, metavar="X", help="Suspicious from X mg/dL on.")
@as_json
@quiet
def command(folder: Path, share: float, limit: float, as_json: bool, quiet: bool) -> int:
    """Verify the result in DIR: that its numbers are those of its run, and that they are right.

    Every number is compared with the digest that the run left. Then a random sample of the subjects, at least 8, is
    solved again by the other method, in double precision, at a hundredth of the tolerances. Exit code 0: nothing is
    suspicious; 1: some subjects are; 2: files are missing or changed.
    """
    from mtorsim.simulation.verify import verify

    found = verify(folder, share=share, limit=limit, note=None if quiet else note)
    if as_json:
        print_json(found.to_json())
    else:
        print(f"the numbers of {found.subjects:,} subjects are those of the run")
        print(f"{found.sample:,} subjects solved again by {found.how}")
        rows = [[name, f"{d:.3g}", str(s), arm] for name, (d, s, arm) in found.worst.items()]
        print_table(["observable", "largest difference", "subject", "arm"], rows)
        if found.decided:
            print(f"a rule decided otherwise on a value next to its limit: subjects {_listed(found.decided)}")
    for subject, arm, reason in found.suspicious[:20]:
        warn(f"subject {subject}, arm {arm}: {reason}")
    for line in found.versions_differ:
        warn(line)
    return 1 if found.suspicious else 0


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers[:10])) + (" and others" if len(numbers) > 10 else "")
