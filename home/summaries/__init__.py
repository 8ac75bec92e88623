"""Summaries: what each channel reads in its morning, and on Mondays what is coming."""
