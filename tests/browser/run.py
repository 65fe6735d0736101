#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Usage: tests/browser/run.sh PAGES

Opens pages of `report --html` in a headless Chromium, and does there what a person does. PAGES makes
pages of lives that were never lived (pages.c); the program makes some of kept recordings. Writes TAP,
and pictures of the page to build/screenshots/.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.environ.get("CONNTRACE", os.path.join(ROOT, "build", "conntrace"))
PICTURES = os.path.join(ROOT, "build", "screenshots")
MANY = 100000
# What a slow machine may take for anything that a person waits for.
PATIENCE_S = 60
STARTS = 5
# Of the table of 100,000.
ROWS_DRAWN_MAX = 200


class Page:
    """A browser with one page in it."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                         "--hide-scrollbars", "--force-color-profile=srgb",
                         "--disable-background-networking", "--no-first-run"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        self.driver.set_page_load_timeout(PATIENCE_S)
        self.driver.set_script_timeout(2 * PATIENCE_S)
        self.resize(1280, 900)
        self.scheme(False)

    def scheme(self, dark):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def resize(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def open(self, path, fragment=""):
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.path = "file://" + path
        self.driver.get(self.path + fragment)
        return self

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.one(selector).text

    def wait(self, what, *arguments):
        """Until the script's expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.js("return " + what, *arguments):
            if time.monotonic() > end:
                raise AssertionError("not so: " + what)
            time.sleep(0.05)

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        """What was asked of whom, but for the page itself and what is in it."""
        urls = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        return [url for url in urls if url.split("#")[0] != self.path and url != "about:blank"
                and not url.startswith("data:")]

    def picture(self, name, whole=True):
        os.makedirs(PICTURES, exist_ok=True)
        if whole:
            metrics = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})
            size = metrics["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16000), "scale": 1}
            taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {
                "format": "png", "captureBeyondViewport": True, "clip": clip})
        else:
            taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        with open(os.path.join(PICTURES, name + ".png"), "wb") as file:
            file.write(base64.b64decode(taken["data"]))


def expect(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(word) for word in what))


def expect_equal(value, wanted):
    expect(value == wanted, repr(value), "is not", repr(wanted))


def cells(page, column):
    """At one moment: the page draws its rows anew whenever it likes."""
    return page.js("return [...document.querySelectorAll(arguments[0])].map(cell => cell.innerText)",
                   "#grid tbody tr:not(.spacer) .c-" + column)


def shown(page):
    return page.js("return table.shown.length")


def search(page, text):
    field = page.one("#query")
    field.clear()
    field.send_keys(text, Keys.ENTER)


# The tests: each gets a browser and the folder of the pages.

def page_opens_and_says_what_was_recorded(page, pages):
    page.open(pages + "/scene.html")
    expect_equal(page.driver.title, "conntrace: web1")
    expect("Recorded on web1, Linux 6.18.0" in page.text("#recorded"), page.text("#recorded"))
    expect("Lost 17 events: 17 ring buffer full" in page.text("#summary"), page.text("#summary"))
    expect("Not traced: " in page.text("#summary"), page.text("#summary"))
    expect(not page.one("#unfinished").is_displayed(), "it says that it is not whole")
    expect(page.all("#findings .finding"), "no finding")
    while page.all("#findings-list > button"):
        page.one("#findings-list > button").click()
    expect_equal(len(page.all("#findings .finding")), page.js("return data.findings.length"))
    for card, lines in zip(page.all("#findings .finding"), page.js("return data.findings.map(one => one.processes)")):
        expect(lines and all(line in card.text for line in lines), card.text)
    expect(page.all("#chart .area"), "no area")
    expect(page.all("#worst .card"), "no life")
    expect_equal(shown(page), 400)


def page_of_a_kept_recording_opens(page, pages):
    for name in ("resets", "retransmits", "losses"):
        out = os.path.join(pages, name + ".html")
        subprocess.run([PROGRAM, "report", os.path.join(ROOT, "tests", "golden", name + ".ctr"), "--html", out],
                       check=True)
        summaries = subprocess.run([PROGRAM, "report", "--json", os.path.join(ROOT, "tests", "golden", name + ".ctr")],
                                   check=True, capture_output=True, text=True).stdout.splitlines()
        page.open(out)
        expect_equal(shown(page), len(summaries))
        expect(not page.one("#unfinished").is_displayed(), "it says that it is not whole")
        expect_equal(page.complaints(), [])
        expect_equal(page.requests(), [])


