// SPDX-License-Identifier: MIT
/*
 * The live page: ask for the counters again and again, keep those of the last ten minutes, show what happened between two.
 * Names of VMs are untrusted: they only ever become the text of a node.
 */
"use strict";
const HISTORY_S = 600, MINUTE_S = 60, TURN_S = 2, AXES_S = [60, 120, 300, HISTORY_S], VMS_PER_SECOND = 100, ROWS_MAX = 100, DETAILS_MAX = 20, SHOWN = 7;
const SVG = "http://www.w3.org/2000/svg";
const STATES = [["guest", "guest"], ["kernel", "KVM"], ["vmm", "VMM"], ["waiting", "waiting for a CPU"], ["idle", "idle"]];
const histories = new Map();	// of each VM, by its epoch: [{ t, vm }], oldest first
let latest = null;		// the last answer
let paused = false;
let reading = false;

/*
 * Numbers.
 */

function number(value) {
	return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : value >= 1e4 ? `${(value / 1e3).toFixed(1)} k` :
		value >= 100 || value === Math.round(value) ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2);
}

function duration(s) {
	if (!s)
		return "0";
	const [factor, unit] = s < 1e-6 ? [1e9, "ns"] : s < 1e-3 ? [1e6, "µs"] : s < 1 ? [1e3, "ms"] : [1, "s"];

	return `${(s * factor).toFixed(s * factor < 10 ? 2 : 1)} ${unit}`;
}

function span(s) {
	return s < 60 ? `${Math.round(s)} s` : `${Number((s / 60).toFixed(1))} min`;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

/* The name and the class of an exit number. */
function reason(vm, n) {
	return latest.names[`${vm.vendor} ${n}`] || [vm.vendor === "AMD" ? `0x${n.toString(16).padStart(3, "0")}` : String(n), "other"];
}

/* Exits of one reason, as they are in an answer: number, count, and the seconds of KVM, of the VMM and of waiting. */
const [NUMBER, COUNT, KERNEL, VMM, WAITING] = [0, 1, 2, 3, 4];

/* What happened between two moments of a VM; a counter never falls. */
function between(from, to) {
	const before = new Map(from.vm.exits.map((exit) => [exit[NUMBER], exit]));
	const exits = to.vm.exits.map((exit) => {
		const old = before.get(exit[NUMBER]) || [0, 0, 0, 0, 0];

		return exit.map((value, i) => i === NUMBER ? value : Math.max(0, value - old[i]));
	}).filter((exit) => exit[COUNT] || exit[KERNEL] || exit[VMM] || exit[WAITING]);
	const states = { guest: Math.max(0, to.vm.guest_s - from.vm.guest_s), kernel: 0, vmm: 0, waiting: 0, idle: 0 };
	const sum = { s: Math.max(1e-9, to.t - from.t), exits, states, count: 0, exit_s: 0 };

	for (const exit of exits) {
		const halted = reason(to.vm, exit[NUMBER])[1] === "hlt";

		sum.count += exit[COUNT];
		states.kernel += exit[KERNEL];
		states.vmm += exit[VMM];
		states[halted ? "idle" : "waiting"] += exit[WAITING];
		/* After HLT, KVM may be polling for the next wakeup. */
		sum.exit_s += halted ? 0 : exit[KERNEL] + exit[VMM];
	}
	sum.all_s = Object.values(states).reduce((a, b) => a + b, 0);
	return sum;
}

/* The oldest moment that is no older than that, before the last one. */
function since(history, seconds) {
	const last = history[history.length - 1];

	return history.find((moment) => last.t - moment.t <= seconds + 0.5);
}

function recent(history, seconds) {
	return between(since(history, seconds), history[history.length - 1]);
}

/*
 * Nodes.
 */

function svg(parent, tag, attributes) {
	const e = document.createElementNS(SVG, tag);

	Object.entries(attributes || {}).forEach(([name, value]) => e.setAttribute(name, value));
	parent.append(e);
	return e;
}

/* A part of a table, empty: thead or tbody. */
function part(table, tag) {
	const old = table.querySelector(tag) || element(table, tag);

	old.replaceChildren();
	return old;
}

/* The columns: what is above them, and the class of those that a phone has no room for. */
function head(table, columns) {
	const tr = element(part(table, "thead"), "tr");

	columns.forEach(([text, className]) => element(tr, "th", text, className).scope = "col");
}

function row(body, columns, cells, className) {
	const tr = element(body, "tr", undefined, className);

	cells.forEach((cell, i) => {
		const td = element(tr, i ? "td" : "th", cell, columns[i][1]);

		if (!i)
			td.scope = "row";
	});
	return tr;
}

/* A bar that is as wide as all of the vCPUs' time. */
function bar(parent, sum) {
	const words = STATES.map(([state, name]) => `${name} ${percent(sum.all_s ? sum.states[state] / sum.all_s : 0)}`).join(", ");
	const root = svg(parent, "svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": words });
	let x = 0;

	svg(root, "title").textContent = words;
	STATES.forEach(([state]) => {
		const width = sum.all_s ? 100 * sum.states[state] / sum.all_s : 0;

		svg(root, "rect", { class: state, x, y: 0, width, height: 10 });
		x += width;
	});
}

