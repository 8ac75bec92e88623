"""Opsgenie on this machine: a program by itself, which the synchronisation is tried against. Standard library only."""
