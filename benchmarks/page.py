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
        page.evaluate("() => { delete document.body.dataset.redraw; }")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => 'redraw' in document.body.dataset", polling=2)
        found.append(float(page.evaluate("() => Number(document.body.dataset.redraw)")))
    return found


def told(page, name, count, when):
    """Print the waiting times of one slider."""
    middle, late = np.percentile(moved(page, name, count), [50, 95])
    print(f"{name}, {when}: median {middle:.0f} ms, 95th percentile {late:.0f} ms of {count} movements")


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
                told(page, "dose", given.moves, "while equations are interpreted")
                page.wait_for_timeout(1000 * given.wait)
                for name in ("capacity", "age"):
                    told(page, name, given.moves, "once they are compiled")
                page.goto(f"{address}?weeks={given.weeks}&dose=0.5")
                page.wait_for_selector("#map svg")
                told(page, "dose", given.moves, "once they are compiled")
                browser.close()
            server.stdin.close()


if __name__ == "__main__":
    main()