def nothing_recorded_is_said(page, pages):
    page.open(pages + "/empty.html")
    expect("nothing found" in page.text("#findings"), page.text("#findings"))
    expect_equal(page.text("#worst-note"), "No connection was seen.")
    expect_equal(page.text("#count"), "all 0 connections")
    expect_equal(page.complaints(), [])


def page_that_was_cut_says_so(page, pages):
    whole, cut = pages + "/scene.html", pages + "/cut.html"
    with open(whole, "rb") as file:
        data = file.read()
    for n in (data.index(b'<script type="application/json"') + 5000, len(data) - 40, len(data) // 3):
        with open(cut, "wb") as file:
            file.write(data[:n])
        page.open(cut)
        expect(page.one("#unfinished").is_displayed(), "cut at", n, "it seems whole")
        expect(not page.all("#grid tbody tr"), "cut at", n, "it has rows")


def filters_narrow_the_table_down(page, pages):
    page.open(pages + "/scene.html")
    search(page, "nginx")
    page.wait("table.shown.length < 400 && table.shown.length > 0")
    expect(all(cell.startswith("nginx ") for cell in cells(page, "process")), cells(page, "process"))
    n = shown(page)
    search(page, "nginx 198.51.100.7:")
    page.wait("byId('query').value.length > 10")
    expect_equal(shown(page), n)
    search(page, "no such thing")
    page.wait("table.shown.length === 0")
    expect_equal(cells(page, "process"), [])
    page.one("#filter button[type=reset]").click()
    page.wait("table.shown.length === 400")
    Select(page.one("#by-end")).select_by_value("refused")
    page.wait("table.shown.length < 400")
    expect_equal(set(cells(page, "end")), {"refused"})
    Select(page.one("#by-flag")).select_by_value("any")
    expect(all(cells(page, "flags")), cells(page, "flags"))
    page.one("#filter button[type=reset]").click()
    page.wait("table.shown.length === 400")
    Select(page.one("#by-state")).select_by_visible_text(
        [o.text for o in Select(page.one("#by-state")).options if o.text.startswith("LAST_ACK")][0])
    page.wait("table.shown.length < 400 && table.shown.length > 0")
    expect(all(cell.startswith(("nginx ")) for cell in cells(page, "process")), cells(page, "process"))


def columns_sort_both_ways(page, pages):
    page.open(pages + "/scene.html")
    column = page.one("#grid thead .c-process button")
    column.click()
    up = page.js("return table.shown.map(i => get(lives[i], 'comm'))")
    expect_equal(up, sorted(up))
    expect_equal(page.one("#grid thead .c-process").get_attribute("aria-sort"), "ascending")
    page.one("#grid thead .c-process button").send_keys(Keys.ENTER)
    down = page.js("return table.shown.map(i => get(lives[i], 'comm'))")
    expect_equal(down, sorted(up, reverse=True))
    expect_equal(page.one("#grid thead .c-process").get_attribute("aria-sort"), "descending")
    expect_equal(page.one("#grid thead .c-opened").get_attribute("aria-sort"), "none")
    page.one("#grid thead .c-lived button").click()
    lived = page.js("return table.shown.map(i => lived(lives[i]))")
    expect_equal(lived, sorted(lived))
    page.js("""
        for (const [i, address, port] of [[3, '10.0.0.10', 80], [4, '10.0.0.9', 443], [5, '10.0.0.9', 80]]) {
            lives[i][COLUMN.raddr] = address;
            lives[i][COLUMN.rport] = port;
        }
    """)
    page.one("#grid thead .c-remote button").click()
    remote = page.js("return table.shown.filter(i => i >= 3 && i <= 5)")
    expect_equal(remote, [5, 4, 3])
    page.js("lives[7][COLUMN.bytes_sent] = null")
    for _ in range(2):
        page.one("#grid thead .c-sent button").click()
        expect_equal(page.js("return table.shown[399]"), 7)


def example_of_a_finding_leads_to_its_life(page, pages):
    page.open(pages + "/scene.html")
    link = page.one("#findings .examples a")
    ends = link.text
    link.click()
    page.wait("document.activeElement === byId('life')")
    expect_equal(page.text("#life-head"), ends)
    chosen = page.one("#grid tr[aria-selected=true]")
    expect(chosen.is_displayed(), "its row is not in sight")
    conn = chosen.find_element(By.CSS_SELECTOR, ".c-conn").text
    expect(conn in page.text("#life .facts"), "it is another life")
    expect(page.all("#life .bar"), "it has no bars")
    page.js("scrollTo(0, 0); byId('grid').focus()")
    page.one("#findings .examples a").click()  # once more: it is out of sight by now
    page.wait("document.activeElement === byId('life')")
    page.open(pages + "/scene.html", "#life-7")
    expect_equal(page.text("#life-head"), page.js("return bothEnds(lives[7])"))
    page.open(pages + "/scene.html", "#life-99999")
    expect_equal(page.text("#life-head"), "No connection chosen")


def table_is_used_from_the_keyboard(page, pages):
    page.open(pages + "/scene.html")
    grid = page.one("#grid")
    grid.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    active = grid.get_attribute("aria-activedescendant")
    expect_equal(active, "row-%d" % page.js("return table.shown[2]"))
    grid.send_keys(Keys.ENTER)
    page.wait("location.hash === '#life-' + table.shown[2]")
    expect_equal(page.text("#life-head"), page.js("return bothEnds(lives[table.shown[2]])"))
    grid.send_keys(Keys.END)
    page.wait("document.getElementById('row-' + table.shown[399])")
    expect_equal(page.one("#row-%d" % page.js("return table.shown[399]")).get_attribute("aria-rowindex"), "401")
    grid.send_keys(Keys.HOME)
    page.wait("table.active === 0 && byId('box').scrollTop === 0")
    picture = page.one("#chart svg")
    picture.send_keys(Keys.ARROW_RIGHT)
    first = page.text("#readout")
    picture.send_keys(Keys.PAGE_DOWN)
    expect(" on: " in first and page.text("#readout") != first, first)


def states_can_be_left_out_and_read_as_a_table(page, pages):
    page.open(pages + "/scene.html")
    n = len(page.all("#chart .area"))
    button = [b for b in page.all("#legend button") if b.text == "TIME_WAIT"][0]
    button.click()
    expect_equal(len(page.all("#chart .area")), n - 1)
    expect_equal(button.get_attribute("aria-pressed"), "false")
    page.one("#states details summary").click()
    states = [cell.text for cell in page.all("#states-table tbody th")]
    expect_equal(sorted(states), sorted(b.text for b in page.all("#legend button")))


def clock_can_be_chosen(page, pages):
    page.open(pages + "/scene.html")
    expect_equal(cells(page, "opened")[0], "22:13:20.000")
    expect("from 2023-11-14 22:13:20 (times of day: UTC), " in page.text("#recorded"), page.text("#recorded"))
    Select(page.one("#times")).select_by_value("relative")
    expect_equal(cells(page, "opened")[0], "0.000 s")
    try:
        page.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kolkata"})
        Select(page.one("#times")).select_by_value("local")
        expect_equal(cells(page, "opened")[0], "03:43:20.000")
        expect("from 2023-11-15 03:43:20 (times of day: local time of this browser, UTC+05:30 at that time), "
               in page.text("#recorded"), page.text("#recorded"))
    finally:
        page.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})


