"""Promises of the outbox."""
