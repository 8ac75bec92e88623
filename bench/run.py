"""Measures Decklog against the limit; `python bench/run.py --help` lists the options, bench/README.md the rest."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import messages, plan

if __name__ == "__main__":
    raise SystemExit(messages.main(sys.argv[2:]) if sys.argv[1:2] == ["messages"] else plan.main())
