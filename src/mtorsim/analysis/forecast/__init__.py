"""Forecasts of one person: from what is known and measured to what is ahead."""
