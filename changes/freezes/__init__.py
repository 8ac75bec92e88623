"""Times in which changes are not wanted, and holds while an incident is open."""
