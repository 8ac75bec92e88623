"""An Opsgenie on this machine, and the client that the application uses for it."""

import pytest

from notifications.providers.opsgenie import Account as Client
from oncall.providers.opsgenie import Line, Opsgenie, connected
from tests.opsgenie_simulator.account import Account
from tests.opsgenie_simulator.seeds import KEY, people
from tests.opsgenie_simulator.server import Simulator


@pytest.fixture
def simulator(settings):
    account = Account(KEY)
    people(account, "ann@example.com", "bo@example.com", "cy@example.com")
    team = account.add("teams", {"name": "Payments"})
    team["members"] = [{"user": account.user(f"{one}@example.com"), "role": "user"} for one in ("ann", "bo")]
    running = Simulator(account).begin()
    settings.OPSGENIE_API_URL, settings.OPSGENIE_API_KEY = running.url, KEY
    connected.cache_clear()
    yield running
    running.close()


@pytest.fixture
def naps():
    """How many seconds were slept."""
    return []


@pytest.fixture
def opsgenie(simulator, naps):
    return Opsgenie(Line(Client(simulator.url, KEY), sleep=naps.append))
