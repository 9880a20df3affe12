"""Waiting times of the page in a real browser: from a slider's movement to the drawn answer, and to the first paint.

    python benchmarks/page.py [--moves 40] [--weeks 24]

The server starts with an empty kernel cache, and the course has two arms of one patient. Needs Chromium and playwright.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def moved(page, name, count):
    """Milliseconds from each movement of a slider to its drawn answer."""
    found = []
    slider = page.locator(f"#{name}")
    slider.focus()
    for _ in range(count):
        # Always onwards: a place that was seen before is answered from what is kept.
        page.keyboard.press("ArrowRight")
        while page.evaluate("() => document.querySelector('#view').classList.contains('stale')"):
            page.wait_for_timeout(2)
        found.append(float(page.evaluate("() => Number(document.body.dataset.redraw)")))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--wait", type=int, default=60, help="seconds for the equations to be compiled meanwhile")
    parser.add_argument("--weeks", type=int, default=24)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        own = {**os.environ, "MTORSIM_CACHE": cache, "NUMBA_CACHE_DIR": f"{cache}/numba"}
        command = [sys.executable, "-m", "mtorsim", "serve", "--port", "0", "--once"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own) as server:
            address = server.stdout.readline().strip()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                started = time.perf_counter()
                page.goto(f"{address}?weeks={given.weeks}")
                paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
                page.wait_for_selector("#map svg", timeout=300_000)
                print(f"first paint {paint:.0f} ms; first answer {time.perf_counter() - started:.1f} s")
                page.wait_for_timeout(1000 * given.wait)
                for name in ("dose", "capacity"):
                    waits = moved(page, name, given.moves)
                    middle, late = np.percentile(waits, [50, 95])
                    print(f"{name}: median {middle:.0f} ms, 95th percentile {late:.0f} ms of {given.moves} movements")
                browser.close()
            server.stdin.close()


if __name__ == "__main__":
    main()
