// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What was recorded and lost, what is wrong, and which lives to look at first.

const FINDINGS_FIRST = 6;
const FINDINGS_SPARED = 2;   // so few are not worth a click
const WORST_AT_ONCE = 8;

/// By which rule a page has less lives than were counted; null: it has all.
function leftOut() {
	if (lives.length === data.totals.lives)
		return null;
	return "This page shows " + number(lives.length) + " of " + count(data.totals.lives, "connection") +
		": the examples of findings, then those with the most flags of trouble (gap does not count as one), " +
		"among equals those with the most flags at all, and then those that came into sight first. The totals, " +
		"the findings and the states over time count all of them; a search and a filter look through those that are shown.";
}

/// Since when, and in which zone the times of day are: the page is read anywhere.
function began() {
	const at = new Date(clock.beganUs / 1e3);
	if (clock.mode === "relative" || isNaN(at))
		return " (times: seconds since the start)";
	return ", from " + dateOf(at) + " " + time(0, 0).slice(-8) + " (times of day: " + (clock.mode === "utc" ? "UTC"
		: "local time of this browser, " + zoneAt(at) + " at that time") + ")";
}

function showSummary() {
	const session = data.session, totals = data.totals;
	byId("recorded").textContent = "Recorded on " + (session.host ?? NOT_KNOWN) + ", Linux " +
		(session.kernel ?? NOT_KNOWN) + " " + (session.machine ?? "") + began() +
		(totals.observed_ns ? ", for " + duration(totals.observed_ns) : ", for how long is not known");
	const losses = data.lost.filter(([where]) => where !== UNREADABLE), sum = list => list.reduce((all, [, events]) => all + events, 0);
	const lost = sum(losses), unreadable = sum(data.lost) - lost; /* what was recorded the tracer has not lost */
	const tiles = [
		["connections", number(totals.connections)], ["flagged", number(totals.flagged)],
		["findings", number(data.findings.length), ["crit", "warn"].find(one => one === data.findings[0]?.severity)], ["listeners", number(totals.listeners)],
		["events lost", number(lost), lost ? "crit" : null],
		...(unreadable ? [["events unreadable", number(unreadable), "crit"]] : []),
		["gaps in histories", number(totals.gaps)],
	];
	fill(byId("summary"),
		el("dl", { class: "tiles" }, ...tiles.map(([name, value, grade]) => el("div", { class: grade }, el("dt", {}, name),
			el("dd", {}, value)))),
		data.problem ? el("p", { class: "alarm" }, "The recording is not whole: " + data.problem) : null,
		lost || unreadable ? el("p", { class: "alarm" }, (lost ? "Lost " + count(lost, "event") + ": " + losses
			.map(([where, events]) => number(events) + " " + where).join(", ") + ". " : "") +
			(unreadable ? "Unreadable: " + count(unreadable, "event") + ". " : "") +
			"Connections that may miss one are flagged gap.") : el("p", {}, data.problem ?
				"In what is left of it no loss is told." : "No event was lost."),
		leftOut() ? el("p", { class: "left-out" }, leftOut()) : null,
		data.strays ? el("p", { class: "note" }, data.strays) : null,
		data.not_traced.length ? el("ul", { class: "note" }, ...data.not_traced.map(([level, what, why]) =>
			el("li", {}, (level === "absent" ? "Not traced: " : "Traced in part: ") + what +
				(why ? " (" + why + ")" : "")))) : null,
		totals.unkept ? el("p", { class: "note" }, count(totals.unkept, "event") +
			" of connections are not marked in their pictures: too many had some at once.") : null,
		totals.unclaimed ? el("p", { class: "note" }, count(totals.unclaimed, "event") +
			(totals.unclaimed === 1 ? " is" : " are") + " marked in no picture: of listeners, of handshakes that no socket " +
			"stood for yet, or of connections that were not followed at that time.") : null);
	byId("made").textContent = "By conntrace " + (session.version ?? NOT_KNOWN) + ": " + (session.command ?? NOT_KNOWN);
	document.title = "conntrace: " + (session.host ?? "report");
}

