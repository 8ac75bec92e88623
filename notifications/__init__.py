"""The outbox: what must reach a person is a row first, and is then carried until it has arrived."""
