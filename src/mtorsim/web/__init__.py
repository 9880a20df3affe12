"""A local page on which one patient, or a few, can be explored."""
