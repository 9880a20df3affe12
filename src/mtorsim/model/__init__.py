"""Models: module files read, composed by two rules, and checked."""
