"""The page in a real browser, as a student and a pharmacologist use it: keyboard, mouse, links, a narrow screen."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import mtorsim as mt
from mtorsim.files.html import asset, table

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).parents[2] / ".axe" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs it")

SMALL = "?weeks=4&dose=10&age=62&bmi=31&sensitivity=0.6&capacity=0.45"


@pytest.fixture(scope="module")
def address():
    command = [sys.executable, "-m", "mtorsim", "serve", "--port", "0", "--once"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as found:
        chromium = found.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Watched:
    """A page of which every message and every request is watched."""

    def __init__(self, browser, address, **context):
        self.context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **context})
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.faults.append(str(e)))
        self.page.on("request", lambda r: self._asked(r.url, address))
        self.address = address

    def _asked(self, url, address):
        if not url.startswith((address, "data:", "blob:")):
            self.faults.append(f"asked {url}")

    def open(self, more=SMALL):
        self.page.goto(f"{self.address}{more}")
        self.page.wait_for_selector("#map svg .node", timeout=60_000)
        self.settled()

    def until(self, condition, argument=None, seconds=60.0):
        """Wait for a condition; the page's own policy keeps the browser from evaluating text by itself."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition, argument):
            assert time.monotonic() < end, condition
            self.page.wait_for_timeout(30)

    def settled(self):
        """Wait until the newest answer is drawn."""
        self.until("() => !document.querySelector('#view').classList.contains('stale')")
        self.page.wait_for_timeout(50)

    def said(self):
        return self.page.inner_text("#answer")


@pytest.fixture
def page(browser, address):
    watched = Watched(browser, address)
    watched.open()
    yield watched
    assert watched.faults == []
    watched.context.close()


def test_it_opens_with_an_answer_charts_and_the_mechanism(page):
    assert re.search(
        r"fasting glucose is \d+ mg/dL after 4 weeks; without treatment it would be \d+ mg/dL", page.said()
    )
    assert page.page.locator("#view canvas").count() >= 10
    assert page.page.locator("#map .node").count() > 20
    assert page.page.locator("#error").is_hidden()


def test_every_slider_redraws_by_keyboard(page):
    for name in ("dose", "weeks", "age", "bmi", "sensitivity", "capacity"):
        before = page.page.url
        slider = page.page.locator(f"#{name}")
        slider.focus()
        page.page.keyboard.press("ArrowRight" if name != "sensitivity" else "ArrowLeft")
        page.until("(before) => location.href !== before", before)
        page.settled()
        assert f"{name}=" in page.page.url
    assert "8 weeks" in page.said()


def test_every_slider_redraws_while_it_is_dragged(page):
    for name in ("dose", "weeks", "age", "bmi", "sensitivity", "capacity"):
        slider = page.page.locator(f"#{name}")
        slider.scroll_into_view_if_needed()
        box, before = slider.bounding_box(), float(slider.input_value())
        y, steps = box["y"] + box["height"] / 2, []
        page.page.mouse.move(box["x"] + 0.3 * box["width"], y)
        page.page.mouse.down()
        for k in range(3):
            page.page.mouse.move(box["x"] + (0.3 + 0.15 * k) * box["width"], y, steps=2)
            page.settled()
            steps.append((float(slider.input_value()), page.said()))
        page.page.mouse.up()
        assert len({value for value, _ in steps}) == 3, (name, before)
        if name != "weeks":
            assert len({said for _, said in steps}) > 1, name
        assert page.page.locator("#error").is_hidden()


def test_every_mechanism_of_every_drug_can_be_spared(page):
    assert page.page.locator("#drug option").count() == 6
    # The others have the mechanisms of everolimus.
    for drug in ("everolimus", "alpelisib", "capivasertib"):
        page.page.locator("#drug").select_option(drug)
        page.settled()
        boxes = page.page.locator("#off input")
        assert boxes.count() >= 3
        usual = page.said()
        for k in range(boxes.count()):
            boxes.nth(k).check()
            page.until("() => location.search.includes('off=')")
            page.settled()
            assert page.page.locator("#error").is_hidden(), page.page.inner_text("#error")
            assert page.page.locator(".edge.cut").count() >= 1, (drug, k)
            boxes.nth(k).uncheck()
            page.settled()
        assert page.said() == usual


