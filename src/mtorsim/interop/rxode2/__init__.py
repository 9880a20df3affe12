"""rxode2 models."""
