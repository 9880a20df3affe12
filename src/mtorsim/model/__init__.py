"""Models: read module files, compose them by two rules, and check them."""
