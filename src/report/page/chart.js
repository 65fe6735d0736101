// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// How many connections were in which state when: areas on top of each other.

// From the bottom up: what lasts is below, what passes above it.
const STACK = ["ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT2", "TIME_WAIT", "SYN_SENT", "SYN_RECV", "FIN_WAIT1",
	"CLOSING", "LAST_ACK", "CLOSE", "LISTEN"];

const chart = {
	end: 1,       // of the recording, ns
	partNs: 1,    // how long a part of it is; the last may be cut
	parts: 1,
	means: [],    // by state and part: connections that were in it, on average over the part
	seen: [],     // by state: {lives, total, longest}
	unknown: 0,   // steps whose place in time is not known
	hidden: new Set(),
	cursor: null, // part
};

/// Where a part begins; the end behind the last.
function edge(part) {
	return Math.min(chart.end, part * chart.partNs);
}

function lengthOf(part) {
	return Math.max(1, edge(part + 1) - edge(part));
}

/// They were counted before the page was made, of all connections: it need not show all.
function readStates() {
	const none = [0, 0, 0, []];
	chart.end = Math.max(1, data.totals.observed_ns);
	chart.partNs = data.chart.part_ns;
	chart.parts = data.chart.parts;
	chart.unknown = data.chart.unknown;
	chart.seen = data.chart.states.map(state => state ?? none).map(([lives, total, longest]) => ({ lives, total, longest }));
	chart.means = data.chart.states.map(state => Float64Array.from({ length: chart.parts },
		(value, part) => ((state ?? none)[3][part] ?? 0) / lengthOf(part)));
}

/// States that there were, in the order of the stack.
function stackedStates() {
	return STACK.map(name => data.states.indexOf(name)).filter(state => state >= 0 && chart.seen[state].lives);
}

function shownStates() {
	return stackedStates().filter(state => !chart.hidden.has(state));
}

/// At most COUNT round steps from 0 on, the last of them at MAX or above.
function ticks(max, most) {
	const raw = max / most, power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].find(f => f * power >= raw) * power;
	const values = [];
	for (let i = 0; i * step < max + step; i++)
		values.push(i * step);
	return values;
}

function roundedMean(mean) {
	return mean === 0 ? "0" : mean < 0.01 ? "<0.01" : scaled(mean);
}

function readCursor() {
	const readout = byId("readout");
	if (chart.cursor === null) {
		readout.textContent = "Point at the picture, or use the arrow keys in it, to read it.";
		return;
	}
	const from = edge(chart.cursor), parts = shownStates().filter(state => chart.means[state][chart.cursor] > 0)
		.map(state => roundedMean(chart.means[state][chart.cursor]) + " " + data.states[state]);
	readout.textContent = time(from, 3) + " and " + duration(lengthOf(chart.cursor)) + " on: " + (parts.join(", ") || "none");
}

function moveCursor(part) {
	chart.cursor = part === null ? null : Math.max(0, Math.min(chart.parts - 1, part));
	const line = byId("cursor");
	if (line && chart.cursor !== null)
		line.setAttribute("transform", "translate(" + chart.xOf(edge(chart.cursor) + lengthOf(chart.cursor) / 2) + ")");
	if (line)
		line.classList.toggle("on", chart.cursor !== null);
	readCursor();
}

/// A stair: nothing is said of what happened inside of a part.
function areaPath(low, high, x, y) {
	const up = [], down = [];
	for (let i = 0; i < chart.parts; i++) {
		const left = x(edge(i)).toFixed(1), right = x(edge(i + 1)).toFixed(1);
		up.push(left + "," + y(high[i]).toFixed(1), right + "," + y(high[i]).toFixed(1));
		down.unshift(right + "," + y(low[i]).toFixed(1), left + "," + y(low[i]).toFixed(1));
	}
	return "M" + up.concat(down).join("L") + "Z";
}

/// The name of a state stands in its area, where that is high enough for as long as the name is.
function areaLabel(state, low, high, x, y) {
	const name = data.states[state], partPx = x(chart.partNs) - x(0);
	const half = Math.ceil(name.length * 4.5 / partPx);
	let best = null;
	for (let i = half; i < chart.parts - half; i += 2) {
		const top = y(Math.min(...high.slice(i - half, i + half + 1)));
		const bottom = y(Math.max(...low.slice(i - half, i + half + 1)));
		if (bottom - top > (best ? best.height : 16))
			best = { i, height: bottom - top, middle: (top + bottom) / 2 };
	}
	return best && svg("text", {
		x: x(edge(best.i) + lengthOf(best.i) / 2), y: best.middle + 4, "text-anchor": "middle", class: "area-name",
	}, name);
}

function drawAxes(picture, size, x, y, values) {
	for (const value of values)
		picture.append(
			svg("line", { x1: size.left, x2: size.width - size.right, y1: y(value), y2: y(value), class: "grid" }),
			svg("text", { x: size.left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)));
	const digits = chart.end < 10e9 ? 3 : 0, label = time(chart.end, digits).length * 7;
	const columns = Math.max(1, Math.min(size.width < 500 ? 2 : size.width < 900 ? 4 : 6,
		Math.floor((size.width - size.left - size.right) / (1.5 * label + 8)))); /* that none stands on another */
	for (let i = 0; i <= columns; i++) {
		const at = i * chart.end / columns;
		picture.append(svg("text", {
			x: x(at), y: size.height - 6, "text-anchor": i === 0 ? "start" : i === columns ? "end" : "middle",
		}, time(at, digits)));
	}
}

