"""`python3 -m launch run|setup|test|check|bench|faults|drill`.

This file stays readable to old Pythons, so that they can be told what is missing instead of failing on the syntax.
"""

import os
import sys

OLDEST = (3, 11)


def refuse_this_machine() -> str:
    """Return the sentence that says why this machine cannot run the launcher, or nothing."""
    if sys.version_info < OLDEST:
        needed, found = (".".join(str(part) for part in version[:2]) for version in (OLDEST, sys.version_info))
        return "Decklog needs Python " + needed + ", this is " + found + "; name another: make run PYTHON=python3.12"
    if os.name != "posix":
        return "Decklog starts on Linux and macOS; on Windows use it inside WSL."
    return ""


def main() -> int:
    """Run one command and return its exit code; a refusal is one sentence, never a traceback."""
    sentence = refuse_this_machine()
    if sentence:
        sys.stderr.write(sentence + "\n")
        return 1
    from launch.commands import run_command  # noqa: PLC0415 - older Pythons cannot read what it imports

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
