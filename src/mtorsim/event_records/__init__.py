"""Tables of NONMEM event records."""
