"""NONMEM control streams: $INPUT, $SUBROUTINES, $MODEL, $PK, $DES, $ERROR, $THETA, $OMEGA."""
