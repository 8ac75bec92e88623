"""People outside who want to be told: by mail, after they said so twice, until they say no."""
