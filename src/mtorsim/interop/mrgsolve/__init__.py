"""mrgsolve model specifications: $PARAM, $CMT, $INIT, $GLOBAL, $MAIN, $ODE, $TABLE, $CAPTURE, $OMEGA."""
