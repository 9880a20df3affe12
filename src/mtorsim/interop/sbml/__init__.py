"""SBML, Level 3 Version 2 core out, Level 2 Version 4 to Level 3 Version 2 core in."""
