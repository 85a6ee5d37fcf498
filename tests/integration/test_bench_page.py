#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of a comparison, in a real browser: what is drawn, in either theme, wide and narrow."""

import atexit
import functools
import json
import re
import tempfile
from pathlib import Path

import page_samples
from browser import Browser
from harness import BUILD, Skip, check_command, run, test

PROGRAM = BUILD / "tests" / "integration" / "page_of_report"
LOOKS = Path(__file__).with_name("page_looks.js").read_text(encoding="utf-8").partition("*/\n")[2]
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
LINES = {  # a plot's title: its metric
    "Latency, median": "latency_p50_ns",
    "Latency, 99th percentile": "latency_p99_ns",
    "Throughput": "iops",
    "CPU": "cpu_percent",
    "Efficiency": "ios_per_cpu_s",
    "Wakeups": "wakeups_per_io",
}
PLANES = {
    "CPU against median latency": "latency_p50_ns",
    "CPU against p99 latency": "latency_p99_ns",
}


@functools.cache
def sample_report(name):
    return page_samples.SAMPLES[name]()


@functools.cache
def the_browser():
    """One for all tests: to start it takes longer than most of them."""
    browser = Browser()
    atexit.register(browser.__exit__)
    return browser


class Opened:
    """A sample's page in a tab of the browser."""

    def __init__(self, sample, width=1280, theme="light", scripting=True):
        parent = BUILD / "tests" / "run"
        parent.mkdir(parents=True, exist_ok=True)
        self.browser = the_browser()
        self.temporary = tempfile.TemporaryDirectory(prefix="page-", dir=parent)
        self.folder = Path(self.temporary.name)
        self.report = sample_report(sample)
        self.page = self.browser.page(width)
        self.theme, self.scripting = theme, scripting

    def __enter__(self):
        try:
            json_path, self.path = self.folder / "report.json", self.folder / "report.html"
            json_path.write_text(json.dumps(self.report), encoding="utf-8")
            done = check_command([PROGRAM, json_path])
            self.path.write_text(done.stdout, encoding="utf-8")
            self.page.media(self.theme)
            self.page.scripting(self.scripting)
            self.load()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.page.close()
        self.temporary.cleanup()

    def load(self):
        self.page.open(self.path)
        if self.scripting:
            self.page.run(f"globalThis.looks = {LOOKS}; looks.settled()")

    def run(self, expression):
        return self.page.run(expression)

    def none(self, question):
        """Nothing is wrong, as that function of page_looks.js sees it."""
        wrong = self.run(f"looks.{question}()")
        assert not wrong, f"{question} at {self.page.run('innerWidth')}: " + "\n".join(wrong[:20])


def look_at(sample, themes=THEMES):
    """All that must hold of every page."""
    with Opened(sample) as opened:
        for width in WIDTHS:
            opened.page.size(width)
            opened.load()
            opened.run("looks.openAll()")
            for question in ("empty", "overlaps", "wide", "torn"):
                opened.none(question)
            assert opened.page.errors() == [], opened.page.errors()
            assert opened.page.requests() == [opened.path.as_uri()], opened.page.requests()
        opened.none("unspoken")
        for theme in themes:
            opened.page.media(theme)
            opened.none("faint")


@test
def the_samples_are_reports():
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed") from None
    schema = json.loads(page_samples.SCHEMA.read_text(encoding="utf-8"))
    for name in page_samples.SAMPLES:
        made = dict(sample_report(name))
        for part in ("cells", "ratios"):  # all are made alike, and to check one takes a while
            made[part] = made[part][:12]
        for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(made):
            raise AssertionError(f"{name}: {list(error.absolute_path)}: {error.message}")


@test
def a_small_report_is_drawn():
    look_at("small")


@test
def a_large_report_is_drawn():
    look_at("large", themes=("light",))


@test
def a_broken_report_is_drawn():
    look_at("broken")
    with Opened("broken") as opened:
        text = opened.run("document.getElementById('warnings').textContent")
        assert "ended early" in text and "has holes" in text, text
        assert "fio is not installed" in text and "3 requests failed" in text, text
        assert "another process had 31 %" in text, text
        drawn = opened.run("looks.content()")
        assert not any("open loop" in one["group"] for one in drawn), drawn
        assert not any("fio io_uring" in one["points"] for one in drawn), drawn


