"""The commands behind the Makefile: prepare, start, test, check and measure Decklog on a bare machine.

Only the standard library is used here, because these modules run before anything is installed.
"""
