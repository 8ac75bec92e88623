"""`make bench` and `make faults`: how fast it is, and what is lost when things die halfway."""

from launch import layout, setup, steps, suite
from launch.children import Children


def bench() -> int:
    """Run the measurements against a PostgreSQL whose commits wait for the disk."""
    return _run("bench/run.py", is_durable=True)


def faults() -> int:
    """Run the tests that kill programs halfway."""
    return _run("-m", "pytest", "-m", "fault", is_durable=False)


def _run(*words: str, is_durable: bool) -> int:
    setup.install(with_tests=True)
    with Children() as children:
        env = suite.provide(children, is_durable=is_durable)
        env |= {"DATABASE_URL": env["TEST_POSTGRES_URL"], "REDIS_URL": env["TEST_REDIS_URL"]}
        return steps.run_in_sight([str(layout.PYTHON), *words, *suite.arguments()], env=env)
