"""`python -m tests.opsgenie_simulator --port 8089 --seed demo`: an Opsgenie to try the synchronisation on."""

import argparse
import sys

from tests.opsgenie_simulator.account import Account
from tests.opsgenie_simulator.seeds import KEY, SEEDS
from tests.opsgenie_simulator.server import Simulator

asked = argparse.ArgumentParser(description=__doc__)
asked.add_argument("--port", type=int, default=0)
asked.add_argument("--seed", choices=sorted(SEEDS), default="empty")
asked.add_argument("--key", default=KEY)
given = asked.parse_args()
account = Account(given.key)
SEEDS[given.seed](account)
simulator = Simulator(account, given.port)
sys.stdout.write(f"OPSGENIE_API_URL={simulator.url} OPSGENIE_API_KEY={given.key}\n")
sys.stdout.flush()
simulator.serve()
