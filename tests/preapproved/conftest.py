"""A team that uses templates."""

import pytest

from tests.factories import Shop
from tests.preapproved.people import Team, make_team


@pytest.fixture
def team(shop: Shop) -> Team:
    """Payments with Ann, who leads it, Bo and Dan."""
    return make_team(shop)
