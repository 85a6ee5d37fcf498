/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws each plot from the table in its figure (bench/report/page/plots.h says what it reads there),
 * at the width that the figure has, and again when that changes. Colours are the style's: a theme
 * needs no drawing. Nothing is fetched, nothing is stored.
 */
(() => {
	const { number, axis, tellUnit, place, thin } = scales;
	const NS = "http://www.w3.org/2000/svg";
	const FONT_PX = 12;
	const MARKER_PX = 4.5;
	const NAME_MAX = 24; /* characters of a label in a plot */
	const DASHES = ["", "8 3", "2 3", "10 3 2 3", "5 4", "1 4", "14 4", "6 2 1 2 1 2"];
	const NUM_STYLES = 8;
	const ruler = document.createElement("canvas").getContext("2d");

	function textWidth(text) {
		return ruler.measureText(text).width;
	}

	function svg(name, attributes, parent, text) {
		const element = document.createElementNS(NS, name);
		for (const [key, value] of Object.entries(attributes)) {
			element.setAttribute(key, typeof value === "number" ? +value.toFixed(2) : value);
		}
		if (text !== undefined) {
			element.textContent = text;
		}
		if (parent) {
			parent.append(element);
		}
		return element;
	}

	function html(name, attributes, parent, text) {
		const element = document.createElement(name);
		for (const [key, value] of Object.entries(attributes)) {
			element.setAttribute(key, value);
		}
		if (text !== undefined) {
			element.textContent = text;
		}
		if (parent) {
			parent.append(element);
		}
		return element;
	}

	function clip(name) {
		return name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}\u2026` : name;
	}

	/* ---- What the tables say ---- */

	function cellValue(cell) {
		if (!cell || cell.dataset.v === undefined) {
			return null;
		}
		const v = +cell.dataset.v;
		const known = cell.dataset.l !== undefined;
		return { v, l: known ? +cell.dataset.l : v, h: known ? +cell.dataset.h : v };
	}

	function seriesOf(heading) {
		return {
			name: heading.textContent,
			style: +heading.dataset.style,
			kind: heading.dataset.kind,
			points: [],
		};
	}

	/* Of a table with a column for each contender; swapped: the value is across, the row is up. */
	function readColumns(table, swapped) {
		const series = [...table.querySelectorAll("thead th[data-style]")].map(seriesOf);
		for (const row of table.querySelectorAll("tbody tr")) {
			const at = +row.dataset.x;
			const cells = row.querySelectorAll("td");
			series.forEach((one, i) => {
				const value = cellValue(cells[i]);
				const own = { v: at, l: at, h: at };
				if (!value) {
					one.points.push(null);
				} else {
					one.points.push(swapped ? { x: value, y: own } : { x: own, y: value });
				}
			});
		}
		return series.filter((one) => one.points.some(Boolean));
	}

	/* Of a table with a row for each contender. */
	function readRows(table) {
		const made = [];
		for (const row of table.querySelectorAll("tbody tr")) {
			const [x, y] = [...row.querySelectorAll("td")].map(cellValue);
			if (x && y) {
				const one = seriesOf(row.querySelector("th"));
				one.points.push({ x, y });
				one.front = row.dataset.front !== undefined;
				made.push(one);
			}
		}
		return made;
	}

	/* ---- Drawing ---- */

	function markerPath(style, r) {
		const polygon = (count, turn, size) => {
			const points = [];
			for (let i = 0; i < count; i++) {
				const angle = turn + (i * 2 * Math.PI) / count;
				const x = Math.cos(angle) * size;
				const y = Math.sin(angle) * size;
				points.push(`${x.toFixed(2)} ${y.toFixed(2)}`);
			}
			return `M${points.join("L")}Z`;
		};
		const up = -Math.PI / 2;
		const bar = r * 0.42;
		const plus = `M${-bar} ${-r}H${bar}V${-bar}H${r}V${bar}H${bar}V${r}H${-bar}V${bar}H${-r}V${-bar}H${-bar}Z`;
		return [
			`M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`,
			polygon(4, Math.PI / 4, r * 1.3),
			polygon(3, up, r * 1.4),
			polygon(4, up, r * 1.4),
			polygon(3, -up, r * 1.4),
			plus,
			polygon(5, up, r * 1.25),
			polygon(6, 0, r * 1.2),
		][style % NUM_STYLES];
	}

	function marker(series, x, y, parent) {
		return svg(
			"path",
			{
				d: markerPath(series.style, MARKER_PX),
				transform: `translate(${x.toFixed(2)} ${y.toFixed(2)})`,
				class: series.kind === "mode" ? "marker" : "marker hollow",
			},
			parent,
		);
	}

	function seriesGroup(series, parent) {
		return svg("g", { class: `series c${series.style % NUM_STYLES}`, "data-name": series.name }, parent);
	}

	function whisker(x1, y1, x2, y2, parent) {
		if (Math.hypot(x2 - x1, y2 - y1) < 1) {
			return;
		}
		const across = x1 === x2;
		const [dx, dy] = across ? [3, 0] : [0, 3];
		svg(
			"path",
			{
				class: "whisker",
				d: `M${x1} ${y1}L${x2} ${y2}M${x1 - dx} ${y1 - dy}L${x1 + dx} ${y1 + dy}M${x2 - dx} ${y2 - dy}L${x2 + dx} ${y2 + dy}`,
			},
			parent,
		);
	}

	function range(value) {
		return value.l === value.h
			? number(value.v)
			: `${number(value.v)} (${number(value.l)} to ${number(value.h)})`;
	}

	function pointTitle(plot, series, point) {
		return `${series.name}\n${plot.xTitle}: ${range(point.x)}\n${plot.yTitle}: ${range(point.y)}`;
	}

	/* What a person sees before any line: the frame, grids, ticks, the axes' titles. */
	function frame(plot, root) {
		const { left, right, top, bottom } = plot.area;
		const grid = svg("g", { class: "grid" }, root);
		const ticks = svg("g", { class: "ticks" }, root);
		const across = plot.x.ticks.map((tick) => {
			const text = plot.x.tell(tick);
			return { at: plot.xAt(tick), size: textWidth(text), text };
		});
		for (const one of thin(across, 8)) {
			svg("line", { x1: one.at, x2: one.at, y1: top, y2: bottom }, grid);
			svg("text", { x: one.at, y: bottom + 16, "text-anchor": "middle" }, ticks, one.text);
		}
		const along = plot.y.ticks.map((tick) => ({ at: plot.yAt(tick), size: FONT_PX, text: plot.y.tell(tick) }));
		for (const one of thin(along, 4, plot.y.ordered)) {
			svg("line", { x1: left, x2: right, y1: one.at, y2: one.at }, grid);
			svg("text", { x: left - 7, y: one.at + 4, "text-anchor": "end" }, ticks, one.text);
		}
		svg("path", { class: "axis", d: `M${left} ${top}V${bottom}H${right}` }, root);
		svg("text", { class: "title", x: 0, y: 12 }, root, plot.yTold);
		svg("text", { class: "title", x: right, y: bottom + 34, "text-anchor": "end" }, root, plot.xTold);
	}

	function drawLines(plot, root) {
		const many = plot.series.length;
		const step = plot.kind === "line" ? Math.min(5, 24 / many) : 0;
		plot.series.forEach((series, i) => {
			const group = seriesGroup(series, root);
			const shift = (i - (many - 1) / 2) * step;
			const spots = series.points.map((point) => {
				const known = point && Number.isFinite(plot.xAt(point.x.v)) && Number.isFinite(plot.yAt(point.y.v));
				return known ? { point, x: plot.xAt(point.x.v) + shift, y: plot.yAt(point.y.v) } : null;
			});
			let path = "";
			spots.forEach((spot, at) => {
				if (spot) {
					path += `${at > 0 && spots[at - 1] ? "L" : "M"}${spot.x.toFixed(2)} ${spot.y.toFixed(2)}`;
				}
			});
			svg("path", { class: "line", d: path, "stroke-dasharray": DASHES[series.style % NUM_STYLES] }, group);
			const shown = plot.kind === "line" ? spots : sparse(spots, i);
			for (const spot of shown.filter(Boolean)) {
				const { point, x, y } = spot;
				const one = svg("g", { class: "point", "data-x": String(point.x.v), "data-y": String(point.y.v) }, group);
				whisker(x, plot.yAt(point.y.l), x, plot.yAt(point.y.h), one);
				marker(series, x, y, one);
				svg("title", {}, one, pointTitle(plot, series, point));
			}
		});
	}

	/* Some markers of a curve, at other places than its neighbours': they tell who it is. */
	function sparse(spots, shift) {
		const known = spots.filter(Boolean);
		const step = Math.max(Math.round(known.length / 5), 1);
		return known.filter((_, at) => at % step === shift % step);
	}

	function boxesMeet(a, b) {
		return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
	}

	/* A place for a name beside its point where it covers nothing; null: there is none. */
	function labelPlace(spot, width, taken, area, corners) {
		const half = FONT_PX / 2 + 1;
		const gap = MARKER_PX + 6;
		const places = [
			[spot.x + gap, spot.y, "start"],
			[spot.x - gap, spot.y, "end"],
			[spot.x, spot.y - gap - half, "middle"],
			[spot.x, spot.y + gap + half, "middle"],
			[spot.x + gap, spot.y - gap, "start"],
			[spot.x + gap, spot.y + gap, "start"],
			[spot.x - gap, spot.y - gap, "end"],
			[spot.x - gap, spot.y + gap, "end"],
		];
		for (const [x, y, anchor] of corners ? places.slice(4) : places) {
			const x1 = anchor === "start" ? x : anchor === "end" ? x - width : x - width / 2;
			const box = { x1: x1 - 2, x2: x1 + width + 2, y1: y - half - 1, y2: y + half + 1 };
			const inside = box.x1 >= area.left && box.x2 <= area.right && box.y1 >= area.top && box.y2 <= area.bottom;
			if (inside && !taken.some((other) => boxesMeet(box, other))) {
				return { x, y, anchor, box };
			}
		}
		return null;
	}

	/* The stairs below and left of which nobody is; the boxes that they take. */
	function drawFront(plot, spots, root) {
		const { right, top } = plot.area;
		const front = spots.filter((spot) => spot.series.front).sort((a, b) => a.x - b.x || b.y - a.y);
		const boxes = [];
		if (front.length === 0) {
			return boxes;
		}
		let path = `M${front[0].x.toFixed(2)} ${top}`;
		let from = { x: front[0].x, y: top };
		for (const spot of front) {
			path += `H${spot.x.toFixed(2)}V${spot.y.toFixed(2)}`;
			boxes.push({ x1: from.x, x2: spot.x, y1: from.y - 1, y2: from.y + 1 });
			boxes.push({ x1: spot.x - 1, x2: spot.x + 1, y1: from.y, y2: spot.y });
			from = spot;
		}
		path += `H${right}`;
		boxes.push({ x1: from.x, x2: right, y1: from.y - 1, y2: from.y + 1 });
		svg("path", { class: "beaten", d: `${path}V${top}Z` }, root);
		svg("path", { class: "front", d: path }, root);
		return boxes;
	}

	function drawPlane(plot, root) {
		const spots = plot.series.map((series) => {
			const point = series.points[0];
			return { series, point, x: plot.xAt(point.x.v), y: plot.yAt(point.y.v) };
		});
		const stairs = drawFront(plot, spots, root);
		const taken = spots.map(({ x, y }) => ({ x1: x - 8, x2: x + 8, y1: y - 8, y2: y + 8 }));
		const bars = [];
		for (const { series, point, x, y } of spots) {
			const one = svg("g", { class: "point", "data-x": String(point.x.v), "data-y": String(point.y.v) }, seriesGroup(series, root));
			const box = {
				x1: plot.xAt(point.x.l),
				x2: plot.xAt(point.x.h),
				y1: plot.yAt(point.y.h),
				y2: plot.yAt(point.y.l),
			};
			whisker(box.x1, y, box.x2, y, one);
			whisker(x, box.y1, x, box.y2, one);
			bars.push({ x1: box.x1, x2: box.x2, y1: y - 3, y2: y + 3 }, { x1: x - 3, x2: x + 3, y1: box.y1, y2: box.y2 });
			marker(series, x, y, one);
			svg("title", {}, one, pointTitle(plot, series, point));
		}
		const labels = svg("g", { class: "labels" }, root);
		for (const spot of spots.sort((a, b) => b.series.front - a.series.front)) {
			const name = clip(spot.series.name);
			const width = textWidth(name);
			const found =
				labelPlace(spot, width, [...taken, ...bars, ...stairs], plot.area) ||
				labelPlace(spot, width, [...taken, ...bars], plot.area) ||
				labelPlace(spot, width, taken, plot.area, true) ||
				labelPlace(spot, width, taken, plot.area);
			if (found) {
				taken.push(found.box);
				svg("text", { x: found.x, y: found.y + 4, "text-anchor": found.anchor }, labels, name);
			}
		}
	}

	/* A line and a marker, as in the plots. */
	function swatch(series, parent) {
		const root = svg("svg", { width: 30, height: 14, viewBox: "-15 -7 30 14", "aria-hidden": "true", class: "swatch" }, parent);
		const group = seriesGroup(series, root);
		svg("path", { class: "line", d: "M-15 0H15", "stroke-dasharray": DASHES[series.style % NUM_STYLES] }, group);
		marker(series, 0, 0, group);
	}

	function drawKey(plot, canvas) {
		const list = html("ul", { class: "key" }, canvas);
		for (const series of plot.series) {
			const item = html("li", { class: `c${series.style % NUM_STYLES}` }, list);
			swatch(series, item);
			html("span", {}, item, series.name);
		}
		if (plot.series.some((series) => series.front)) {
			const item = html("li", {}, list);
			const root = svg("svg", { width: 30, height: 14, viewBox: "-15 -7 30 14", "aria-hidden": "true", class: "swatch" }, item);
			svg("path", { class: "front", d: "M-15 -4H0V4H15" }, root);
			html("span", {}, item, "front: none beats these in both");
		}
	}

	function layout(plot, width) {
		const tall = plot.kind === "line" ? 0.72 : 0.9;
		const height = Math.round(Math.min(Math.max(width * tall, 230), 340));
		const points = plot.series.flatMap((series) => series.points.filter(Boolean));
		const ends = (which) => points.flatMap((point) => [point[which].l, point[which].v, point[which].h]);
		plot.x = axis(plot.xScale, ends("x"), Math.max(Math.floor(width / 80), 3));
		plot.y = axis(plot.yScale, ends("y"), 5);
		plot.xTold = tellUnit(plot.x, plot.xTitle, Math.min(...ends("x")));
		plot.yTold = tellUnit(plot.y, plot.yTitle, Math.min(...ends("y")));
		const labels = Math.max(...plot.y.ticks.map((tick) => textWidth(plot.y.tell(tick))), 8);
		const last = textWidth(plot.x.tell(plot.x.ticks[plot.x.ticks.length - 1] || 0));
		plot.area = { left: Math.ceil(labels) + 10, right: width - Math.max(last / 2, 8), top: 26, bottom: height - 40 };
		plot.xAt = place(plot.x, plot.area.left, plot.area.right);
		plot.yAt = place(plot.y, plot.area.bottom, plot.area.top);
		return height;
	}

	function headingBefore(figure, selector) {
		const section = figure.closest("section.group, section.target");
		const heading = section && section.querySelector(selector);
		return heading ? heading.textContent : "";
	}

	function describe(figure, plot, root, id) {
		const load = figure.closest("details.load");
		const where = [
			load ? load.querySelector("summary").textContent : headingBefore(figure, "h3"),
			figure.closest("section.target").querySelector("h2").textContent,
		];
		const title = figure.querySelector("figcaption h5").textContent;
		root.setAttribute("role", "img");
		root.setAttribute("aria-labelledby", `${id}-title ${id}-desc`);
		svg("title", { id: `${id}-title` }, root, `${title}; ${where.join("; ")}`);
		svg(
			"desc",
			{ id: `${id}-desc` },
			root,
			`${plot.yTitle} over ${plot.xTitle}, of ${plot.series.map((series) => series.name).join(", ")}. The numbers are in the table below.`,
		);
	}

	let plots = 0;

	function draw(figure) {
		const canvas = figure.querySelector(".canvas");
		const width = Math.floor(canvas.clientWidth);
		if (width < 50 || figure.drawnWidth === width) {
			return;
		}
		figure.drawnWidth = width;
		figure.plotId = figure.plotId || `plot${++plots}`;
		const table = figure.querySelector("table");
		const plot = {
			kind: figure.dataset.plot,
			xTitle: figure.dataset.x,
			yTitle: figure.dataset.y,
			xScale: figure.dataset.xScale,
			yScale: figure.dataset.yScale,
			series: figure.dataset.plot === "plane" ? readRows(table) : readColumns(table, figure.dataset.plot === "cdf"),
		};
		canvas.replaceChildren();
		if (plot.series.length === 0) {
			html("p", { class: "missing" }, canvas, "Nothing of this was measured.");
			return;
		}
		const height = layout(plot, width);
		drawKey(plot, canvas);
		const root = svg("svg", { class: "drawing", viewBox: `0 0 ${width} ${height}`, width, height }, canvas);
		describe(figure, plot, root, figure.plotId);
		frame(plot, root);
		(plot.kind === "plane" ? drawPlane : drawLines)(plot, root);
	}

	/* ---- The page around them ---- */

	function addTheme(tools) {
		const label = html("label", {}, tools, "Theme ");
		const select = html("select", {}, label);
		for (const [value, text] of [["", "as the system"], ["light", "light"], ["dark", "dark"]]) {
			html("option", { value }, select, text);
		}
		select.addEventListener("change", () => {
			document.documentElement.dataset.theme = select.value;
		});
	}

	function addTables(tools, tables) {
		const button = html("button", { type: "button" }, tools, "Open all tables");
		let open = false;
		button.addEventListener("click", () => {
			open = !open;
			button.textContent = open ? "Close all tables" : "Open all tables";
			for (const one of tables) {
				one.open = open;
			}
		});
	}

	function addDownload(tools) {
		const button = html("button", { type: "button" }, tools, "Save the JSON");
		button.addEventListener("click", () => {
			const text = document.getElementById("report").textContent;
			const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
			html("a", { href: url, download: "ebb-bench-compare.json" }).click();
			setTimeout(() => URL.revokeObjectURL(url), 1000);
		});
	}

	function start() {
		const figures = document.querySelectorAll("figure.plot");
		const tables = document.querySelectorAll("figure.plot > details, .answer > details, #figures > details");
		const tools = document.getElementById("tools");
		ruler.font = `${FONT_PX}px ${getComputedStyle(document.body).fontFamily}`;
		for (const one of tables) {
			one.open = false;
		}
		addTheme(tools);
		addTables(tools, tables);
		addDownload(tools);
		for (const name of document.querySelectorAll("#contenders b[data-style]")) {
			const holder = html("span", { class: `c${name.dataset.style % NUM_STYLES}` });
			name.before(holder);
			swatch(seriesOf(name), holder);
		}
		const observer = new ResizeObserver((entries) => {
			for (const entry of entries) {
				draw(entry.target.closest("figure"));
			}
		});
		for (const figure of figures) {
			observer.observe(figure.querySelector(".canvas"));
			draw(figure);
		}
	}

	start();
})();