@test
def a_report_of_one_contender_is_drawn():
    look_at("alone")
    with Opened("alone") as opened:
        text = opened.run("document.getElementById('answer').textContent")
        assert "there is no answer" in text, text


@test
def a_crowded_report_is_drawn():
    look_at("crowded", themes=("dark",))
    with Opened("crowded") as opened:
        titles = opened.run("[...document.querySelectorAll('text.title')].map((one) => one.textContent)")
        assert "latency p50, s" in titles and "latency p50, \u00b5s" not in titles, titles


@test
def foreign_text_runs_nothing():
    look_at("hostile", themes=("light",))
    with Opened("hostile") as opened:
        assert opened.run("document.images.length") == 0
        assert opened.run("document.scripts.length") == 2
        shown = page_samples.HOSTILE.replace("\u202e", "\\u202e").replace("\u2066", "\\u2066")
        assert shown in opened.run("document.querySelector('h2 ~ * h3, .target h2').textContent")
        assert opened.run("document.querySelector('#contenders code').textContent").startswith(shown)
        assert "\u202e" not in opened.run("document.body.innerText")


@test
def the_page_holds_the_report():
    for sample in ("small", "hostile"):
        with Opened(sample) as opened:
            held = opened.run("document.getElementById('report').textContent")
            assert json.loads(held) == json.loads(json.dumps(opened.report))


def close(a, b):
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-9)


def shown_number(text):
    return float(text.replace(",", ""))


def agrees(text, number):
    """A text of three digits or more says that number."""
    return abs(shown_number(text) - number) <= 0.0051 * abs(number)


def cell_of(report, target, load, name):
    cells = report["cells"]
    who = [one["name"] for one in report["contenders"]].index(name)
    at = (target * len(report["loads"]) + load) * len(report["contenders"]) + who
    return cells[at]


def check_line(report, one, target):
    """Each point and each number of a plot against the load is in the report; how many points."""
    metric = LINES[one["title"]]
    scale = page_samples.METRICS[metric][1]
    loads = {}
    for at, load in enumerate(report["loads"]):
        mine = ("open" in one["group"]) == (load["shape"] != "closed")
        kib = f"of {load['block_bytes'] // 1024} KiB,"
        if mine and kib in one["group"] and one["group"].startswith(load["rw"]):
            loads[load["rate_iops"] or load["queue_depth"]] = at
    for name, points in one["points"].items():
        assert [x for x, _ in points] == list(loads), (one["title"], points, loads)
        column = one["heads"].index(name)
        for (x, y), row in zip(points, one["rows"]):
            median = cell_of(report, target, loads[x], name)["metrics"][metric]["median"]
            assert close(y, median * scale), (one["title"], name, x, y, median)
            assert agrees(row[column], y), (row, y)
    return sum(map(len, one["points"].values()))


def check_plane(report, one, target):
    load = [load["name"] for load in report["loads"]].index(one["load"])
    latency = PLANES[one["title"]]
    for name, [(x, y)] in one["points"].items():
        cell = cell_of(report, target, load, name)
        row = next(row for row in one["rows"] if row[0] == name)
        assert close(x, cell["metrics"][latency]["median"] / 1000), (name, x)
        assert close(y, cell["metrics"]["cpu_s_per_million_ios"]["median"]), (name, y)
        assert agrees(row[1], x) and agrees(row[2], y), row
        assert row[3] == ("yes" if cell["pareto_front"][latency] else "no"), (row, cell)
    return len(one["points"])


def check_cdf(report, one, target):
    """A point of a curve is a percentile of the report's histogram."""
    load = [load["name"] for load in report["loads"]].index(one["load"])
    for name, points in one["points"].items():
        histogram = cell_of(report, target, load, name)["latency_histogram"]
        for x, percent in points:
            below = sum(count for upper, count in histogram["upper_ns_and_count"] if upper < x * 999.99)
            upto = sum(count for upper, count in histogram["upper_ns_and_count"] if upper <= x * 1000.01)
            wanted = histogram["count"] * percent / 100
            assert below < wanted <= upto + 1e-6, (name, x, percent, below, upto)
    return len(one["points"])


