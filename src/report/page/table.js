// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The table of all connections. Only the rows in sight are in the document.

const ROWS_BESIDE = 8;        // drawn above and below what is in sight
const TALLEST_PX = 8e6;       // browsers have no elements of any height
const PAGE_ROWS = 10;
const FLAG_PX = 135;          // a long one
const LIVES_MEASURED = 5000;

const table = {
	shown: [],                // places of the lives that the filter lets through, sorted
	sort: { id: "opened", down: false, fits: true },
	active: -1,               // in shown
	chosen: -1,               // in lives
	first: -1,                // drawn row
	flagsRoom: 1,             // how many flags stand beside each other
	texts: null,              // of each life, for the search
};

/// A connect() that nothing had answered: its end has no word for that.
function wasGivenUp(life) {
	return get(life, "outcome").startsWith("connect() given up");
}

function endText(life) {
	const by = get(life, "closed_by");
	return isThere(life) ? (lastState(life) ?? "open")
		: wasGivenUp(life) ? "given up"
		: get(life, "end") + (by && get(life, "end") === "fin" ? " by " + by : "");
}

/// 10.0.0.9 comes before 10.0.0.10. They are few, beside the lives that have them.
const hostKey = (() => {
	const keys = new Map();
	return address => {
		if (!keys.has(address))
			keys.set(address, address.includes(":") ? address : address.replace(/\d+/g, digits => digits.padStart(3, "0")));
		return keys.get(address);
	};
})();

function portKey(address, port) {
	return hostKey(address ?? "") + " " + String(port ?? 0).padStart(5, "0");
}

/// By name, and of a name by pid.
function processKey(life) {
	const comm = get(life, "comm");
	return comm === null ? null : comm + "\0" + String(get(life, "pid") ?? 0).padStart(10, "0");
}

/// As many as there is room for, trouble first; of the others how many they are.
function flagCell(life) {
	const flags = flagsOf(life).sort((a, b) => badFlags.has(b) - badFlags.has(a));
	const room = table.flagsRoom, names = flags.map(flag => data.flags[flag]);
	const shown = flags.slice(0, room).map(flag => el("span", {
		class: "flag" + (badFlags.has(flag) ? " bad" : ""), title: names.join(", "),
	}, data.flags[flag]));
	return flags.length > room ? [...shown, el("span", { title: names.join(", ") }, "+" + (flags.length - room))] : shown;
}

const columns = [
	{ id: "opened", title: "Since", key: since, text: life => get(life, "opened") === null ? "≤ " + time(since(life), 0) : time(since(life), 3), fits: true },
	{ id: "lived", title: "Lived", key: lived, text: life => (get(life, "duration_ns") === null ? "≥ " : "") + duration(lived(life)), right: true },
	{ id: "life", title: "States", node: life => [stateBars(life, spanOf(life), false)] },
	{ id: "local", title: "Local", key: life => portKey(get(life, "laddr"), get(life, "lport")), text: localEnd, fits: true },
	{ id: "remote", title: "Remote", key: life => portKey(get(life, "raddr"), get(life, "rport")), text: remoteEnd, fits: true },
	{ id: "process", title: "Process", key: processKey, text: process, fits: true },
	{ id: "end", title: "End", key: endText, text: endText, fits: true },
	{ id: "flags", title: "Flags", key: life => -get(life, "marks").length - (isBad(life) ? 100 : 0), node: flagCell },
	{ id: "sent", title: "Sent", key: life => get(life, "bytes_sent"), text: life => bytes(get(life, "bytes_sent")), right: true },
	{ id: "received", title: "Received", key: life => get(life, "bytes_received"), text: life => bytes(get(life, "bytes_received")), right: true },
	{ id: "conn", title: "Conn", key: life => get(life, "conn"), text: life => get(life, "conn") ?? NOT_KNOWN, fits: true },
];

/// What is not known comes last, whichever way it is sorted.
function sortShown() {
	const column = columns.find(one => one.id === table.sort.id), sign = table.sort.down ? -1 : 1;
	const keys = new Array(lives.length);
	for (const i of table.shown)
		keys[i] = column.key(lives[i]);
	table.shown.sort((a, b) => {
		const x = keys[a], y = keys[b];
		if (x === y)
			return a - b;
		if (x === null || y === null)
			return x === null ? 1 : -1;
		return x < y ? -sign : sign;
	});
}

function textOf(life) {
	const states = get(life, "history").filter((value, i) => i % 4 === 0).map(state => data.states[state]);
	return [get(life, "conn"), localEnd(life), remoteEnd(life), process(life), endText(life), get(life, "outcome"),
		...flagsOf(life).map(flag => data.flags[flag]), ...states].join(" ").toLowerCase();
}

