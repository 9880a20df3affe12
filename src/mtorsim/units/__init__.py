"""Units: scales and dimensions, conversions between mass and molar units, and what is shown."""
