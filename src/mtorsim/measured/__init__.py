"""Measured glucose, insulin and C-peptide of real people, and the indices computed from them."""
