"""`make check`: everything that can be judged without running the application."""

from launch import console, environment, layout, setup, steps


def checks() -> dict[str, list[str]]:
    """Return each check's name and command; what they look at is configured in `pyproject.toml`."""
    python = str(layout.PYTHON)
    templates = sorted(str(path.relative_to(layout.ROOT)) for path in (layout.ROOT / "templates").rglob("*.html"))
    return {
        "format": [python, "-m", "ruff", "format", "--check", "."],
        "lint": [python, "-m", "ruff", "check", "."],
        "types": [python, "-m", "mypy"],
        "imports": [python, layout.program("lint-imports")],
        "migrations": [python, "manage.py", "makemigrations", "--check", "--dry-run"],
        "templates": [layout.program("djade"), "--check", *templates],
    }


def run() -> int:
    """Run all of them, one line each, with the words of those that found something; 1 if any did."""
    setup.install(with_tests=True)
    env = environment.variables(NO_COLOR="1")
    env.setdefault("SECRET_KEY", "only for checks, never for an installation that anybody reaches")
    found = 0
    for name, command in checks().items():
        timer = steps.Timer()
        log = layout.LOGS / f"check-{name}.log"
        is_good = steps.run_quietly(command, env=env, log=log) == 0
        console.say(f"{'ok  ' if is_good else 'FAIL'} {name} ({timer})")
        if not is_good:
            found += 1
            for line in console.last_lines(log, count=60):
                console.say(f"     {line}")
    return 1 if found else 0
