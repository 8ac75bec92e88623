"""Teams: who is in them, who leads them."""
