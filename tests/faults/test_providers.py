"""Workers die and providers misbehave: a page becomes one alert, and nobody waits for somebody else's provider."""

import random
import time
from collections.abc import Iterator

import pytest

from tests.fake_services import HANG_UP, Answer, FakeOpsgenie, FakeSlack
from tests.faults.conftest import Installation, wait_until

TROUBLE = [Answer(429, {"message": "Slow down."}, {"Retry-After": "1"}), Answer(500, {"message": "Sorry."}), HANG_UP]


@pytest.fixture
def pager(installation: Installation) -> Iterator[FakeOpsgenie]:
    service = FakeOpsgenie()
    installation.env |= {"OPSGENIE_API_KEY": service.KEY, "OPSGENIE_API_URL": service.url}
    yield service
    service.close()


@pytest.fixture
def slack(installation: Installation) -> Iterator[FakeSlack]:
    service = FakeSlack()
    installation.env |= {"SLACK_BOT_TOKEN": service.TOKEN, "SLACK_API_URL": f"{service.url}/api/"}
    yield service
    service.close()


@pytest.mark.fault
def test_every_page_becomes_one_alert_whoever_dies_and_whatever_opsgenie_answers(
    installation: Installation, pager: FakeOpsgenie
) -> None:
    """About half a minute: three kills, and a fifth of all calls end badly, some after they were taken."""
    dice = random.Random(1912)
    producer = installation.produce(120, every=0.05, channel="pager")
    for killed in range(3):
        worker = installation.start_worker()
        goal, begun = 25 * (killed + 1), time.monotonic()
        while len(pager.alerts) < goal and time.monotonic() - begun < 60:
            if dice.random() < 0.3 and len(pager.answers) < 3:
                pager.answers.append(dice.choice(TROUBLE))
            time.sleep(0.05)
        worker.kill()
        worker.wait()
        installation.let_leases_end()
    pager.answers.clear()
    accepted = producer.accepted()
    installation.start_worker()
    wait_until(lambda: installation.states() == {"sent": 120}, seconds=120)
    assert set(pager.alerts) == accepted
    repeated = sum(len(asked) - 1 for asked in pager.alerts.values())
    print(f"120 alerts for 120 pages; {repeated} were asked for again")  # noqa: T201


@pytest.mark.fault
def test_neither_a_silent_pager_nor_a_silent_slack_delays_a_mail(
    installation: Installation, pager: FakeOpsgenie, slack: FakeSlack
) -> None:
    """Every carrier of both is stuck when a mail is due."""
    pager.delay = slack.delay = 60
    installation.start_worker()
    installation.produce(8, channel="pager", prefix="stuck").accepted()
    installation.produce(8, channel="slack", priority=5, prefix="silent").accepted()
    wait_until(lambda: len(pager.calls) >= 4 and len(slack.calls) >= 2)
    installation.produce(1, prefix="page").accepted()
    assert wait_until(lambda: installation.arrived()["page-0"] == 1) < 5
    assert pager.alerts == {}
