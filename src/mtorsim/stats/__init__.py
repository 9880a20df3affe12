"""Arithmetic of samples: portable functions, draws by key, shares with intervals, balancing weights."""
