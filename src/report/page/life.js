// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One life: its states as bars, its flags and events as marks, and everything that is known of it.

const NARROWEST = 0.012; // of the picture: a state that was there is seen, however short it was
const APART = 6;         // per cent: marks that are nearer to each other share a number

/// From where to where it is drawn, and x(): per cent of the width. To scale, but for states that
/// would be too narrow to see.
function spanOf(life) {
	const times = [];
	eachStep(life, (state, from, to) => { times.push(from, to); });
	if (!times.length)
		return null;
	const last = Math.max(...times, ...get(life, "events").map(event => event[0]));
	const stops = [...new Set([...times, last])].sort((a, b) => a - b), whole = last - stops[0], ends = [0];
	for (let i = 1; i < stops.length; i++)
		ends.push(ends[i - 1] + Math.max((stops[i] - stops[i - 1]) / whole, NARROWEST));
	const x = ns => {
		const i = stops.findIndex(stop => stop >= ns);
		if (i <= 0)
			return i < 0 ? 100 : 0;
		const part = (ns - stops[i - 1]) / (stops[i] - stops[i - 1]);
		return (ends[i - 1] + part * (ends[i] - ends[i - 1])) / ends[ends.length - 1] * 100;
	};
	return { from: stops[0], to: last, x };
}

/// A row's picture: bars and nothing else. The words stand beside it.
function stateBars(life, span, withNames) {
	const bars = el("div", { class: "bars", "aria-hidden": "true" });
	eachStep(life, (state, from, to, step) => {
		const name = data.states[state], left = span.x(from), width = span.x(to) - left;
		const bar = el("span", {
			class: "bar state-" + state + (step.basis === FOUND ? " found" : ""),
			title: name + " " + duration(step.lasted ?? to - from),
		}, withNames && width > 15 ? name : "");
		bar.style.left = "min(" + left + "%, 100% - 3px)";
		bar.style.width = width + "%";
		bars.append(bar);
	});
	return bars;
}

/// Flags and events in the order of time.
function happenings(life) {
	const flags = get(life, "marks").map(([flag, at, evidence]) => ({
		at, what: data.flags[flag], detail: evidence, kind: badFlags.has(flag) ? "bad" : "flag",
	}));
	const events = get(life, "events").map(([at, what, detail]) => ({ at, what, detail, kind: "event" }));
	return flags.concat(events).sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
}

/// The numbers of the list below, where they belong in time.
function markRow(marks, span) {
	const row = el("div", { class: "marks", "aria-hidden": "true" }), groups = [], worse = ["event", "flag", "bad"];
	marks.forEach((mark, i) => {
		const x = span && mark.at !== null ? span.x(mark.at) : null, group = groups[groups.length - 1];
		if (x === null)
			return;
		const title = time(mark.at) + " " + mark.what + " " + mark.detail;
		if (!group || x - group.x > APART) {
			groups.push({ x, first: i + 1, last: i + 1, kind: mark.kind, titles: [title] });
			return;
		}
		group.last = i + 1;
		group.titles.push(title);
		if (worse.indexOf(mark.kind) > worse.indexOf(group.kind))
			group.kind = mark.kind;
	});
	for (const group of groups) {
		const before = group.x > 50; /* the number stands on that side of its line where there is more room */
		const node = el("span", {
			class: "mark is-" + group.kind + (before ? " before" : ""), title: group.titles.join("\n"),
		}, group.first === group.last ? String(group.first) : group.first + "–" + group.last);
		node.style[before ? "right" : "left"] = (before ? 100 - group.x : group.x) + "%";
		row.append(node);
	}
	return row;
}

/// Bars, marks, axis, and the same in words. MOST happenings are listed.
function lifePicture(life, most) {
	const span = spanOf(life), marks = happenings(life), left = get(life, "events_left_out");
	const list = el("ol", { class: "happenings" }, ...marks.slice(0, most).map(mark => el("li", { class: "is-" + mark.kind },
		el("span", { class: "when" }, time(mark.at)), " ", el("b", {}, mark.what), " " + mark.detail)));
	const more = marks.length - Math.min(marks.length, most) + left;
	const axis = span ? el("div", { class: "axis", "aria-hidden": "true" },
		el("span", {}, (get(life, "opened") === null && !get(life, "unseen") ? "found " : "") + time(span.from, 3)),
		el("span", {}, duration(span.to - span.from)),
		el("span", {}, (isThere(life) ? "still there " : "") + time(span.to, 3))) : null;
	return el("div", { class: "picture" }, markRow(marks.slice(0, most), span), stateBars(life, span, true), axis,
		el("p", { class: "history" }, historyText(life)), marks.length ? list : null,
		more ? el("p", { class: "note" }, "and " + count(more, "mark") + " more, not listed here") : null);
}

function lifeLink(index, ...text) {
	const link = el("a", { href: "#life-" + index }, ...text);
	link.addEventListener("click", () => {
		if (location.hash === "#life-" + index) /* nothing else would happen */
			followHash();
	});
	return link;
}

/// A life in the list of the worst.
function lifeCard(index) {
	const life = lives[index];
	return el("article", { class: "card" },
		el("h3", {}, lifeLink(index, bothEnds(life))),
		el("p", {}, process(life) + ", " + get(life, "outcome")),
		lifePicture(life, 4));
}

function yesNo(value) {
	return value === null ? null : value ? "yes" : "no";
}

/// Pairs of a name and what is known; what is null is said to be not known.
function factsOf(life) {
	const us = name => get(life, name) === null ? null : duration(get(life, name) * 1e3);
	const uid = get(life, "uid"), netns = get(life, "netns"), cgroup = get(life, "cgroup");
	return [
		["conn", get(life, "conn")], ["process", process(life)], ["owner known by", get(life, "owner")],
		["role", get(life, "role")], ["uid", uid === null ? null : String(uid)],
		["network namespace", netns === null ? null : String(netns)],
		["cgroup", cgroup === null ? null : String(cgroup)],
		["opened", get(life, "opened") !== null ? time(get(life, "opened")) : get(life, "unseen") ? "not seen" : "before the trace"],
		["found", get(life, "found") === null ? null : time(get(life, "found"))],
		["gone", get(life, "closed") === null ? null : time(get(life, "closed"))],
		["end", get(life, "outcome")], ["closed on our side by", get(life, "closed_how")],
		["handshake", us("handshake_us")],
		["sent", get(life, "bytes_sent") === null ? null : bytes(get(life, "bytes_sent"))],
		["received", get(life, "bytes_received") === null ? null : bytes(get(life, "bytes_received"))],
		["retransmits", get(life, "retransmits")], ["keepalives sent while traced", get(life, "keepalives_sent")],
		["srtt", us("srtt_us")], ["min rtt", us("min_rtt_us")],
		["MPTCP subflow", yesNo(get(life, "mptcp"))],
		["options", get(life, "options")], ["gaps", get(life, "gaps")],
	];
}

// What a life need not have: said only where it is known.
const OPTIONAL = new Set(["found", "closed on our side by", "options", "cgroup"]);

/// Everything there is to know of the chosen one.
function showLife(index) {
	const life = lives[index];
	byId("life-head").textContent = bothEnds(life);
	byId("life-body").replaceChildren(el("p", { class: "back" }, el("a", { href: "#connections" }, "Back to the table")),
		lifePicture(life, 64),
		el("dl", { class: "facts" }, ...factsOf(life)
			.filter(([name, value]) => value !== null || !OPTIONAL.has(name))
			.map(([name, value]) => el("div", {}, el("dt", {}, name),
				el("dd", {}, value === null ? "not known" : String(value))))));
}
