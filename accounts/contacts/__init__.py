"""How to reach a person: their addresses, what goes where and when, and the one way in for every personal message."""
