"""Services with their tier, owner and dependencies, and environments."""