function legend(list, layers) {
	layers.forEach(([name, className]) => {
		const item = element(list, "li");

		svg(svg(item, "svg", { viewBox: "0 0 1 1", "aria-hidden": "true" }), "rect", { class: className, width: 1, height: 1 });
		item.append(name);
	});
}

/*
 * A chart: layers on top of each other, each interval as wide as it was long.
 */

function roundUp(value) {
	const power = 10 ** Math.floor(Math.log10(value || 1));

	return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((n) => n * power >= value) * power;
}

function chart(figure, title, unit, history, layers, values, top) {
	const steps = history.slice(1).map((moment, i) => values(between(history[i], moment)));
	const stacks = steps.map((step) => step.reduce((sums, value) => [...sums, sums[sums.length - 1] + value], [0]));
	const highest = top || roundUp(Math.max(...stacks.map((sums) => sums[sums.length - 1]), 1e-9));
	const last = history[history.length - 1].t;
	const axis_s = AXES_S.find((s) => last - history[0].t <= s) || HISTORY_S;

	element(figure, "figcaption", title);
	const root = svg(figure, "svg", { role: "img" });
	const [width, height, left, foot] = [Math.max(200, root.clientWidth), 200, 46, 18];
	const x = (t) => Math.max(left, left + (width - left - 4) * (1 - (last - t) / axis_s));
	const y = (value) => 6 + (height - foot - 6) * (1 - value / highest);

	root.setAttribute("viewBox", `0 0 ${width} ${height}`);
	root.setAttribute("aria-label", `${title}, over the last ${span(last - history[0].t)}: ${layers.map(([name], n) =>
		`${name} ${unit(steps.length ? steps[steps.length - 1][n] : 0)} now`).join(", ")}`);
	for (const share of [0, 0.5, 1]) {
		svg(root, "line", { class: "grid", x1: left, x2: width - 4, y1: y(share * highest), y2: y(share * highest) });
		svg(root, "text", { x: left - 5, y: y(share * highest) + 4, "text-anchor": "end" }).textContent = unit(share * highest);
	}
	for (const [share, anchor] of [[1, "start"], [0.5, "middle"], [0, "end"]])
		svg(root, "text", { x: x(last - share * axis_s), y: height - 3, "text-anchor": anchor }).textContent =
			share ? `${span(share * axis_s)} ago` : "now";
	layers.forEach(([, className], n) => {
		let path = "";

		stacks.forEach((sums, i) => {
			const [x1, x2] = [x(history[i].t).toFixed(1), x(history[i + 1].t).toFixed(1)];

			path += `M${x1} ${y(sums[n]).toFixed(1)}V${y(sums[n + 1]).toFixed(1)}H${x2}V${y(sums[n]).toFixed(1)}Z`;
		});
		svg(root, "path", { class: className, d: path });
	});
	legend(element(figure, "ul", undefined, "legend"), layers);
}