def days_are_told_where_there_are_several(page, pages):
    """Longer times have room in the table, and none stands on another in the picture."""
    try:
        for width in (360, 800, 1280):
            page.resize(width, 900)
            page.open(pages + "/scene.html")
            page.js("data.totals.observed_ns = 3 * 3600e9; setClock('utc'); readStates(); showTimes()")
            expect_equal(cells(page, "opened")[0], "2023-11-14 22:13:20.000")
            cut = page.js("return [...document.querySelectorAll('#grid tbody .c-opened')].filter("
                          "cell => cell.scrollWidth > cell.clientWidth).length")
            expect_equal(cut, 0)
            labels = page.js("""
                return [...document.querySelectorAll('#chart text')].filter(text => /^\\d+-\\d+-\\d+ /.test(text.textContent))
                    .map(text => [text.getBoundingClientRect().left, text.getBoundingClientRect().right]);
            """)
            expect(len(labels) >= 2 and all(a[1] < b[0] for a, b in zip(labels, labels[1:])), labels)
    finally:
        page.resize(1280, 900)


def durations_are_those_of_the_text(page, pages):
    """The sentences that stand beside them were written by conntrace itself."""
    page.open(pages + "/scene.html")
    expect_equal(page.js("return [12, 1005, 9996, 999499, 999500, 8566e6, 59940e6, 59960e6, 119e9].map(duration)"),
                 ["12 ns", "1.01 µs", "10.0 µs", "999 µs", "1.00 ms", "8.57 s", "59.9 s", "1m00s", "1m59s"])


