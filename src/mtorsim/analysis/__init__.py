"""Questions to a model: why, at which dose, for whom."""