def test_drug_classes_are_compared_at_equal_inhibition(page):
    page.page.get_by_role("tab", name="Drug classes").click()
    page.until("() => document.querySelectorAll('#view tbody tr').length === 4", seconds=120)
    rows = [r.split("\t") for r in page.page.locator("#view tbody tr").all_inner_texts()]
    inhibited = [int(row[3].split(" %")[0]) for row in rows]
    assert max(inhibited[:3]) - min(inhibited[:3]) <= 1
    assert int(rows[3][4].split(" %")[0]) > int(rows[0][4].split(" %")[0])


def test_why_glucose_rises_is_told_and_drawn(page, tmp_path):
    page.page.get_by_role("tab", name="Why?").click()
    page.page.wait_for_selector("#view svg.waterfall", timeout=120_000)
    told = page.page.inner_text("#view p[role=status]")
    without, treated, whole = (float(x) for x in re.findall(r"(\d+(?:\.\d+)?)(?: mg/dL| with)", told))
    assert treated - without == pytest.approx(whole, abs=1.1)
    shares = [float(t.replace("−", "-")) for t in page.page.locator("#view tbody td:nth-child(2)").all_inner_texts()]
    assert sum(shares) == pytest.approx(whole, abs=0.3)
    for kind, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
        with page.page.expect_download() as begun:
            page.page.locator(f"#{kind}").click()
        begun.value.save_as(tmp_path / f"why.{kind}")
        assert (tmp_path / f"why.{kind}").read_bytes().startswith(start)


def test_a_view_is_saved_as_a_drawing(page, tmp_path):
    with page.page.expect_download() as begun:
        page.page.locator("#svg").click()
    begun.value.save_as(tmp_path / "weeks.svg")
    root = ET.parse(tmp_path / "weeks.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}g")) == page.page.locator("#view canvas").count()
    for chart in root.findall(f"{space}g"):
        assert len(chart.findall(f"{space}polyline")) == 2
        assert len(chart.findall(f"{space}text")) >= 4


def test_organs_swell_and_arrows_thicken_with_what_has_changed(page):
    organ = page.page.locator('.organ[data-organ="fat"]')
    arrow = page.page.locator('.edge[data-source="everolimus.level"]').first
    seen = []
    for key in ("Home", "End"):
        page.page.locator("#time").focus()
        page.page.keyboard.press(key)
        shown = arrow.evaluate("(e) => Number(e.style.strokeWidth)")
        seen.append((organ.evaluate("(e) => e.style.transform"), shown))
    assert seen[0] == ("scale(1)", 1)
    assert seen[1][0] != "scale(1)"
    assert seen[1][1] > 2


def test_sparing_secretion_lowers_glucose_and_is_in_the_link(page, browser, address):
    with_all = int(re.search(r"glucose is (\d+)", page.said())[1])
    page.page.get_by_label("Spare insulin secretion").check()
    page.settled()
    spared = int(re.search(r"glucose is (\d+)", page.said())[1])
    assert spared < with_all
    assert page.page.locator(".edge.cut").count() >= 2
    other = Watched(browser, address)
    other.open(page.page.url.removeprefix(address))
    assert other.said() == page.said()
    assert other.page.get_by_label("Spare insulin secretion").is_checked()
    assert other.faults == []
    other.context.close()


def test_views_change_by_arrow_keys_and_each_draws(page):
    page.page.locator('[role="tab"][aria-selected="true"]').focus()
    for name, wait in (("day", 0), ("ogtt", 0), ("dose", 0), ("plane", 0)):
        page.page.keyboard.press("ArrowRight")
        page.until("(v) => location.search.includes(`view=${v}`)", name)
        page.page.wait_for_selector("#view canvas", timeout=60_000)
        page.page.wait_for_timeout(wait)
        assert page.page.locator(f'[data-view="{name}"]').get_attribute("aria-selected") == "true"
    page.page.locator('[data-view="plane"]').focus()
    page.page.keyboard.press("ArrowRight")
    page.page.wait_for_selector("#view svg.waterfall", timeout=60_000)
    page.page.get_by_role("tab", name="Oral glucose test").click()
    page.until("() => document.querySelector('#view').innerText.includes('HOMA-IR')")


def test_people_fill_in_while_they_are_computed(page):
    page.page.get_by_role("tab", name="200 people").click()
    page.until("() => /^200 of 200/.test(document.querySelector('#view p').textContent)", seconds=180)
    shares = page.page.locator("#view tbody td:nth-child(2)").all_inner_texts()
    assert 98 <= sum(int(s.removesuffix(" %")) for s in shares) <= 102


