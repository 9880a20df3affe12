"""The virtual laboratory: tests done on copies of subjects."""