def average_over_time_adds_up(page, pages):
    """What the areas hold together is what the lives lived, but for what lies beyond the end."""
    page.open(pages + "/scene.html")
    sums = page.js("""
        const lived = data.states.map(() => 0);
        for (const life of lives)
            eachStep(life, (state, from, to) => {
                lived[state] += Math.max(0, Math.min(to, chart.end) - Math.max(0, from));
            });
        return data.states.map((name, i) => [lived[i],
            chart.means[i].reduce((sum, value, part) => sum + value * lengthOf(part), 0)]);
    """)
    expect(sum(lived for lived, drawn in sums) > 0, "nobody lived")
    for lived, drawn in sums:
        expect(abs(lived - drawn) <= 1 + lived * 1e-9, lived, drawn)


def page_with_room_for_few_says_what_it_leaves_out(page, pages):
    """bounded.html is of the same lives as scene.html, and has room for 50 of them."""
    counted = "return [chart.seen, chart.unknown, [...chart.means[1]], data.totals.connections, data.totals.flagged]"
    page.open(pages + "/scene.html")
    all_of_them = page.js(counted)
    expect("This page shows" not in page.text("#page"), "it leaves something out")
    expect(not page.one("#left-out").is_displayed(), "a line with nothing in it")
    page.open(pages + "/bounded.html")
    expect_equal(page.js(counted), all_of_them)
    expect_equal(shown(page), 50)
    expect(page.text("#left-out").startswith("This page shows 50 of 400 connections: the examples of findings, then "),
           page.text("#left-out"))
    expect(page.text("#left-out") in page.text("#summary"), page.text("#summary"))
    expect_equal(page.text("#count"), "all 50 connections of this page")
    examples = page.js("return data.findings.flatMap(one => one.examples).map(findLife)")
    expect(examples and -1 not in examples, "not all examples are there:", examples)
    unflagged = page.js("return lives.map((life, i) => i).filter(i => !get(lives[i], 'marks').length)")
    expect(set(unflagged) <= set(examples), "one that is not flagged takes another's place")
    expect_equal(page.complaints(), [])


def names_that_are_markup_are_text(page, pages):
    page.open(pages + "/hostile.html")
    for index in (0, 25, 45, 65, 85, 105, 125, 145):
        page.js("location.hash = '#life-' + arguments[0]", index)
        page.wait("byId('life-head').textContent === bothEnds(lives[arguments[0]])", index)
    page.one("#grid").send_keys(Keys.END)
    for word in ("<script", "<img", "svg"):
        search(page, word)
        page.wait("table.shown.length > 0 && table.shown.length < lives.length")
    expect_equal(page.js("return [typeof window.pwned, typeof pwned]"), ["undefined", "undefined"])
    expect("<img src=x onerror=window.pwned=1>" in page.text("#recorded"), page.text("#recorded"))
    expect("</script><script>window.pwned=1</script><!--" in page.text("#made"), page.text("#made"))
    expect_equal(page.js("return document.querySelectorAll('img, iframe, b[onclick], svg[onload], script').length"), 1)
    names = page.js("return lives.map(life => get(life, 'comm'))")
    expect_equal(names[0], "<script>pwned=1")
    expect_equal(names[125], "\\u{202e}gnp.exe")
    expect_equal(names[145], "\\x1b[31mred")
    expect(page.js("return !/[\\u202a-\\u202e\\u0000-\\u0008\\u001b]/.test(document.documentElement.textContent)"),
           "a control character is in the page")
    expect_equal(page.complaints(), [])
    expect_equal(page.requests(), [])


def script_that_is_put_in_does_not_run(page, pages):
    """What the policy is for, should all else fail."""
    page.open(pages + "/scene.html")
    page.js("""
        const script = document.createElement('script');
        script.textContent = 'window.pwned = 1';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.pwned = 1">');
        const image = new Image();
        image.src = 'http://127.0.0.1:9/';
    """)
    page.wait("true")
    expect_equal(page.js("return typeof window.pwned"), "undefined")
    expect(any("Content Security Policy" in line for line in page.complaints()), "nobody complained")


