// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// From the data to the page, once; and again where the clock is chosen anew.

/// #life-17: the life at that place is chosen. What else stands there is for the browser.
function followHash() {
	const match = /^#life-(\d{1,9})$/.exec(location.hash);
	const index = match ? Number(match[1]) : -1;
	if (index < 0 || index >= lives.length)
		return;
	chooseRow(index);
	showLife(index);
	byId("life").scrollIntoView({ block: "nearest" });
	byId("life").focus({ preventScroll: true });
}

/// Goes there again if it is chosen already: it may be out of sight.
function openLife(index) {
	if (location.hash === "#life-" + index)
		followHash();
	else
		location.hash = "#life-" + index;
}

function setClock(mode) {
	clock.mode = mode;
	clock.withDate = false;
	const first = new Date(clock.beganUs / 1e3), last = new Date(clock.beganUs / 1e3 + data.totals.observed_ns / 1e6);
	clock.withDate = mode !== "relative" && dateOf(first) !== dateOf(last);
	byId("grid").classList.toggle("with-date", clock.withDate);
}

function showTimes() {
	showSummary();
	drawChart();
	showWorst();
	fitColumns();
	drawRows(true);
	if (table.chosen >= 0)
		showLife(table.chosen);
}

function showPage() {
	clock.beganUs = data.session.began_us;
	byId("times").value = data.session.time;
	setClock(data.session.time);
	byId("unfinished").hidden = true;
	byId("page").hidden = false;
	showSummary();
	showFindings();
	showStates();
	showWorst();
	showTable();
	byId("times").addEventListener("change", () => {
		setClock(byId("times").value);
		showTimes();
	});
	addEventListener("hashchange", followHash);
	followHash();
}

showPage();
