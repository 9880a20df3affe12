"""Tables of event records as NONMEM reads them."""