function exampleItem(example) {
	const index = findLife(example);
	const ends = endpoint(example.laddr, example.lport) + " → " + endpoint(example.raddr, example.rport);
	if (index < 0)
		return el("li", {}, ends);
	return el("li", {}, lifeLink(index, bothEnds(lives[index])), " " + get(lives[index], "outcome"));
}

function findingCard(finding) {
	return el("article", { class: "card finding " + finding.severity },
		el("h3", {}, el("span", { class: "severity" }, finding.severity.toUpperCase()), " " + finding.summary),
		el("p", { class: "note" }, finding.id + ", confidence " + finding.confidence + ", " +
			count(finding.count, "connection")),
		el("dl", {},
			el("dt", {}, finding.processes.length > 1 ? "Processes" : "Process"),
			el("dd", {}, ...finding.processes.map(line => el("div", {}, line))),
			el("dt", {}, "Evidence"), el("dd", {}, finding.evidence.join(", ") || NOT_KNOWN),
			el("dt", {}, "Examples"), el("dd", {}, el("ul", { class: "examples" }, ...finding.examples.map(exampleItem))),
			el("dt", {}, "Confirm"), el("dd", {}, el("code", {}, finding.confirm || NOT_KNOWN)),
			el("dt", {}, "Remedy"), el("dd", {}, finding.remedy || NOT_KNOWN)));
}

function showFindings() {
	const lines = (data.diagnosis || "").split("\n").filter(line => line);
	const n = data.findings.length > FINDINGS_FIRST + FINDINGS_SPARED ? FINDINGS_FIRST : data.findings.length;
	const first = data.findings.slice(0, n), others = data.findings.slice(n);
	byId("findings-list").replaceChildren(...lines.map(line => el("p", { class: "note" }, line)), ...first.map(findingCard));
	if (!others.length)
		return;
	const more = el("button", { type: "button" }, "Show " + count(others.length, "finding") + " more, none of them worse");
	more.addEventListener("click", () => {
		more.replaceWith(...others.map(findingCard));
		byId("findings-list").children[lines.length + first.length].querySelector("a, code").focus();
	});
	byId("findings-list").append(more);
}

/// Examples of findings first, then those that are flagged, trouble before what is only unusual.
function worstLives() {
	const chosen = new Set();
	for (const finding of data.findings)
		for (const example of finding.examples) {
			const index = findLife(example);
			if (index >= 0)
				chosen.add(index);
		}
	const bad = [], noted = [];
	lives.forEach((life, i) => {
		if (get(life, "marks").length)
			(isBad(life) ? bad : noted).push(i);
	});
	for (const index of bad.concat(noted))
		chosen.add(index);
	return [...chosen];
}

let worstShown = WORST_AT_ONCE;

function showWorst() {
	let worst = worstLives();
	const flagged = worst.length;
	if (!flagged) /* the longest, then */
		worst = lives.map((life, i) => i)
			.sort((a, b) => lived(lives[b]) - lived(lives[a])).slice(0, 3);
	byId("worst-note").textContent = !lives.length ? "No connection was seen."
		: flagged ? number(flagged) + (flagged === 1 ? " life" : " lives") + (leftOut() ? " of those that this page shows" : "") +
			": examples of findings first, then those that are flagged. Bars are to scale, and no narrower than a line."
		: "No connection is flagged: here are the longest" + (leftOut() ? " of those that this page shows." : ".");
	byId("worst-list").replaceChildren(...worst.slice(0, worstShown).map(lifeCard));
	byId("worst-more").hidden = worst.length <= worstShown;
	byId("worst-more").onclick = () => {
		worstShown += WORST_AT_ONCE;
		showWorst();
	};
}
