"""The JSON interface of the page: numbers equal to a run, bounded work, one clear message for every wrong request."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import tomllib
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import mtorsim as mt
from mtorsim.errors import ArgumentError, MtorsimError
from mtorsim.files.library import Library, library_for
from mtorsim.web import answers
from mtorsim.web.answers import Answers
from mtorsim.web.app import MOST_BODY, make_app
from mtorsim.web.classes import CLASSES
from mtorsim.web.kept import Kept
from mtorsim.web.question import DRUGS, THERAPIES, read_question

HOSTS = frozenset({"testserver", "127.0.0.1", "localhost"})
SHORT = {"weeks": 2, "dose": 10, "capacity": 0.45, "sensitivity": 0.6, "age": 62, "bmi": 31}


@pytest.fixture(scope="module")
def client():
    return TestClient(make_app(library_for(), HOSTS))


def test_the_page_shows_what_a_run_of_its_scenario_file_gives(client, tmp_path):
    asked = {**SHORT, "therapies": "metformin", "off": "secretion"}
    shown = client.get("/api/run", params=asked).json()
    reply = client.get("/api/scenario", params=asked)
    assert "patient.toml" in reply.headers["content-disposition"]
    (tmp_path / "patient.toml").write_text(reply.text)
    visits = mt.simulate(tmp_path / "patient.toml").visits
    assert shown["days"] == (visits.time / 24).to_numpy().tolist()
    compared = 0
    for arm, told in shown["arms"].items():
        for name, values in told["days"].items():
            if name in visits:
                ran = visits[name].sel(arm=arm).to_numpy().ravel()
                # Seven digits are sent, at most four are shown.
                np.testing.assert_allclose(np.array(values, float), ran, rtol=5e-7, err_msg=name)
                compared += 1
    assert compared >= 20


def test_nothing_that_is_kept_from_before_changes_an_answer(client):
    first = client.get("/api/run", params={**SHORT, "dose": 7}).json()
    for dose in (3, 12, 7.5):
        client.get("/api/run", params={**SHORT, "dose": dose})
    client.get("/api/run", params={**SHORT, "dose": 7, "stop": 1})
    fresh = TestClient(make_app(library_for(), HOSTS)).get("/api/run", params={**SHORT, "dose": 7}).json()
    assert client.get("/api/run", params={**SHORT, "dose": 7}).json() == first == fresh


def test_the_last_day_ends_where_the_days_end(client):
    told = client.get("/api/run", params=SHORT).json()
    assert told["hours"][0] == 0
    assert told["hours"][-1] == 24
    for arm in told["arms"].values():
        assert arm["hours"]["glucose"][-1] == arm["days"]["fasting_glucose"][-1]
        assert arm["hours"]["glucose"][0] == arm["days"]["fasting_glucose"][-2]


def test_an_oral_test_is_that_of_the_laboratory(client, tmp_path):
    told = client.get("/api/ogtt", params=SHORT).json()
    (tmp_path / "patient.toml").write_text(client.get("/api/scenario", params=SHORT).text)
    test = mt.examine("ogtt", scenario=tmp_path / "patient.toml", at="2 weeks", arm="without")
    at_120 = test.indices["glucose_120"][1][0]
    assert told["arms"]["without"]["indices"]["glucose_120"][0] == pytest.approx(at_120, rel=1e-6)
    assert told["arms"]["with treatment"]["indices"]["glucose_120"][0] > at_120


def test_people_come_a_line_at_a_time_and_all_of_them(client, monkeypatch):
    monkeypatch.setattr(answers, "PATIENTS", 40)
    with client.stream("GET", "/api/people", params={**SHORT, "weeks": 4}) as reply:
        lines = [json.loads(line) for line in reply.iter_lines()]
    assert lines[0] == {"weeks": [0, 4], "of": 40}
    assert [len(line["worst"]["without"]) for line in lines[1:]] == [20, 20]
    glucose = np.array([row for line in lines[1:] for row in line["glucose"]["with treatment"]], float)
    scenario = read_question({**SHORT, "weeks": 4}).scenario(library_for())
    person = {"age": 62, "bmi": 31}
    again = mt.simulate(
        scenario.replace(population="adults", subjects=40, visits=["0 weeks", "4 weeks"], settings=person)
    )
    np.testing.assert_allclose(glucose, again.visits.fasting_glucose.sel(arm="with treatment"), rtol=1e-6)


def test_why_divides_the_difference_that_the_page_shows(client):
    asked = {**SHORT, "therapies": "metformin"}
    told, course = client.get("/api/why", params=asked).json(), client.get("/api/run", params=asked).json()["arms"]
    ends = [course[arm]["days"]["fasting_glucose"][-1] for arm in ("with treatment", "without")]
    assert [told["treated"], told["untreated"]] == pytest.approx(ends, rel=2e-5)
    shares = {e["label"]: e["share"] for e in told["effects"]}
    assert sum(shares.values()) == pytest.approx(ends[0] - ends[1], abs=5e-3)
    # Metformin is no effect of the drug: it is what remains when all effects are off.
    assert shares["what is given besides"] < -1
    nothing = client.get("/api/why", params={**SHORT, "off": "insulin_action,secretion,mtorc1"})
    assert nothing.status_code == 400
    assert "no effect" in nothing.json()["error"]


def test_drugs_are_compared_at_equal_inhibition_of_mtorc1(client, tmp_path):
    asked = {**SHORT, "weeks": 6, "dose": 5}
    with client.stream("GET", "/api/classes", params=asked) as reply:
        first, *found = [json.loads(line) for line in reply.iter_lines()]
    assert [f["drug"] for f in found] == list(CLASSES)
    for drug in found:
        assert drug["reached"]
        assert drug["inhibition"] == pytest.approx(first["inhibition"], abs=0.02)
    own = next(f for f in found if f["drug"] == "sirolimus")
    again = {**asked, "drug": "sirolimus", "dose": own["dose"]}
    (tmp_path / "patient.toml").write_text(client.get("/api/scenario", params=again).text)
    ran = mt.simulate(tmp_path / "patient.toml").visits.fasting_glucose.sel(arm="with treatment").to_numpy().ravel()
    # Other stops at the end of the course: equal to the error of a step.
    np.testing.assert_allclose(own["course"]["fasting_glucose"], ran, rtol=1e-4)
    none = client.get("/api/classes", params={"drug": "alpelisib", "dose": 300}).json()
    assert "does not inhibit mTORC1" in none["error"]


def test_every_node_of_every_drug_s_diagram_can_be_opened(client):
    for drug in DRUGS:
        asked = {"drug": drug, "dose": DRUGS[drug].amount}
        drawing = client.get("/api/diagram", params=asked).text
        nodes = re.findall(r'data-node="([^"]+)"', drawing)
        assert len(nodes) > 15
        for node in nodes if drug == "everolimus" else nodes[:1]:
            card = client.get("/api/node", params={**asked, "name": node}).json()
            assert card["plain"]
            assert card["equations"]
            for parameter in card["parameters"]:
                assert parameter["unit"]
    wrong = client.get("/api/node", params={"name": "glucose_insulin.glucos"})
    assert wrong.status_code == 400
    assert "did you mean `glucose_insulin.glucose`" in wrong.json()["help"]


WRONG = [
    ({"dose": "1e300"}, "less than or equal"),
    ({"dose": "-1"}, "greater than or equal"),
    ({"dose": "nan"}, "finite"),
    ({"dose": "500"}, "at most 20 mg of everolimus"),
    ({"weeks": "100000"}, "less than or equal to 52"),
    ({"weeks": "1.5"}, "integer"),
    ({"drug": "evrolimus"}, "unknown name `evrolimus`"),
    ({"drug": "../../etc/passwd"}, "unknown name"),
    ({"wks": "4"}, "unknown key `wks`"),
    ({"therapies": "metformin,metformin"}, "once"),
    ({"therapies": "aspirin"}, "unknown name `aspirin`"),
    ({"off": "nothing.like.it"}, "nothing.like.it"),
    ({"off": ",".join(["secretion"] * 30)}, "once"),
    ({"capacity": "0"}, "greater than or equal"),
]


@pytest.mark.parametrize(("asked", "said"), WRONG)
@pytest.mark.parametrize("path", ["run", "ogtt", "scenario", "people", "classes", "why", "diagram"])
def test_a_wrong_request_gets_one_message(client, path, asked, said):
    if path in ("people", "classes") and "off" in asked:
        pytest.skip("the first line of a stream tells it")
    reply = client.get(f"/api/{path}", params=asked)
    assert reply.status_code == 400
    told = reply.json()
    assert said in f"{told['error']} {told['help']}"
    assert "Traceback" not in reply.text
    assert len(reply.text) < 600


@pytest.mark.parametrize(
    "body",
    [b"x" * (MOST_BODY + 1), b"{", b"[1]", b'"a"', b"[" * 30_000, b'{"dose": {"a": 1}}', b'{"off": [1]}', b"\xff"],
)
def test_a_wrong_body_gets_one_message(client, body):
    reply = client.post("/api/run", content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_a_body_may_ask_what_an_address_asks(client):
    assert client.post("/api/run", json=SHORT).json() == client.get("/api/run", params=SHORT).json()


def test_other_hosts_and_other_pages_are_refused(client):
    assert client.get("/api/run", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"Host": "evil.example:8765"}).status_code == 403
    assert client.get("/api/choices", headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/api/choices", headers={"Origin": "null"}).status_code == 403
    assert client.get("/api/choices", headers={"Origin": "http://127.0.0.1:8765"}).status_code == 200
    assert client.get("/api/choices", headers={"Host": "[::1"}).status_code == 403
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy


def test_too_many_at_once_are_told_so(client):
    app = make_app(library_for(), HOSTS)
    busy = TestClient(app)
    seats = next(r.endpoint.__self__.seats for r in app.app.routes if getattr(r, "path", "") == "/api/run")
    taken = 0
    while seats.acquire(blocking=False):
        taken += 1
    assert busy.get("/api/run", params=SHORT).status_code == 503
    assert busy.get("/api/people", params=SHORT).status_code == 503
    for _ in range(taken):
        seats.release()
    assert busy.get("/api/run", params=SHORT).status_code == 200


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(answers, "KEPT", 6)
    asked = Answers(library_for())
    for dose in (1, 2, 3, 4, 5):
        asked.course(read_question({**SHORT, "dose": dose, "weeks": 1}))
    assert len(asked.kept) == 6


@pytest.mark.parametrize(
    ("key", "values"), [("dose", (0, 2.5, 7.5, 20)), ("capacity", (0.2, 0.5, 1.5)), ("age", (20, 80))]
)
def test_a_course_computed_beside_others_is_the_same_to_the_bit(key, values):
    together, alone = Answers(library_for()), Answers(library_for())
    question = read_question(SHORT)
    assert together.ahead(question, key, values) == {"ahead": len(values)}
    kept = len(together.kept)
    for value in values:
        asked = read_question({**SHORT, key: value})
        assert together.course(asked) == alone.course(asked)
    assert len(together.kept) == kept


def test_what_cannot_be_computed_ahead_is_told(client):
    for more, said in [
        ({"key": "weeks", "values": "3"}, "not a slider"),
        ({"key": "dose", "values": "3,x"}, "not numbers"),
        ({"key": "dose", "values": "3,900"}, "at most 20 mg"),
        ({"key": "age", "values": "nan"}, "finite"),
        ({"key": "dose", "values": ",".join("1" * 17)}, "at most 16 at once"),
    ]:
        reply = client.get("/api/ahead", params={**SHORT, **more})
        assert reply.status_code == 400
        assert said in str(reply.json())


def test_whoever_asks_for_what_is_being_made_waits_for_it():
    kept, made, going = Kept(4), [], threading.Event()

    def slow():
        made.append(1)
        going.wait(10)
        return "found"

    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(kept.get, "key", slow) for _ in range(3)]
        going.set()
        assert [a.result() for a in asked] == ["found"] * 3
    assert made == [1]


def test_a_failure_is_told_to_all_who_wait_and_not_kept():
    kept = Kept(4)
    kept.fill(["good", "bad"], lambda which: [1, ArgumentError("no")])
    assert kept.get("good", lambda: 2) == 1
    with pytest.raises(ArgumentError, match="never"):
        kept.get("bad", lambda: (_ for _ in ()).throw(ArgumentError("never")))
    assert kept.get("bad", lambda: 3) == 3
    with pytest.raises(ArgumentError, match="all"):
        kept.fill(["one", "two"], lambda which: (_ for _ in ()).throw(ArgumentError("all")))
    assert len(kept) == 2


def test_the_page_is_small_and_fetches_nothing_from_elsewhere(client):
    folder = files("mtorsim.web") / "static"
    names = ["", "style.css", "app.js", "ahead.js", "controls.js", "views.js", "map.js", "lessons.js"]
    names += ["vendor/uPlot.iife.min.js", "vendor/uPlot.min.css"]
    sizes = [len(client.get(f"/{name}").content) for name in names]
    assert sum(sizes) <= 400_000
    for name in names[1:8]:
        text = (folder / name).read_text(encoding="utf-8")
        assert not re.findall(r"https?://(?!www\.w3\.org)", text)
    assert (folder / "vendor" / "uPlot.LICENSE").is_file()
    assert client.get("/../app.py").status_code == 404


numbers = {
    "dose": st.floats(0, 20),
    "weeks": st.integers(1, 52),
    "stop": st.none() | st.integers(1, 52),
    "male": st.integers(0, 1),
    "age": st.floats(18, 90),
    "bmi": st.floats(16, 50),
    "sensitivity": st.floats(0.2, 3),
    "capacity": st.floats(0.1, 3),
    "every": st.sampled_from([1, 7]),
    "days": st.integers(1, 7),
    "therapies": st.lists(st.sampled_from(sorted(THERAPIES)), unique=True),
}


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({}, optional=numbers))
def test_every_question_within_its_limits_is_a_scenario_that_reads_back(asked):
    scenario = read_question(asked).scenario(library_for())
    again = mt.Scenario.of("patient", mt_source(scenario.text), Library())
    assert [a.regimens for a in again.arms] == [a.regimens for a in scenario.arms]
    assert tomllib.loads(scenario.text)["population"] == "one_adult"


def mt_source(text):

    from mtorsim.errors import ScenarioError
    from mtorsim.files.toml import TomlFile

    return TomlFile.parse(Path("patient.toml"), text, ScenarioError)


def test_an_unknown_key_in_python_is_an_error_of_ours():
    with pytest.raises(MtorsimError, match="unknown key"):
        read_question({"dosis": 3})


def test_the_command_prints_its_address_serves_and_stops():
    command = [sys.executable, "-m", "mtorsim", "serve", "--port", "0", "--once"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        with urllib.request.urlopen(f"{address}api/run?weeks=1", timeout=60) as reply:
            assert len(json.load(reply)["days"]) == 8
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(address, headers={"Host": "evil.example"}), timeout=10)
        assert refused.value.code == 403
        refused.value.close()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=180) == 0


def test_a_port_that_is_taken_is_one_message(mtorsim):
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        shown = mtorsim("serve", "--port", other.getsockname()[1])
    assert shown.code == 2
    assert "cannot listen on 127.0.0.1" in shown.err


def test_two_hundred_at_once_are_answered_or_told_to_wait_and_memory_stays():
    command = [sys.executable, "-m", "mtorsim", "serve", "--port", "0", "--once"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()

        def ask(k):
            wanted = f"{address}api/run?weeks=1&dose={1 + k % 19}" if k % 4 else f"{address}api/run?weeks=99999"
            try:
                with urllib.request.urlopen(wanted, timeout=120) as reply:
                    return reply.status, len(reply.read())
            except urllib.error.HTTPError as problem:
                with problem:
                    return problem.code, len(problem.read())

        assert ask(1)[0] == 200
        grown = []
        for _ in range(2):
            with ThreadPoolExecutor(200) as clients:
                found = list(clients.map(ask, range(200)))
            assert {status for status, _ in found} <= {200, 400, 503}
            assert all(status == 400 for status, _ in found[::4])
            assert sum(status == 200 for status, _ in found) >= 19
            grown.append(_memory(process.pid))
        # The compiler, which may be at work meanwhile, takes some of it.
        assert grown[1] - grown[0] < 400_000
        assert ask(2)[0] == 200
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=180) == 0


def _memory(pid):
    """Resident memory of a process, kB; 0 where it cannot be read."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return 0
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1])