function drawLosses(picture, size, x) {
	for (const [at, events, where] of data.losses) {
		const px = x(Math.max(0, Math.min(chart.end, at)));
		picture.append(svg("line", { x1: px, x2: px, y1: size.top, y2: size.height - size.bottom, class: "loss" },
			svg("title", {}, count(events, "event") + (where === UNREADABLE ? " " : " lost: ") + where)));
	}
	if (data.losses.length)
		picture.append(svg("text", { x: size.left + 4, y: size.top - 4, class: "loss-name" },
			"dashed: events are missing here"));
}

function drawChart() {
	const box = byId("chart"), width = Math.max(280, Math.floor(box.clientWidth));
	const size = { width, height: width < 500 ? 220 : Math.max(300, Math.min(480, Math.round(width * 0.36))), left: 0, right: 8, top: 18, bottom: 26 };
	const states = shownStates();
	const x = ns => size.left + ns / chart.end * (size.width - size.left - size.right);
	let low = new Float64Array(chart.parts), most = 0;
	const areas = states.map(state => {
		const area = { state, low, high: low.map((value, i) => value + chart.means[state][i]) };
		low = area.high;
		return area;
	});
	most = low.reduce((a, b) => Math.max(a, b), 0);
	const values = ticks(Math.max(most, 1), 4), top = values[values.length - 1];
	size.left = 14 + 7.5 * Math.max(...values.map(value => number(value).length));
	const y = value => size.height - size.bottom - value / top * (size.height - size.top - size.bottom);
	const picture = svg("svg", {
		width: size.width, height: size.height, viewBox: "0 0 " + size.width + " " + size.height, role: "img",
		tabindex: 0, "aria-label": "Connections by state over " + duration(chart.end) + ", at most " +
			roundedMean(most) + " at a time. Arrow keys read it; the table below says the same.",
	});
	chart.xOf = x;
	drawAxes(picture, size, x, y, values);
	for (const area of areas)
		picture.append(svg("path", { d: areaPath(area.low, area.high, x, y), class: "area state-" + area.state },
			svg("title", {}, data.states[area.state])));
	picture.append(...areas.map(area => areaLabel(area.state, area.low, area.high, x, y)).filter(label => label));
	drawLosses(picture, size, x);
	picture.append(svg("line", { id: "cursor", y1: size.top, y2: size.height - size.bottom, class: "cursor" }));
	const point = event => {
		const px = event.clientX - picture.getBoundingClientRect().left - size.left;
		moveCursor(Math.floor(px / (size.width - size.left - size.right) * chart.end / chart.partNs));
	};
	picture.addEventListener("pointermove", point);
	picture.addEventListener("pointerdown", point); /* a finger that taps does not move */
	picture.addEventListener("keydown", event => {
		const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
		if (!step)
			return;
		event.preventDefault();
		moveCursor((chart.cursor ?? 0) + step);
	});
	box.replaceChildren(picture);
	moveCursor(chart.cursor);
}

function drawLegend() {
	byId("legend").replaceChildren(...stackedStates().map(state => {
		const button = el("button", { type: "button", "aria-pressed": String(!chart.hidden.has(state)) },
			el("span", { class: "swatch state-" + state, "aria-hidden": "true" }), data.states[state]);
		button.addEventListener("click", () => {
			if (!chart.hidden.delete(state))
				chart.hidden.add(state);
			button.setAttribute("aria-pressed", String(!chart.hidden.has(state)));
			drawChart();
		});
		return button;
	}));
}

function drawStatesTable() {
	const heads = ["State", "Lives that were in it", "At a time, on average", "Longest", "All together"];
	byId("states-table").replaceChildren(el("table", { class: "plain" },
		el("thead", {}, el("tr", {}, ...heads.map(head => el("th", { scope: "col" }, head)))),
		el("tbody", {}, ...stackedStates().map(state => {
			const seen = chart.seen[state];
			const mean = chart.means[state].reduce((sum, value, part) => sum + value * lengthOf(part), 0) / chart.end;
			return el("tr", {}, el("th", { scope: "row" }, data.states[state]),
				el("td", {}, number(seen.lives)), el("td", {}, roundedMean(mean)),
				el("td", {}, duration(seen.longest)), el("td", {}, duration(seen.total)));
		}))));
}

function showStates() {
	readStates();
	byId("states-note").textContent = "Connections in each state, on average over " +
		duration(Math.min(chart.partNs, chart.end)) + " each." + (chart.unknown
		? " " + count(chart.unknown, "stay") + " in a state left out: from when or until when is not known." : "");
	drawLegend();
	drawStatesTable();
	drawChart();
	let drawn = byId("chart").clientWidth;
	new ResizeObserver(() => {
		if (byId("chart").clientWidth === drawn)
			return;
		drawn = byId("chart").clientWidth;
		drawChart();
	}).observe(byId("chart"));
}