/*
 * The host.
 */

const columnsOfHost = [["VM"], ["exits/s"], ["exit time"], ["guest", "wide"], ["KVM", "wide"], ["VMM", "wide"], ["waiting", "wide"], ["vCPU time", "wide word parts"]];
let order = [];	// epochs, as they are in the table

function nameOf(vm) {
	return vm.vm + (vm.id && vm.id !== vm.vm ? ` (${vm.id})` : "");
}

function drawRow(body, vm, selected) {
	const sum = recent(histories.get(vm.epoch), MINUTE_S);
	const share = (s) => percent(sum.all_s ? s / sum.all_s : 0);
	const { guest, kernel, vmm, waiting } = sum.states;
	const tr = row(body, columnsOfHost, ["", number(sum.count / sum.s), share(sum.exit_s), share(guest), share(kernel), share(vmm), share(waiting), ""]);
	const link = element(tr.firstChild, "a", nameOf(vm));

	link.href = `#${vm.epoch}`;
	if (vm.epoch === selected)
		tr.setAttribute("aria-current", "true");
	bar(tr.lastChild, sum);
	bar(element(tr.firstChild, "div", undefined, "phone"), sum);
}

function exitShare(vm) {
	const sum = recent(histories.get(vm.epoch), MINUTE_S);

	return sum.all_s ? Number((sum.exit_s / sum.all_s).toFixed(3)) : 0;
}

/* While somebody points at a row, or is in one, none moves. */
function orderVms(vms) {
	const table = get("vms");
	const still = table.matches(":hover") || table.contains(document.activeElement);
	const shares = new Map(vms.map((vm) => [vm.epoch, exitShare(vm)]));
	const places = new Map(order.map((epoch, i) => [epoch, i]));
	const place = (vm) => places.has(vm.epoch) ? places.get(vm.epoch) : Infinity;

	vms.sort((a, b) => (still && place(a) - place(b)) || shares.get(b.epoch) - shares.get(a.epoch) || (nameOf(a) < nameOf(b) ? -1 : 1));
	order = vms.map((vm) => vm.epoch);
	return vms;
}

function drawHost(selected) {
	const focused = document.activeElement && get("vms").contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
	const words = get("filter").value.toLowerCase();
	const vms = orderVms([...latest.vms]).filter((vm) => `${nameOf(vm)} ${vm.uuid}`.toLowerCase().includes(words));

	get("host").hidden = latest.guest;
	get("filtering").hidden = latest.vms.length < 10 && !words;
	get("host-words").textContent = latest.vms.length ?
		"Exit time: the share of a VM's vCPUs' time that went to exits in the last minute, in KVM and in the VMM, without polling after HLT." :
		"No VM is running here.";
	head(get("vms"), columnsOfHost);
	const body = part(get("vms"), "tbody");

	vms.slice(0, ROWS_MAX).forEach((vm) => drawRow(body, vm, selected));
	get("vms").hidden = !latest.vms.length;
	get("more").textContent = vms.length > ROWS_MAX ? `and ${vms.length - ROWS_MAX} more VMs` : "";
	if (focused)
		[...body.querySelectorAll("a")].filter((a) => a.getAttribute("href") === focused).forEach((a) => a.focus({ preventScroll: true }));
}

/*
 * One VM.
 */

function facts(vm, seconds) {
	return [`${vm.vendor}, ${vm.vcpus} vCPU${vm.vcpus === 1 ? "" : "s"}`, vm.uuid, vm.pid && `PID ${vm.pid}`,
		`over the last ${span(seconds)}`, vm.approximate && "times are approximate",
		!vm.tsc_khz && "the host's TSC has no known frequency, so there are no times"].filter(Boolean).join(" · ");
}

