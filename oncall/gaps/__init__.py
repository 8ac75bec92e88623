"""Times at which nobody has the watch, and who is told."""