function matcher() {
	const words = byId("query").value.toLowerCase().split(/\s+/).filter(word => word);
	const state = byId("by-state").value, flag = byId("by-flag").value, end = byId("by-end").value;
	if (words.length && !table.texts)
		table.texts = lives.map(textOf);
	return i => {
		const life = lives[i];
		if (end && get(life, "end") !== end)
			return false;
		if (flag && !get(life, "marks").some(mark => flag === "any" || mark[0] === Number(flag)))
			return false;
		if (state && !get(life, "history").some((value, k) => k % 4 === 0 && value === Number(state)))
			return false;
		return words.every(word => table.texts[i].includes(word));
	};
}

function applyFilter() {
	const passes = matcher();
	table.shown = [];
	for (let i = 0; i < lives.length; i++)
		if (passes(i))
			table.shown.push(i);
	sortShown();
	table.active = table.shown.length ? 0 : -1;
	byId("count").textContent = (table.shown.length === lives.length ? "all " : number(table.shown.length) + " of ") +
		count(lives.length, "connection") + (leftOut() ? " of this page" : "");
	byId("grid").setAttribute("aria-rowcount", String(table.shown.length + 1));
	byId("box").scrollTop = 0;
	drawRows(true);
}

/// Each column of words as wide as what stands in it, so that none is cut while another has room left. A letter has its
/// width, whichever stands beside it; of very many lives some are looked at.
function fitColumns() {
	const grid = byId("grid"), pen = document.createElement("canvas").getContext("2d"), style = getComputedStyle(grid);
	const rem = parseFloat(getComputedStyle(document.documentElement).fontSize), letters = new Map();
	const widthOf = text => {
		let px = 0;
		for (const one of text) {
			const letter = one >= "0" && one <= "9" ? "0" : one; // digits are all as wide there
			if (!letters.has(letter))
				letters.set(letter, pen.measureText(letter).width);
			px += letters.get(letter);
		}
		return px;
	};
	pen.font = style.fontSize + " " + style.fontFamily;
	const every = Math.ceil(lives.length / LIVES_MEASURED);
	for (const column of columns.filter(one => one.fits)) {
		let px = widthOf(column.title + " ▲") * 1.15; // it is bold
		for (let i = 0; i < lives.length; i += every)
			px = Math.max(px, widthOf(column.text(lives[i])));
		grid.style.setProperty("--w-" + column.id, (px / rem + 1.15).toFixed(2) + "rem");
	}
}

function rowHeight() {
	const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
	return Math.round(rem * (matchMedia("(max-width: 700px)").matches ? 6.4 : 1.9));
}

function cellOf(column, life) {
	const text = column.text ? column.text(life) : null;
	return el("td", { role: "gridcell", class: "c-" + column.id + (column.right ? " right" : ""), title: text },
		...(column.node ? column.node(life) : [text]));
}

function rowOf(place) {
	const index = table.shown[place], life = lives[index];
	const row = el("tr", {
		role: "row", id: "row-" + index, "aria-rowindex": place + 2, "aria-selected": String(index === table.chosen),
		class: place === table.active ? "active" : null,
	}, ...columns.map(column => cellOf(column, life)));
	row.addEventListener("click", () => {
		table.active = place;
		openLife(index);
		drawRows(true);
	});
	return row;
}

function spacer(px) {
	const row = el("tr", { "aria-hidden": "true", class: "spacer" }, el("td", { colspan: columns.length }));
	row.firstChild.style.height = px + "px";
	return row;
}

/// Where the rows are in the box: places of lives, and pixels above and below them.
function layOut() {
	const box = byId("box"), px = rowHeight(), n = table.shown.length;
	const inSight = Math.ceil(box.clientHeight / px) + 1, tall = Math.min(n * px, TALLEST_PX);
	const scrolled = Math.max(0, box.scrollTop);
	if (tall === n * px) {
		const first = Math.max(0, Math.min(n - 1, Math.floor(scrolled / px)) - ROWS_BESIDE);
		const last = Math.min(n, first + inSight + 2 * ROWS_BESIDE);
		return { px, first, last, above: first * px, below: (n - last) * px };
	}
	const share = Math.min(1, scrolled / (tall - box.clientHeight));
	const first = Math.max(0, Math.floor(share * (n - inSight + 1)));
	const last = Math.min(n, first + inSight);
	const above = Math.min(scrolled, tall - (last - first) * px);
	return { px, first, last, above, below: Math.max(0, tall - above - (last - first) * px) };
}

function flagsRoom() {
	const head = byId("grid").tHead.querySelector(".c-flags");
	return matchMedia("(max-width: 700px)").matches ? 2 : Math.max(1, Math.min(3, Math.floor((head?.offsetWidth ?? 0) / FLAG_PX)));
}

function drawRows(anyway) {
	const { px, first, last, above, below } = layOut();
	if (!anyway && first === table.first)
		return;
	table.first = first;
	const grid = byId("grid"), rows = [];
	grid.style.setProperty("--row", px + "px");
	table.flagsRoom = flagsRoom();
	for (let place = first; place < last; place++)
		rows.push(rowOf(place));
	grid.tBodies[0].replaceChildren(spacer(above), ...rows, spacer(below));
	const active = table.shown[table.active];
	if (active !== undefined && table.active >= first && table.active < last)
		grid.setAttribute("aria-activedescendant", "row-" + active);
	else
		grid.removeAttribute("aria-activedescendant");
}

