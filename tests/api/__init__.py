"""The API as a whole: its surface, its document, and what is read through it."""
