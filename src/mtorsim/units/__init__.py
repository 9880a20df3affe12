"""Units: scales and dimensions, mass and molar conversions, display units."""
