"""People, teams, API tokens and sign-in."""