@test
def plots_and_tables_say_what_the_report_says():
    checks = {"line": check_line, "plane": check_plane, "cdf": check_cdf}
    for sample in ("small", "large"):
        with Opened(sample) as opened:
            opened.run("looks.openAll()")
            report = opened.report
            names = [f"Plots: {one['name']}" for one in report["targets"]]
            seen = {kind: 0 for kind in checks}
            for one in opened.run("looks.content()"):
                assert set(one["points"]) == {who["name"] for who in report["contenders"]}, one
                seen[one["plot"]] += checks[one["plot"]](report, one, names.index(one["target"]))
            cells = len(report["cells"])
            assert seen == {"line": cells * 6, "plane": cells * 2, "cdf": cells}, seen


@test
def without_scripts_the_tables_are_there():
    with Opened("small", scripting=False) as opened:
        opened.page.screenshot(opened.folder / "page.png", whole=False)  # it is laid out
        document = opened.page.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        tables = opened.page.call(
            "DOM.querySelectorAll", nodeId=document, selector="figure.plot > details[open] table"
        )["nodeIds"]
        assert len(tables) == 2 * 6 + 6 * 3, len(tables)
        for table in tables:  # those of a load that is not open have no box until it is
            html = opened.page.call("DOM.getOuterHTML", nodeId=table)["outerHTML"]
            assert "data-v" in html and "<caption>" in html, html
        box = opened.page.call("DOM.getBoxModel", nodeId=tables[0])["model"]
        assert box["height"] > 50, box


@test
def plots_are_drawn_again_when_the_window_changes():
    with Opened("small") as opened:
        opened.run("looks.openAll()")
        wide = opened.run("document.querySelector('svg.drawing').getBoundingClientRect().width")
        opened.page.size(320)
        opened.run("looks.settled()")
        for question in ("empty", "overlaps", "wide"):
            opened.none(question)
        narrow = opened.run("document.querySelector('svg.drawing').getBoundingClientRect().width")
        assert narrow < 320 and narrow != wide, (wide, narrow)


@test
def the_theme_can_be_chosen():
    background = "getComputedStyle(document.body).backgroundColor"
    with Opened("small", theme="light") as opened:
        light = opened.run(background)
        opened.run(
            "(() => { const select = document.querySelector('#tools select'); select.value = 'dark';"
            "select.dispatchEvent(new Event('change')); })()"
        )
        dark = opened.run(background)
        assert light != dark, light
        opened.none("faint")
        opened.page.media("dark", "print")
        assert opened.run(background) not in (dark, light), "it prints on a dark page"
        assert opened.run("looks.background(document.body).slice(0, 3).join()") == "255,255,255"
        opened.none("faint")


@test
def tables_open_at_once_and_the_report_is_saved():
    with Opened("small") as opened:
        opened.page.call(
            "Page.setDownloadBehavior", behavior="allow", downloadPath=str(opened.folder)
        )
        opened.run("[...document.querySelectorAll('button')][0].click()")
        shut = opened.run("document.querySelectorAll('figure.plot > details:not([open])').length")
        assert shut == 0, shut
        opened.none("wide")
        opened.run("[...document.querySelectorAll('button')][1].click()")
        opened.browser.wait_event(opened.page.session, "Page.downloadWillBegin")
        saved = opened.folder / "ebb-bench-compare.json"
        while True:
            event = opened.browser.wait_event(opened.page.session, "Page.downloadProgress")
            assert event["state"] != "canceled", event
            if event["state"] == "completed":
                break
        assert json.loads(saved.read_text(encoding="utf-8")) == opened.report


@test
def it_prints():
    for sample in ("small", "crowded"):
        with Opened(sample, theme="dark") as opened:
            pdf = opened.page.pdf()
            pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
            assert pdf.startswith(b"%PDF-") and 3 <= pages <= 60, pages


run()
