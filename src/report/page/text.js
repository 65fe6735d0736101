// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Numbers in words, as conntrace has them everywhere, and elements made of text alone.
"use strict";

const NOT_KNOWN = "-";
const UNREADABLE = "unreadable"; /* among what is lost: recorded, and lost by no tracer */

function cutTo(value, digits) {
	const factor = 10 ** digits;
	return (Math.floor(value * factor) / factor).toFixed(digits);
}

/// Three significant digits, cut.
function scaled(value) {
	return cutTo(value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

function twoDigits(n) {
	return String(Math.floor(n)).padStart(2, "0");
}

// A duration is written in the first whose end it does not reach: it would round to the next one.
const DURATION_UNITS = [
	{ end: 1e6 - 500, ns: 1e3, name: "µs" },
	{ end: 1e9 - 5e5, ns: 1e6, name: "ms" },
	{ end: 60e9 - 5e7, ns: 1e9, name: "s" },
];

/// Three significant digits, rounded: so does conntrace in the sentences that stand beside it.
function rounded(ns, unit) {
	for (const digits of [2, 1]) {
		const text = (Math.round(ns * 10 ** digits / unit) / 10 ** digits).toFixed(digits);
		if (text.length <= 4)
			return text;
	}
	return String(Math.round(ns / unit));
}

function duration(ns) {
	if (ns === null)
		return NOT_KNOWN;
	if (ns < 1e3)
		return Math.max(0, Math.round(ns)) + " ns";
	const unit = DURATION_UNITS.find(one => ns < one.end);
	if (unit)
		return rounded(ns, unit.ns) + " " + unit.name;
	const s = Math.floor(Math.max(ns, 60e9) / 1e9);
	if (s < 3600)
		return Math.floor(s / 60) + "m" + twoDigits(s % 60) + "s";
	if (s < 86400)
		return Math.floor(s / 3600) + "h" + twoDigits(s % 3600 / 60) + "m";
	return Math.floor(s / 86400) + "d" + twoDigits(s % 86400 / 3600) + "h";
}

function bytes(n) {
	if (n === null)
		return NOT_KNOWN;
	if (n < 1000)
		return n + " B";
	const units = ["kB", "MB", "GB", "TB", "PB", "EB"];
	let unit = 0;
	for (n /= 1000; n >= 1000 && unit < units.length - 1; n /= 1000)
		unit++;
	return scaled(n) + " " + units[unit];
}

function number(n) {
	return n === null ? NOT_KNOWN : n.toLocaleString("en-US");
}

function count(n, noun) {
	return number(n) + " " + noun + (n === 1 ? "" : "s");
}

// Where times are counted from, and how they are shown: set by main.js.
const clock = { mode: "local", beganUs: 0, withDate: false };

function dateOf(date) {
	const utc = clock.mode === "utc";
	return (utc ? date.getUTCFullYear() : date.getFullYear()) + "-" +
		twoDigits((utc ? date.getUTCMonth() : date.getMonth()) + 1) + "-" +
		twoDigits(utc ? date.getUTCDate() : date.getDate());
}

/// "UTC+01:00": the browser's zone at that time.
function zoneAt(date) {
	const minutes = -date.getTimezoneOffset(), whole = Math.abs(minutes);
	return "UTC" + (minutes ? (minutes < 0 ? "-" : "+") + twoDigits(whole / 60) + ":" + twoDigits(whole % 60) : "");
}

/// NS since the start; DIGITS of the second's fraction.
function time(ns, digits = 6) {
	if (ns === null)
		return NOT_KNOWN;
	if (clock.mode === "relative")
		return cutTo(Math.max(0, ns) / 1e9, digits) + " s";
	const us = clock.beganUs + Math.floor(ns / 1e3);
	const date = new Date(Math.floor(us / 1e3));
	if (isNaN(date))
		return NOT_KNOWN;
	const utc = clock.mode === "utc";
	const text = twoDigits(utc ? date.getUTCHours() : date.getHours()) + ":" +
		twoDigits(utc ? date.getUTCMinutes() : date.getMinutes()) + ":" +
		twoDigits(utc ? date.getUTCSeconds() : date.getSeconds());
	const fraction = String(((us % 1e6) + 1e6) % 1e6).padStart(6, "0").slice(0, digits);
	return (clock.withDate ? dateOf(date) + " " : "") + text + (digits ? "." + fraction : "");
}

function setAttributes(node, attributes) {
	for (const [name, value] of Object.entries(attributes || {}))
		if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value === true ? "" : value);
	return node;
}

/// An element; strings become text, never markup.
function el(name, attributes, ...children) {
	const node = setAttributes(document.createElement(name), attributes);
	node.append(...children.filter(child => child !== null));
	return node;
}

function svg(name, attributes, ...children) {
	const node = setAttributes(document.createElementNS("http://www.w3.org/2000/svg", name), attributes);
	node.append(...children);
	return node;
}

/// Instead of what is in it; null is nothing.
function fill(node, ...children) {
	node.replaceChildren(...children.filter(child => child !== null));
}

function byId(id) {
	return document.getElementById(id);
}
