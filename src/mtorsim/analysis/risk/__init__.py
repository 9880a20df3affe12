"""Risk: who gets hyperglycaemia, from what a clinic knows."""
