"""Which word starts what, and how each ending looks from outside."""

from collections.abc import Callable, Sequence

from launch import check, console, measure, serve, setup, suite

COMMANDS: dict[str, Callable[[], int]] = {
    "setup": setup.run,
    "run": serve.run,
    "test": suite.run,
    "check": check.run,
    "bench": measure.bench,
    "faults": measure.faults,
    "drill": measure.drill,
}


def run_command(words: Sequence[str]) -> int:
    """Run the one command named by *words*; 0 is success, 1 a refusal or failure, 128 + n an ending by signal n."""
    command = COMMANDS.get(words[0]) if len(words) == 1 else None
    if command is None:
        console.complain(f"Say one of: {', '.join(COMMANDS)}.")
        return 2
    console.end_on_signals()
    try:
        return command()
    except console.Refusal as refusal:
        console.complain(str(refusal))
        return 1
    except PermissionError as error:
        console.complain(f"{error.filename} belongs to another user; make it yours, or do this as that user.")
        return 1
    except console.Stopped as stopped:
        return 128 + stopped.signal_number
