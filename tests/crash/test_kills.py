"""Kill -9 of any process at any moment: what was answered is there, once, and its messages arrive."""

import random
import time

import pytest

from tests.crash.conftest import House, Pipelines, nothing_is_missing
from tests.faults.conftest import wait_until

PARTS = ("web-worker", "worker", "broker", "web", "beat")


def _start(house: House) -> str:
    house.start("broker")
    token = house.prepare()
    house.start("web", "worker", "beat")
    wait_until(house.answers)
    return token


def test_no_accepted_deploy_and_no_message_is_lost_when_each_process_is_killed_once(house: House) -> None:
    pipelines = Pipelines(house, _start(house), count=6, pause=0.01)
    heard = pipelines.heard
    for part in PARTS:
        goal = len(heard.accepted) + 40
        wait_until(lambda goal=goal: len(heard.accepted) >= goal)  # type: ignore[misc]
        house.kill(part)
    goal = len(heard.accepted) + 40
    wait_until(lambda: len(heard.accepted) >= goal)
    pipelines.stop()
    house.let_leases_end()
    nothing_is_missing(house, heard)


@pytest.mark.fault
@pytest.mark.parametrize("keys", [False, True])
def test_nothing_is_lost_in_forty_kills_under_load(house: House, keys: bool) -> None:
    """About two minutes for each way of repeating: by the natural key, and with an Idempotency-Key."""
    dice = random.Random(1865)
    pipelines = Pipelines(house, _start(house), count=6, pause=0.05, keys=keys)
    for _ in range(40):
        house.kill(dice.choice(PARTS))
        time.sleep(dice.uniform(0.5, 4))
    heard = pipelines.stop()
    # Also under a key: a request that was killed holds it no longer than its transaction.
    assert heard.longest_wait < 30
    house.let_leases_end()
    nothing_is_missing(house, heard)
    print(f"40 kills, {len(heard.accepted)} deploys, {heard.repeated} of them repeated: {dict(heard.statuses)}")  # noqa: T201
