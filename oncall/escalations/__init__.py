"""Whom a page reaches in turn."""
