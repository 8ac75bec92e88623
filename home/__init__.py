"""Signed-in pages that read across the rooms; the only thing written here are messages, by `home.summaries.actions`."""
