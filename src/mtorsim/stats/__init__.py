"""Statistics: portable functions, keyed random numbers, shares with intervals, balancing weights."""