def test_a_box_opens_its_equation_and_its_sources(page):
    page.page.locator('.node[data-node="glucose_insulin.production"]').focus()
    page.page.keyboard.press("Enter")
    page.page.wait_for_selector("#card pre")
    card = page.page.inner_text("#card")
    assert "EGP = kEGP * f_egp" in card
    assert "Bavenholm2001" in card
    assert page.page.locator(".edge.near").count() > 3


def test_play_moves_the_day_and_the_colours(page):
    value = page.page.locator('.node[data-node="mtor.action_liver"] .value')
    slider = page.page.locator("#time")
    slider.focus()
    page.page.keyboard.press("Home")
    assert page.page.locator("#day").inner_text() == "0"
    assert float(value.text_content()) == 1
    page.page.locator("#play").click()
    assert page.page.locator("#play").get_attribute("aria-pressed") == "true"
    page.until("() => document.querySelector('#play').textContent === 'Play'")
    assert page.page.locator("#day").inner_text() == "28"
    assert float(value.text_content()) < 0.8
    box = page.page.locator('.node[data-node="mtor.action_liver"] rect')
    assert "color-mix" in box.evaluate("(e) => e.style.fill")


def test_every_lesson_answers_its_own_question(page):
    for k in range(6):
        page.page.locator("#lessons button").nth(k).click()
        page.until("() => document.querySelector('#lesson-text button') !== null")
        page.settled()
        page.page.locator("#lesson-text button").click()
        answer = page.page.inner_text("#lesson-text span")
        assert re.search(r"\d", answer), (k, answer)
        assert "NaN" not in answer
        assert "undefined" not in answer


def test_the_scenario_file_gives_the_numbers_of_the_page(page, tmp_path):
    with page.page.expect_download() as begun:
        page.page.locator("#download").click()
    begun.value.save_as(tmp_path / "patient.toml")
    with page.page.expect_download() as begun:
        page.page.locator("#csv").click()
    begun.value.save_as(tmp_path / "weeks.csv")
    table = np.genfromtxt(tmp_path / "weeks.csv", delimiter=",", names=True)
    visits = mt.simulate(tmp_path / "patient.toml").visits
    ran = visits.fasting_glucose.sel(arm="with treatment").to_numpy().ravel()
    np.testing.assert_allclose(table["fasting_glucose_with_treatment"], ran, rtol=5e-7)
    said = int(re.search(r"glucose is (\d+)", page.said())[1])
    assert said == round(ran[-1])
    with page.page.expect_download() as begun:
        page.page.locator("#png").click()
    begun.value.save_as(tmp_path / "weeks.png")
    assert (tmp_path / "weeks.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_needs_no_sideways_scrolling(browser, address, scheme):
    narrow = Watched(browser, address, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for view in ("weeks", "day", "ogtt", "dose", "plane", "why", "classes", "people"):
        narrow.open(f"{SMALL}&view={view}")
        narrow.page.wait_for_selector("#view canvas, #view svg", timeout=60_000)
        if view in ("ogtt", "classes", "people"):
            narrow.page.wait_for_selector("#view table", timeout=60_000)
        assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 390, view
    assert narrow.faults == []
    narrow.context.close()


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed; .ci/run installs it")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_out(browser, address, scheme):
    # The page's own policy lets no foreign script in, so this context goes around it.
    seen = Watched(browser, address, color_scheme=scheme, bypass_csp=True)
    seen.open()
    seen.page.add_script_tag(path=str(AXE))
    found = seen.page.evaluate("axe.run()")
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert not serious, json.dumps([(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in serious], indent=1)
    seen.context.close()


def test_tables_of_a_page_sort_and_filter(browser, tmp_path):
    rows = [[f"arm {k}", f"{(7 * k) % 10}.5 (0-9)"] for k in range(10)]
    (tmp_path / "page.html").write_text(f"<body>{table(['arm', 'share'], rows)}<script>{asset('tables.js')}</script>")
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    for key in ("ascending", "descending"):
        page.locator("th").nth(1).click()
        shown = [float(text.split()[0]) for text in page.locator("td:nth-child(2)").all_inner_texts()]
        assert shown == sorted(shown, reverse=key == "descending")
        assert page.locator("th").nth(1).get_attribute("aria-sort") == key
    page.locator("input[type=search]").fill("arm 3 1.5")
    assert page.locator("tr:visible").count() == 2
    page.close()
