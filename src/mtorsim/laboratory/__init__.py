"""The virtual laboratory: tests on copies of subjects."""
