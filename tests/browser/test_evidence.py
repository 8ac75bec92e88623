"""What an auditor takes home, from the page to the verifier."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.browser.running import Running
from tests.browser.test_every_page import _faults
from tests.factories import deployment

pytestmark = pytest.mark.browser


def test_a_lead_asks_for_a_pack_watches_it_being_made_and_verifies_it_offline(
    decklog: Running, signed_in: Opens, tokens: dict[str, str], tmp_path: Path
) -> None:
    decklog.post(deployment(run_id="evidence"), token=tokens["ci"])
    page = signed_in("ann@example.com")
    page.get_by_role("link", name="Audit").first.click()
    page.get_by_label("Sample").fill("3")
    page.get_by_label("Seed").fill("a seed of our own")
    page.get_by_role("button", name="Make the pack").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Evidence pack PACK-")
    address = page.url.partition("://")[2].partition("/")[2]
    expect(page.get_by_role("link", name="Download the pack")).to_be_visible(timeout=30_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the pack").click()
    download.value.save_as(tmp_path / "pack.zip")
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        archive.extractall(tmp_path / "pack")
    verify = [sys.executable, "-I", "-S", str(tmp_path / "pack" / "verify_ledger.py")]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Everything in this pack agrees." in done.stdout
    assert _faults(page, address, is_crossed=True) == []
