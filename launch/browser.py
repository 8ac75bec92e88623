"""A browser for the journeys: Chromium on PATH, else the one that npm brought."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from launch import console, environment, layout, node, stamps, steps

PACKAGE = layout.NODE_MODULES / "@sparticuz" / "chromium"
HOME = layout.VAR / "browser"
FONTS = HOME / "fonts"
SYSTEM_FONTS = Path("/etc/fonts/fonts.conf")

_FONTS_CONFIGURATION = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">.</dir><cachedir prefix="relative">cache</cachedir></fontconfig>
"""

_UNPACK = """
import chromium, { inflate } from "@sparticuz/chromium";
await inflate(process.argv[1] + "/bin/al2023.tar.br");
console.log(await chromium.executablePath());
"""


@dataclass(frozen=True)
class Browser:
    """A browser and the folder of the libraries it needs beyond the system's; empty if none."""

    path: str
    libraries: str = ""

    def variables(self) -> dict[str, str]:
        """Return the environment by which the tests find it, and it finds letters on a machine that has none."""
        env = {"TEST_CHROMIUM": self.path, "TEST_CHROMIUM_LIBRARY_PATH": self.libraries}
        return env if SYSTEM_FONTS.exists() or not FONTS.is_dir() else {**env, "FONTCONFIG_PATH": str(FONTS)}


def find_browser() -> Browser:
    """Return a browser that starts on this machine, or refuse with a sentence."""
    named = os.environ.get("TEST_CHROMIUM", "")
    if named:
        return Browser(named, os.environ.get("TEST_CHROMIUM_LIBRARY_PATH", ""))
    own = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if own:
        return Browser(own)
    browser = _unpacked()
    if not _starts(browser):
        raise console.Refusal("No browser starts here; install Chromium, or name one: TEST_CHROMIUM=/path make test")
    return browser


def _starts(browser: Browser) -> bool:
    env = environment.variables(LD_LIBRARY_PATH=browser.libraries)
    return steps.output_of([browser.path, "--no-sandbox", "--version"], env=env) is not None


def _unpacked() -> Browser:
    """Return npm's browser, unpacked once for each version of it into `var/browser`."""
    browser = Browser(str(HOME / "chromium"), str(HOME / "al2023" / "lib"))
    fingerprint = stamps.digest([PACKAGE / "package.json"])
    if stamps.is_fresh(HOME / "stamp", fingerprint):
        return browser
    shutil.rmtree(HOME, ignore_errors=True)
    # It unpacks to the system's temporary folder, whatever one asks; a half-unpacked one must not be taken for whole.
    with tempfile.TemporaryDirectory(dir=layout.VAR, prefix="browser-") as folder:
        command = [str(node.wheel_node()), "--input-type=module", "-e", _UNPACK, str(PACKAGE)]
        log = layout.LOGS / "browser.log"
        if steps.run_quietly(command, env=environment.variables(TMPDIR=folder), log=log) != 0:
            console.show_log(log)
            raise console.Refusal("The browser of the tests cannot be unpacked; install Chromium instead.")
        HOME.mkdir()
        for each in Path(folder).iterdir():
            each.rename(HOME / each.name)
        # Its own names the folders of the hosting service that it was packed for.
        (FONTS / "fonts.conf").write_text(_FONTS_CONFIGURATION)
    stamps.write(HOME / "stamp", fingerprint)
    return browser
