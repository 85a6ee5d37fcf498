/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test asks of a benchmark's page in the browser; each answers with what is wrong, in words.
 * The value of this file is an object of functions.
 */
({
	settled() {
		return new Promise((done) => {
			requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));
		});
	},

	openAll() {
		for (const one of document.querySelectorAll("details.load")) {
			one.open = true;
		}
		return this.settled();
	},

	name(figure) {
		const section = figure.closest("section.group").querySelector("h3").textContent;
		return `${section}: ${figure.querySelector("h5").textContent}`;
	},

	/* Plots that are not there, or show nothing, or not all of their table. */
	empty() {
		const wrong = [];
		for (const figure of document.querySelectorAll("figure.plot")) {
			const drawing = figure.querySelector("svg.drawing");
			const name = this.name(figure);
			if (!drawing || drawing.getBoundingClientRect().height < 150) {
				wrong.push(`${name}: no drawing`);
				continue;
			}
			const inside = drawing.getBoundingClientRect();
			for (const marker of drawing.querySelectorAll(".marker")) {
				const box = marker.getBoundingClientRect();
				if (!(box.width > 4 && box.left >= inside.left - 1 && box.right <= inside.right + 1)) {
					wrong.push(`${name}: a marker outside, or of no size`);
				}
			}
			if (!drawing.querySelector(".marker")) {
				wrong.push(`${name}: nothing in it`);
			}
			for (const part of ["title", "desc", ".ticks text", "text.title"]) {
				if (!drawing.querySelector(part)) {
					wrong.push(`${name}: no ${part}`);
				}
			}
		}
		return wrong;
	},

	/* Texts of one plot that lie on each other, or are cut off, or too small to be read. */
	overlaps() {
		const wrong = [];
		for (const figure of document.querySelectorAll("figure.plot")) {
			const frame = figure.getBoundingClientRect();
			const texts = [...figure.querySelectorAll("svg.drawing text, .key li span, figcaption h5, figcaption p")];
			const boxes = texts.map((text) => text.getBoundingClientRect());
			boxes.forEach((a, i) => {
				const text = `${this.name(figure)}: "${texts[i].textContent}"`;
				if (a.height < 11 || parseFloat(getComputedStyle(texts[i]).fontSize) < 11.5) {
					wrong.push(`${text} is small`);
				}
				if (a.left < frame.left || a.right > frame.right || a.top < frame.top || a.bottom > frame.bottom) {
					wrong.push(`${text} is cut off`);
				}
				boxes.slice(i + 1).forEach((b, j) => {
					if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2) {
						wrong.push(`${text} lies on "${texts[i + 1 + j].textContent}"`);
					}
				});
			});
		}
		return wrong;
	},

	/* What is wider than the window. */
	wide() {
		const width = document.documentElement.clientWidth;
		const wrong = [];
		if (document.documentElement.scrollWidth > width) {
			wrong.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${width}`);
		}
		for (const element of document.querySelectorAll("main *:not(table *), header *")) {
			const box = element.getBoundingClientRect();
			if (box.width > 0 && box.right > width + 1 && !element.closest(".scroll") && !element.closest(".spoken")) {
				wrong.push(`${element.tagName} "${element.textContent.slice(0, 40)}" ends at ${box.right}`);
			}
		}
		return wrong;
	},

	/* Headings of facts at the foot of a column, with what they are of at the head of the next. */
	torn() {
		const top = (element) => element.getClientRects()[0].top;
		return [...document.querySelectorAll(".facts dt")]
			.filter((heading) => top(heading.nextElementSibling) < top(heading) - 1)
			.map((heading) => `"${heading.textContent}" is parted from what follows`);
	},

	/* [red, green, blue, alpha] of a colour that is computed. */
	colour(text) {
		const paper = (this.paper ||= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }));
		paper.clearRect(0, 0, 1, 1);
		paper.fillStyle = text;
		paper.fillRect(0, 0, 1, 1);
		const [r, g, b, a] = paper.getImageData(0, 0, 1, 1).data;
		return [r, g, b, a / 255];
	},

	background(element) {
		for (let at = element; at; at = at.parentElement) {
			const colour = this.colour(getComputedStyle(at).backgroundColor);
			if (colour[3] === 1) {
				return colour;
			}
		}
		return [255, 255, 255, 1];
	},

	contrast(a, b) {
		const light = ([r, g, blue]) => {
			const [x, y, z] = [r, g, blue].map((value) => {
				const part = value / 255;
				return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
			});
			return 0.2126 * x + 0.7152 * y + 0.0722 * z;
		};
		const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
		return (high + 0.05) / (low + 0.05);
	},

	/* Texts that are hard to read, and lines that are hard to see; each kind is told once. */
	faint() {
		const wrong = new Map();
		for (const element of document.querySelectorAll("body *:not(tr:nth-child(n + 3) *)")) {
			const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
			const style = getComputedStyle(element);
			const drawn = element instanceof SVGElement;
			if (element.matches("script, style, title, desc, option, .spoken, noscript, noscript *")) {
				continue;
			}
			if (own) {
				const ratio = this.contrast(this.colour(drawn ? style.fill : style.color), this.background(element));
				if (ratio < 4.5) {
					wrong.set(`${element.tagName}.${element.className.baseVal ?? element.className}: text ${ratio.toFixed(2)}`, 1);
				}
			} else if (drawn && element.matches(".line, .marker, .whisker, .front, .axis")) {
				const ratio = this.contrast(this.colour(style.stroke), this.background(element));
				if (ratio < 3) {
					wrong.set(`${element.parentElement.className.baseVal}: line ${ratio.toFixed(2)}`, 1);
				}
			}
		}
		return [...wrong.keys()];
	},

	/* What a screen reader or a keyboard would miss. */
	unspoken() {
		const wrong = [];
		let level = 1;
		if (document.querySelectorAll("h1").length !== 1 || !document.documentElement.lang) {
			wrong.push("not one h1, or no language");
		}
		for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5")) {
			const now = +heading.tagName[1];
			if (now > level + 1 || !heading.textContent.trim()) {
				wrong.push(`"${heading.textContent}" is h${now} after h${level}`);
			}
			level = now;
		}
		for (const table of document.querySelectorAll("table")) {
			const headings = [...table.querySelectorAll("th")];
			if (!table.caption?.textContent || headings.some((heading) => !heading.scope)) {
				wrong.push("a table without caption or scope");
			}
		}
		for (const box of document.querySelectorAll(".scroll")) {
			if (box.tabIndex !== 0 || !box.ariaLabel) {
				wrong.push("a table that scrolls, and not by the keyboard");
			}
		}
		for (const control of document.querySelectorAll("button, select, summary")) {
			control.focus();
			if (getComputedStyle(control).outlineStyle === "none" && control.matches(":focus-visible")) {
				wrong.push(`${control.textContent}: its focus is not seen`);
			}
		}
		return wrong;
	},

	/* {figure: {plot, group, load, points: {name: [[x, y]...]}, cells: {name: [number...]}}} */
	content() {
		return [...document.querySelectorAll("figure.plot")].map((figure) => {
			const points = {};
			for (const series of figure.querySelectorAll("svg.drawing .series")) {
				points[series.dataset.name] = [...series.querySelectorAll(".point")].map((point) => [
					+point.dataset.x,
					+point.dataset.y,
				]);
			}
			return {
				plot: figure.dataset.plot,
				title: figure.querySelector("h5").textContent,
				load: figure.closest("details.load")?.querySelector("summary").textContent ?? null,
				group: figure.closest("section.group").querySelector("h3").textContent,
				target: figure.closest("section.target").querySelector("h2").textContent,
				points,
				rows: [...figure.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.firstChild?.textContent.trim() ?? "")),
				heads: [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent),
			};
		});
	},
})
