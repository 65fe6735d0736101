// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The recording: lives are arrays, and COLUMN says where in them a value stands.

const data = JSON.parse(byId("data").textContent);
byId("data").remove(); // it is as large as all lives together

const lives = data.lives;
const COLUMN = {};
data.fields.forEach((name, i) => { COLUMN[name] = i; });
const badFlags = new Set(data.bad_flags);
const FOUND = data.bases.indexOf("found");

function get(life, name) {
	return life[COLUMN[name]];
}

function endpoint(address, port) {
	const host = address === null ? NOT_KNOWN : address.includes(":") ? "[" + address + "]" : address;
	return host + ":" + (port === null ? NOT_KNOWN : port);
}

function localEnd(life) {
	return endpoint(get(life, "laddr"), get(life, "lport"));
}

function remoteEnd(life) {
	return endpoint(get(life, "raddr"), get(life, "rport"));
}

/// Who opened it is where the arrow starts.
function bothEnds(life) {
	const arrows = { active: " → ", passive: " ← " };
	return localEnd(life) + (arrows[get(life, "role")] || " — ") + remoteEnd(life);
}

/// The pid has a ~ before it when it is not surely the owner's.
function process(life) {
	const pid = get(life, "pid"), owner = get(life, "owner");
	const sure = owner !== "inherited" && owner !== "unknown";
	return (get(life, "comm") ?? NOT_KNOWN) + (pid === null ? "" : " " + (sure ? "" : "~") + pid);
}

function flagsOf(life) {
	return get(life, "marks").map(mark => mark[0]);
}

function isBad(life) {
	return get(life, "marks").some(mark => badFlags.has(mark[0]));
}

/// When it came into sight.
function since(life) {
	return get(life, "opened") ?? get(life, "found") ?? get(life, "history")[1] ?? null;
}

/// How long it lived; if its beginning or its end is not known, for how long it was seen.
function lived(life) {
	const from = since(life), until = get(life, "until");
	return get(life, "duration_ns") ?? (from === null || until === null ? null : Math.max(0, until - from));
}

function lastState(life) {
	const history = get(life, "history");
	return history.length ? data.states[history[history.length - 4]] : null;
}

function isThere(life) {
	return get(life, "outcome").startsWith("still ");
}

/// Calls visit(state, from, to, step) for each state whose place in time is known; a time that is not
/// known exactly is where it was seen first or last.
function eachStep(life, visit) {
	const history = get(life, "history"), n = history.length / 4;
	for (let i = 0; i < n; i++) {
		const [state, at, lasted, basis] = history.slice(4 * i, 4 * i + 4);
		const from = at ?? (basis === FOUND ? get(life, "found") : null);
		let to = null;
		if (lasted !== null && at !== null)
			to = at + lasted;
		else if (i === n - 1)
			to = get(life, "until");
		else if (basis === FOUND)
			to = history[4 * i + 5];
		if (from !== null)
			visit(state, from, Math.max(from, to ?? from), { basis, lasted });
	}
}

/// "SYN_SENT 1.00 ms → ESTABLISHED 50.0 ms (found) → …"
function historyText(life) {
	const history = get(life, "history"), dropped = get(life, "history_dropped"), parts = [];
	for (let i = 0; i < history.length; i += 4) {
		const remarks = [];
		if (history[i + 3] > 0)
			remarks.push(data.bases[history[i + 3]]);
		if (data.states[history[i]] === "SYN_RECV" && ["syncookie", "fastopen"].includes(get(life, "handshake")))
			remarks.push(get(life, "handshake"));
		if (i + 4 === history.length && get(life, "left_by") !== null)
			remarks.push(get(life, "left_by"));
		if (i === history.length / 2 && dropped)
			parts.push("(" + number(dropped) + " left out)");
		parts.push((data.states[history[i]] ?? NOT_KNOWN) +
			(history[i + 2] === null ? "" : " " + duration(history[i + 2])) +
			(remarks.length ? " (" + remarks.join(", ") + ")" : ""));
	}
	return parts.join(" → ") || NOT_KNOWN;
}

/// Which life an example of a finding is; -1: none here. One without a socket is known by its ends.
const findLife = (() => {
	let places = null;
	const ends = (laddr, lport, raddr, rport) => [laddr, lport, raddr, rport].join(" ");
	return example => {
		if (!places) {
			places = new Map();
			for (let i = lives.length - 1; i >= 0; i--) {
				const life = lives[i];
				places.set(get(life, "conn") ?? ends(get(life, "laddr"), get(life, "lport"),
					get(life, "raddr"), get(life, "rport")), i);
			}
		}
		return places.get(example.conn ??
			ends(example.laddr, example.lport, example.raddr, example.rport)) ?? -1;
	};
})();
