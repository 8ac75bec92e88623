"""How fast Decklog is, as a ratio to what a Django application can reach on the same machine in the same minutes."""
