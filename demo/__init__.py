"""Halyard, an e-mail delivery company that does not exist: data to look at Decklog with. Nothing else depends on it."""
