"""Tables of a result as files for statisticians: what is in them, under which names, in which formats."""