def hundred_thousand_are_quick(page, pages):
    page.open(pages + "/many.html")
    expect_equal(shown(page), MANY)
    took = page.js("""
        const took = {}, rows = [];
        function measure(name, work) {
            const began = performance.now();
            work();
            byId('grid').offsetHeight;
            took[name] = performance.now() - began;
            rows.push(document.querySelectorAll('#grid tr').length);
        }
        byId('query').value = 'java';
        measure('first search', applyFilter);
        byId('query').value = 'nginx 198.51';
        measure('search', applyFilter);
        byId('query').value = '';
        measure('no search', applyFilter);
        table.sort = { id: 'remote', down: true };
        measure('sort', () => { sortShown(); drawRows(true); });
        measure('scroll', () => { byId('box').scrollTop = 1234567; drawRows(false); });
        took.rows = Math.max(...rows);
        return took;
    """)
    print("# ms: " + ", ".join("%s %.0f" % (name, ms) for name, ms in took.items()))
    expect(took["rows"] <= ROWS_DRAWN_MAX, took["rows"], "rows are drawn")
    expect(sum(took.values()) < PATIENCE_S * 1000, took)
    page.js("byId('box').scrollTop = byId('box').scrollHeight")
    page.wait("document.getElementById('row-' + table.shown[arguments[0]])", MANY - 1)
    last = page.one("#row-%d" % page.js("return table.shown[arguments[0]]", MANY - 1))
    box = page.one("#box").rect
    expect(last.rect["y"] + last.rect["height"] <= box["y"] + box["height"] + 2, last.rect, box)
    expect_equal(page.complaints(), [])
    expect_equal(page.requests(), [])


