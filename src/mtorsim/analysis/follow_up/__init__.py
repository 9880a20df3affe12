"""Follow-up: when to measure glucose, in a population and in one person."""
