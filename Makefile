# A thin door: everything is done by the Python package launch/, which needs nothing but Python 3.11 or newer.
PYTHON ?= python3
PORT ?= 8000
DEMO ?= 1
SIMULATOR ?= 0
ARGS ?=
RUNS ?= sqlite postgres browser
export PORT DEMO SIMULATOR ARGS RUNS

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench faults drill

help:
	@echo 'make run [DEMO=0] [PORT=8000] [SIMULATOR=1]  start Decklog here, with everything it needs'
	@echo 'make test [ARGS="-k words"]         run the tests on SQLite, on PostgreSQL and in a browser'
	@echo 'make test RUNS=sqlite               run only some of them: sqlite, postgres, browser'
	@echo 'make check                          formatting, lint, types, import direction, migrations, templates'
	@echo 'make bench [ARGS=...]               measure against the limit, on PostgreSQL with durable commits'
	@echo 'make faults [ARGS=...]              kill things halfway and see what is lost'
	@echo 'make drill [ARGS=--scratch=URL]      see that a backup brings everything back'
	@echo 'make setup                          only prepare .venv and node_modules'

setup run test check bench faults drill:
	@$(PYTHON) -m launch $@