def nothing_is_wider_than_a_phone(page, pages):
    try:
        page.resize(360, 740)
        for name in ("scene", "bounded", "hostile", "empty"):
            page.open(pages + "/" + name + ".html", "#life-3")
            wide = page.js("""return [...document.querySelectorAll('body *')]
                .filter(node => !node.closest('#box, .scroll-x') && node.getBoundingClientRect().right > innerWidth + 1)
                .map(node => node.tagName + '#' + node.id + '.' + node.getAttribute('class'))""")
            expect_equal(wide, [])
            expect(page.js("return document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways")
    finally:
        page.resize(1280, 900)


def columns_are_as_wide_as_what_stands_in_them(page, pages):
    """Addresses of IPv4, names and cookies stand there whole where there is room; no name takes all of it."""
    words = ("opened", "lived", "local", "remote", "process", "end", "flags", "conn")
    cut = """return [...document.querySelectorAll(arguments[0])].filter(cell => cell.scrollWidth > cell.clientWidth)
        .map(cell => cell.innerText)"""
    selector = ", ".join("#grid tbody .c-" + word for word in words)
    try:
        kept = pages + "/kept.html"
        subprocess.run([PROGRAM, "report", "--force", os.path.join(ROOT, "tests", "golden", "whole-lives.ctr"),
                        "--html", kept], check=True)
        for width in (1280, 1920, 2560):
            page.resize(width, 1440)
            page.open(pages + "/scene.html")
            expect_equal(page.js(cut, selector), [])
            page.open(kept)
            expect(page.all(selector), "no cells")
            expect_equal(page.js(cut, selector), [])
            expect(page.js("return byId('box').scrollWidth <= byId('box').clientWidth"), "it scrolls sideways", width)
        page.resize(1280, 900)
        page.open(pages + "/hostile.html")
        widths = page.js("""return arguments[0].map(word => document.querySelector('#grid thead .c-' + word).offsetWidth /
            parseFloat(getComputedStyle(document.documentElement).fontSize))""", words)
        expect(all(width <= 13.5 for width in widths), widths)
    finally:
        page.resize(1280, 900)


def findings_are_told_at_a_glance(page, pages):
    """Their number has the colour of the worst; a few more than at first are not worth a click."""
    page.open(pages + "/scene.html")
    tile = "[...document.querySelectorAll('.tiles div')].find(one => one.innerText.startsWith('findings'))"
    expect_equal(page.js("return %s.className" % tile), page.js("return data.findings[0].severity"))
    more = "document.querySelector('#findings-list > button')"
    drawn = "document.querySelectorAll('#findings-list .finding').length"
    page.js("const one = data.findings[0]; data.findings = Array(8).fill(one); showFindings()")
    expect_equal(page.js("return [%s, %s]" % (drawn, more)), [8, None])
    page.js("data.findings = Array(9).fill(data.findings[0]); showFindings()")
    expect_equal(page.js("return [%s, %s !== null]" % (drawn, more)), [6, True])
    page.js("data.findings = [{ ...data.findings[0], severity: 'note' }]; showSummary()")
    expect_equal(page.js("return %s.className" % tile), "")
    page.js("data.findings = []; showSummary()")
    expect_equal(page.js("return %s.className" % tile), "")


def contrast_is_enough_in_both_schemes(page, pages):
    """WCAG 2.1, 1.4.3: 4.5 to 1 for text."""
    script = """
        const luminance = color => {
            const [r, g, b] = color.match(/[\\d.]+/g).map(Number).slice(0, 3).map(v => {
                v /= 255;
                return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = node => {
            for (; node; node = node.parentElement) {
                const color = getComputedStyle(node).backgroundColor;
                if (!/^rgba.*, 0\\)$/.test(color)) /* rgb(138, 103, 0) is a colour */
                    return color;
            }
            return 'rgb(255, 255, 255)';
        };
        const poor = [];
        for (const node of document.querySelectorAll('#page *')) {
            if (![...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()) || node.closest('svg'))
                continue;
            const style = getComputedStyle(node);
            const [a, b] = [luminance(style.color), luminance(ground(node))].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5)
                poor.push(node.tagName + '.' + node.getAttribute('class') + ' ' + node.textContent.slice(0, 20) +
                    ' ' + style.color + ' on ' + ground(node));
        }
        return [...new Set(poor)].slice(0, 10);
    """
    try:
        for dark in (False, True):
            page.scheme(dark)
            page.open(pages + "/scene.html", "#life-3")
            expect_equal(page.js(script), [])
    finally:
        page.scheme(False)


def pictures_are_taken(page, pages):
    try:
        for dark in (False, True):
            page.scheme(dark)
            for width, height in ((360, 740), (1280, 900), (2560, 1440)):
                page.resize(width, height)
                page.open(pages + "/scene.html", "#life-7")
                page.js("scrollTo(0, 0)")
                time.sleep(0.3)
                page.picture("%s-%d" % ("dark" if dark else "light", width))
        page.scheme(False)
        page.resize(1280, 900)
        for name in ("many", "hostile", "empty"):
            page.open(pages + "/" + name + ".html")
            time.sleep(0.3)
            page.picture(name)
    finally:
        page.scheme(False)
        page.resize(1280, 900)
    expect(len(os.listdir(PICTURES)) >= 9, os.listdir(PICTURES))


TESTS = [
    page_opens_and_says_what_was_recorded, page_of_a_kept_recording_opens, nothing_recorded_is_said,
    page_that_was_cut_says_so, filters_narrow_the_table_down, columns_sort_both_ways,
    example_of_a_finding_leads_to_its_life, table_is_used_from_the_keyboard,
    states_can_be_left_out_and_read_as_a_table, clock_can_be_chosen, days_are_told_where_there_are_several,
    durations_are_those_of_the_text, average_over_time_adds_up,
    page_with_room_for_few_says_what_it_leaves_out,
    names_that_are_markup_are_text, script_that_is_put_in_does_not_run, hundred_thousand_are_quick,
    nothing_is_wider_than_a_phone, columns_are_as_wide_as_what_stands_in_them, findings_are_told_at_a_glance,
    contrast_is_enough_in_both_schemes, pictures_are_taken,
]


def run_all(page, pages):
    failed = 0
    print("1..%d" % len(TESTS))
    for number, test in enumerate(TESTS, 1):
        try:
            test(page, pages)
            print("ok %d - %s" % (number, test.__name__))
        except Exception:  # whatever it is, the others run all the same
            failed += 1
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()), end="")
            print("not ok %d - %s" % (number, test.__name__))
        sys.stdout.flush()
    return failed


def start():
    """On a machine with much else to do it may take more than one attempt."""
    for _ in range(STARTS):
        try:
            return Page()
        except WebDriverException as problem:
            why = str(problem.msg).splitlines()[0]
    print("Chromium does not start here: " + why)
    return None


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory(prefix="conntrace-browser.") as pages:
        subprocess.run([sys.argv[1], pages], check=True)
        page = start()
        if not page:
            return 77
        try:
            return 1 if run_all(page, pages) else 0
        finally:
            page.driver.quit()


if __name__ == "__main__":
    sys.exit(main())
