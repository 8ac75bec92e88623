"""`make bench`, `make faults` and `make drill`: how fast it is, what is lost halfway, what a backup brings back."""

from launch import layout, ports, serve, setup, steps, suite
from launch.children import Children


def bench() -> int:
    """Run the measurements against a PostgreSQL whose commits wait for the disk."""
    return _run("bench/run.py", is_durable=True)


def faults() -> int:
    """Run the tests that kill programs halfway."""
    return _run("-m", "pytest", "-m", "fault", is_durable=False)


def drill() -> int:
    """Back up this installation's database, or that of DATABASE_URL, and restore it into a scratch one."""
    setup.install()
    words = [str(layout.PYTHON), "manage.py", "drill", *suite.arguments()]
    return steps.run_in_sight(words, env=serve.variables(port=ports.read_port("8000")))


def _run(*words: str, is_durable: bool) -> int:
    setup.install(with_tests=True)
    with Children() as children:
        env = suite.provide(children, is_durable=is_durable)
        env |= {"DATABASE_URL": env["TEST_POSTGRES_URL"], "REDIS_URL": env["TEST_REDIS_URL"]}
        return steps.run_in_sight([str(layout.PYTHON), *words, *suite.arguments()], env=env)
