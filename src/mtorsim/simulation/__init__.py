"""A population through a scenario, and any one subject of it again."""
