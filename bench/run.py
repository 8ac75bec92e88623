"""Measures Decklog against the limit; `python bench/run.py --help` lists the options, bench/README.md the rest."""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import messages, plan, rota

APART: dict[str, Callable[[], int]] = {"messages": lambda: messages.main(sys.argv[2:]), "rota": rota.main}
"""What is measured by itself, by its name on the command line."""

if __name__ == "__main__":
    raise SystemExit(APART.get(sys.argv[1] if sys.argv[1:] else "", plan.main)())
