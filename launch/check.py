"""`make check`: everything that can be judged without running the application."""

from launch import console, environment, layout, setup, steps


def checks() -> dict[str, list[str]]:
    """Return each check's name and command; what they look at is configured in `pyproject.toml`."""
    python = str(layout.PYTHON)
    templates = sorted(str(path.relative_to(layout.ROOT)) for path in (layout.ROOT / "templates").rglob("*.html"))
    commands = {
        "format": [python, "-m", "ruff", "format", "--check", "."],
        "lint": [python, "-m", "ruff", "check", "."],
        "types": [python, "-m", "mypy"],
        "imports": [python, layout.program("lint-imports")],
        "migrations": [python, "manage.py", "makemigrations", "--check", "--dry-run"],
    }
    # It refuses to look at nothing.
    return commands | ({"templates": [layout.program("djade"), "--check", *templates]} if templates else {})


def run() -> int:
    """Run all of them, one line each, with the words of those that found something; 1 if any did."""
    setup.install(with_tests=True, with_node=False)
    env = environment.variables(NO_COLOR="1")
    env.setdefault("SECRET_KEY", "only for checks, never for an installation that anybody reaches")
    found = 0
    for name, command in checks().items():
        timer = steps.Timer()
        log = layout.LOGS / f"{name}.log"
        is_good = steps.run_quietly(command, env=env, log=log) == 0
        console.say(f"{'ok  ' if is_good else 'FAIL'} {name} ({timer})")
        if not is_good:
            found += 1
            console.show_log(log, count=60)
    return 1 if found else 0
