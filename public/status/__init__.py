"""The public status page: what works, what does not, and what was told about it."""
