"""One run: plan it, prepare its subjects, solve from visit to visit."""
