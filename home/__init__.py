"""Signed-in pages that read across the rooms and write nothing."""
