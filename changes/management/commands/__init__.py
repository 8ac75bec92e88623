"""Commands of change management."""
