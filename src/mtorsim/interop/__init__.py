"""Models in the languages of other tools: SBML, Antimony, mrgsolve, rxode2, NONMEM, deSolve, Julia."""
