"""The promises that Decklog keeps, one folder for each room."""