function scrollToRow(place) {
	const box = byId("box"), px = rowHeight(), n = table.shown.length;
	const head = byId("grid").tHead.offsetHeight;
	if (n * px > TALLEST_PX)
		box.scrollTop = place / n * (TALLEST_PX - box.clientHeight);
	else if (place * px < box.scrollTop)
		box.scrollTop = place * px;
	else if ((place + 1) * px > box.scrollTop + box.clientHeight - head)
		box.scrollTop = (place + 1) * px - box.clientHeight + head;
}

function moveActive(place) {
	if (!table.shown.length)
		return;
	table.active = Math.max(0, Math.min(table.shown.length - 1, place));
	scrollToRow(table.active);
	drawRows(true);
}

function drawHead() {
	const row = el("tr", { role: "row", "aria-rowindex": 1 }, ...columns.map(column => {
		const sorted = column.id === table.sort.id;
		const head = el("th", {
			role: "columnheader", scope: "col", class: "c-" + column.id + (column.right ? " right" : ""),
			"aria-sort": !column.key ? null : sorted ? (table.sort.down ? "descending" : "ascending") : "none",
		});
		if (!column.key) {
			head.append(column.title);
			return head;
		}
		const button = el("button", { type: "button" }, column.title,
			el("span", { "aria-hidden": "true" }, sorted ? (table.sort.down ? " ▼" : " ▲") : ""));
		button.addEventListener("click", () => {
			table.sort = { id: column.id, down: sorted && !table.sort.down };
			sortShown();
			drawHead();
			byId("box").scrollTop = 0;
			table.active = table.shown.length ? 0 : -1;
			drawRows(true);
			byId("grid").tHead.querySelector(".c-" + column.id + " button").focus();
		});
		head.append(button);
		return head;
	}));
	byId("grid").tHead.replaceChildren(row);
}

function option(value, text) {
	return el("option", { value: String(value) }, text);
}

/// How many lives have each of the values that list(life) gives.
function tally(list) {
	const counts = new Map();
	for (const life of lives)
		for (const value of new Set(list(life)))
			counts.set(value, (counts.get(value) || 0) + 1);
	return [...counts.entries()].sort((a, b) => b[1] - a[1]);
}

function fillChoices() {
	const states = tally(life => get(life, "history").filter((value, i) => i % 4 === 0));
	const flags = tally(flagsOf), ends = tally(life => [get(life, "end")]);
	byId("by-state").replaceChildren(option("", "any"),
		...states.map(([state, n]) => option(state, data.states[state] + " (" + number(n) + ")")));
	byId("by-flag").replaceChildren(option("", "any or none"), option("any", "any flag (" + number(lives.filter(life => get(life, "marks").length).length) + ")"),
		...flags.map(([flag, n]) => option(flag, data.flags[flag] + " (" + number(n) + ")")));
	byId("by-end").replaceChildren(option("", "any"), ...ends.map(([end, n]) => option(end, end + " (" + number(n) + ")")));
}

function onGridKey(event) {
	if (event.target !== byId("grid"))
		return;
	const n = table.shown.length;
	const places = {
		ArrowDown: table.active + 1, ArrowUp: table.active - 1, PageDown: table.active + PAGE_ROWS,
		PageUp: table.active - PAGE_ROWS, Home: 0, End: n - 1,
	};
	if (event.key in places)
		moveActive(places[event.key]);
	else if ((event.key === "Enter" || event.key === " ") && table.active >= 0)
		openLife(table.shown[table.active]);
	else
		return;
	event.preventDefault();
}

/// The chosen one is marked in the table, if the filter lets it through.
function chooseRow(index) {
	table.chosen = index;
	const place = table.shown.indexOf(index);
	if (place >= 0)
		moveActive(place);
	else
		drawRows(true);
}

function showTable() {
	byId("left-out").textContent = leftOut() ?? "";
	byId("left-out").hidden = !leftOut();
	byId("grid").setAttribute("aria-colcount", String(columns.length));
	byId("grid").append(el("thead", { role: "rowgroup" }), el("tbody", { role: "rowgroup" }));
	fillChoices();
	fitColumns();
	drawHead();
	applyFilter();
	let waiting = 0;
	const later = () => {
		clearTimeout(waiting);
		waiting = setTimeout(applyFilter, 80);
	};
	byId("query").addEventListener("input", later);
	for (const id of ["by-state", "by-flag", "by-end"])
		byId(id).addEventListener("change", applyFilter);
	byId("filter").addEventListener("submit", event => {
		event.preventDefault();
		clearTimeout(waiting);
		applyFilter();
	});
	byId("filter").addEventListener("reset", () => setTimeout(applyFilter)); // the fields are as they were until then
	byId("box").addEventListener("scroll", () => requestAnimationFrame(() => drawRows(false)), { passive: true });
	byId("grid").addEventListener("keydown", onGridKey);
	new ResizeObserver(() => drawRows(true)).observe(byId("box"));
}