/* The most frequent reasons of the whole time, so that colours stay. */
function drawCharts(history, sum) {
	const busiest = [...sum.exits].sort((a, b) => b[COUNT] - a[COUNT]);
	const shown = busiest.slice(0, SHOWN).map((exit) => exit[NUMBER]);
	const layers = shown.map((n, i) => [reason(history[0].vm, n)[0], `c${i}`]).concat(busiest.length > SHOWN ? [["others", "c7"]] : []);

	get("charts").replaceChildren();
	const figures = [0, 1].slice(0, sum.all_s ? 2 : 1).map(() => element(get("charts"), "figure"));

	chart(figures[0], "Exits per second, by reason", number, history, layers, (step) => {
		const rates = shown.map((n) => (step.exits.find((exit) => exit[NUMBER] === n) || [0, 0])[COUNT] / step.s);

		return busiest.length > SHOWN ? [...rates, step.count / step.s - rates.reduce((a, b) => a + b, 0)] : rates;
	});
	if (sum.all_s)
		chart(figures[1], "Where the vCPUs' time went", (share) => `${Math.round(100 * share)} %`, history,
			STATES.map(([state, name]) => [name, state]),
			(step) => STATES.map(([state]) => step.all_s ? step.states[state] / step.all_s : 0), 1);
}

const columnsOfReasons = [["exit"], ["class", "wide word"], ["exits"], ["exits/s", "wide"], ["time"], ["%", "wide"], ["mean"], ["waiting", "wide"]];

function cells(name, exit, sum, all_s, className) {
	const s = exit[KERNEL] + exit[VMM];

	return [name, className, String(exit[COUNT]), number(exit[COUNT] / sum.s), duration(s), all_s ? (100 * s / all_s).toFixed(1) : "-",
		exit[COUNT] ? duration(s / exit[COUNT]) : "-", duration(exit[WAITING])];
}

function drawReasons(vm, sum) {
	const columns = vm.tsc_khz ? columnsOfReasons : columnsOfReasons.slice(0, 4);
	const all = [0, sum.count, sum.states.kernel, sum.states.vmm, sum.states.waiting + sum.states.idle];
	const all_s = all[KERNEL] + all[VMM];

	head(get("reasons"), columns);
	const body = part(get("reasons"), "tbody");

	[...sum.exits].sort((a, b) => b[KERNEL] + b[VMM] - a[KERNEL] - a[VMM] || b[COUNT] - a[COUNT]).forEach((exit) => {
		const [name, className] = reason(vm, exit[NUMBER]);

		row(body, columns, cells(name, exit, sum, all_s, className).slice(0, columns.length));
	});
	row(body, columns, cells("total", all, sum, all_s, "").slice(0, columns.length), "total");
}

const columnsOfDetails = [["what"], ["exit", "wide word"], ["exits"], ["exits/s", "wide"], ["time"], ["mean"]];

/* Number, detail, what manuals call it, count, seconds. */
function detailsBetween(from, to) {
	const key = (detail) => `${detail[0]} ${detail[1]}`;
	const before = new Map(from.map((detail) => [key(detail), detail]));

	return to.map((detail) => {
		const old = before.get(key(detail)) || [0, 0, 0, 0, 0];

		return [detail[0], detail[1], detail[2], Math.max(0, detail[3] - old[3]), Math.max(0, detail[4] - old[4])];
	}).filter((detail) => detail[3]);
}

