"""Headless Chromium for pages that are opened from disk."""

from __future__ import annotations

import html
import json
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip
LIGHT, DARK = "--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0"


def run(page: Path, profile: Path, *flags: str) -> str:
    """What Chromium prints on standard output for the page. A machine without it fails the test: .ci/run installs it."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert binary, "there is no chromium: apt-get install chromium"
    command = [binary, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def measured(page: Path, profile: Path, script: str) -> Any:
    """What a script finds in the laid-out page. The page is copied without its policy, which forbids all scripts."""
    content = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    result = (
        "<pre id=found></pre><script>document.getElementById('found').textContent=JSON.stringify((()=>{%s})())</script>"
    )
    copy = page.with_name("measured.html")
    copy.write_text(content.replace("</body>", result % script + "</body>"))
    printed = run(copy, profile, "--dump-dom")
    match = re.search(r'<pre id="found">(.*?)</pre>', printed, re.DOTALL)
    assert match, printed[-500:]
    return json.loads(html.unescape(match[1]))


def corner(page: Path, profile: Path, scheme: str) -> tuple[int, int, int]:
    """The colour of the first pixel of a screenshot."""
    picture = page.with_name("picture.png")
    run(page, profile, scheme, "--window-size=400,300", f"--screenshot={picture}")
    data, at, packed = picture.read_bytes(), 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    red, green, blue = zlib.decompress(packed)[1:4]  # the first row's filter, then its first pixel
    return red, green, blue
