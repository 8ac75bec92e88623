"""Exceptions from the rota: overrides, swaps; hand-over notes; and the secret links of calendars."""