function drawDetails(vm, history) {
	const held = history.filter((moment) => moment.vm.details);
	const [from, to] = [held[0], held[held.length - 1]];

	get("about").hidden = !vm.has_details;
	if (!get("about").open || !vm.has_details)
		return;
	get("about-words").textContent = held.length < 2 ? "Reading …" : `Over the last ${span(to.t - from.t)}, since this was opened; the most expensive first.`;
	if (held.length < 2)
		return;
	head(get("details"), columnsOfDetails);
	const body = part(get("details"), "tbody");

	detailsBetween(from.vm.details, to.vm.details).sort((a, b) => b[4] - a[4] || b[3] - a[3]).slice(0, DETAILS_MAX)
		.forEach(([n, what, about, count, s]) => row(body, columnsOfDetails, [about ? `${what} (${about})` : what, reason(vm, n)[0],
			String(count), number(count / (to.t - from.t)), duration(s), duration(s / count)]));
}

function drawVm(vm) {
	get("vm").hidden = !vm;
	if (!vm)
		return;
	const history = histories.get(vm.epoch);
	const sum = recent(history, HISTORY_S);

	get("vm-title").textContent = nameOf(vm);
	get("vm-words").textContent = facts(vm, history[history.length - 1].t - history[0].t);
	drawCharts(history, sum);
	drawReasons(vm, sum);
	drawDetails(vm, history);
}

/*
 * All of it.
 */

/* The VM in the address, or the only one. */
function selectedVm() {
	const vms = latest ? latest.vms : [];

	return vms.find((vm) => `#${vm.epoch}` === location.hash) || (vms.length === 1 ? vms[0] : null);
}

function draw() {
	const vm = selectedVm();

	if (!latest)
		return;
	document.title = latest.host ? `exitstat: ${latest.host}` : "exitstat";
	get("title").textContent = document.title;
	drawHost(vm && vm.epoch);
	drawVm(vm);
}

function say(text, bad) {
	if (get("status").textContent !== text)
		get("status").textContent = text;
	get("status").classList.toggle("bad", Boolean(bad));
}

/* Keep what is younger than ten minutes; another epoch is another VM. */
function keep(answer) {
	const epochs = new Set(answer.vms.map((vm) => vm.epoch));

	[...histories.keys()].filter((epoch) => !epochs.has(epoch)).forEach((epoch) => histories.delete(epoch));
	for (const vm of answer.vms) {
		const history = histories.get(vm.epoch) || [];

		history.push({ t: vm.time_s, vm });
		while (history.length > 2 && vm.time_s - history[0].t > HISTORY_S)
			history.shift();
		histories.set(vm.epoch, history);
	}
	latest = answer;
}

async function read() {
	const vm = selectedVm();
	const about = vm && vm.has_details && get("about").open ? `?details=${vm.epoch}` : "";

	if (reading)
		return;
	reading = true;
	try {
		const response = await fetch(`vms.json${about}`, { cache: "no-store" });

		if (!response.ok)
			throw new Error(`it answers ${response.status}`);
		keep(await response.json());
		say(latest.down.length ? `Cannot read ${latest.down.join(", ")}.` : "Live: the last ten minutes, as long as this page is open.", latest.down.length);
		draw();
	} catch (error) {
		say(`The exporter does not answer: ${error.message}. Trying again.`, true);
	}
	reading = false;
}

async function turn() {
	if (!paused && !document.hidden)
		await read();
	const first = latest && latest.vms.length && histories.get(latest.vms[0].epoch).length < 2;

	setTimeout(turn, 1000 * (first ? 1 : Math.max(TURN_S, latest ? latest.vms.length / VMS_PER_SECOND : 0)));
}

legend(get("states"), STATES.map(([state, name]) => [name, state]));
get("pause").addEventListener("click", () => {
	paused = !paused;
	get("pause").setAttribute("aria-pressed", String(paused));
	get("pause").textContent = paused ? "Go on" : "Pause";
	say(paused ? "Paused." : "Reading …");
});
get("filter").addEventListener("input", draw);
get("about").addEventListener("toggle", () => { if (get("about").open) read(); });
addEventListener("hashchange", () => {
	draw();
	if (selectedVm())
		get("vm-title").focus();
});
addEventListener("resize", draw);
turn();
