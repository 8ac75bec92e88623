"""`make setup`, and the first step of every other command: `.venv` and `node_modules` as the locks say."""

from launch import holds, layout, node, packages


def run() -> int:
    """Install what running needs; return 0."""
    install()
    return 0


def install(*, with_tests: bool = False, with_node: bool = True) -> None:
    """Have everything installed, for the tests too if asked; costs next to nothing when it already is."""
    layout.make_state_folders()
    with holds.setup_hold():
        packages.install(with_tests=with_tests)
        if with_node:
            node.install(with_tests=with_tests)
