/* SPDX-License-Identifier: Apache-2.0 */
/* Scales of axes: from values to pixels, and where their ticks are. Nothing here knows the page. */
"use strict";
const scales = (() => {
	/* 1,234.5, 0.0123, 2.5M */
	function number(value) {
		if (Math.abs(value) >= 1e6) {
			return `${+(value / 1e6).toPrecision(4)}M`;
		}
		return (+value.toPrecision(5)).toLocaleString("en", { maximumSignificantDigits: 5 });
	}

	const TRANSFORMS = {
		linear: (value) => value,
		log: (value) => Math.log10(value),
		nines: (value) => Math.log10(value / (100 - value)),
	};

	function niceStep(span, count) {
		const rough = span / count;
		const power = 10 ** Math.floor(Math.log10(rough));
		return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= rough * 0.999);
	}

	function linearTicks(low, high, count) {
		const step = niceStep(high - low || Math.abs(high) || 1, count);
		const ticks = [];
		for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
			ticks.push(+(i * step).toPrecision(12));
		}
		return ticks;
	}

	function logTicks(low, high, count) {
		if (high / low < 4) {
			return linearTicks(low, high, count);
		}
		const decades = Math.log10(high / low);
		const steps = decades < 1.5 ? [1, 2, 3, 5, 7] : decades < 3 ? [1, 2, 5] : [1];
		const ticks = [];
		for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
			for (const step of steps) {
				const tick = step * 10 ** power;
				if (tick >= low * 0.999 && tick <= high * 1.001) {
					ticks.push(+tick.toPrecision(6));
				}
			}
		}
		return ticks;
	}

	/* An axis from the values on it: {transform, low, high (transformed), ticks}. */
	function axis(kind, values, count) {
		const low = Math.min(...values);
		const high = Math.max(...values);
		if (kind === "nines") {
			/* the first have the right of way */
			const all = [50, 90, 99, 99.9, 99.99, 99.999, 1, 10, 25, 75];
			return {
				transform: TRANSFORMS.nines,
				low: TRANSFORMS.nines(Math.max(low, 0.5)),
				high: TRANSFORMS.nines(high),
				ticks: all.filter((tick) => tick >= low && tick <= high),
				ordered: true,
			};
		}
		if (kind === "depth" || kind === "rate") {
			const scale = low > 0 && (kind === "depth" || high / low >= 8) ? "log" : "linear";
			const transform = TRANSFORMS[scale];
			const pad = (transform(high) - transform(low)) * 0.06 || 0.5;
			return {
				transform,
				low: transform(low) - pad,
				high: transform(high) + pad,
				ticks: [...new Set(values)].sort((a, b) => a - b),
			};
		}
		if (kind === "log" && low > 0) {
			const pad = Math.max((high / low) ** 0.06, 1.05);
			const ticks = logTicks(low / pad, high * pad, count);
			return {
				transform: TRANSFORMS.log,
				low: Math.log10(low / pad),
				high: Math.log10(high * pad),
				ticks,
			};
		}
		const top = high > 0 ? high * 1.04 : 1;
		return {
			transform: TRANSFORMS.linear,
			low: Math.min(low, 0),
			high: top,
			ticks: linearTicks(Math.min(low, 0), top, count),
		};
	}

	/* A time axis in microseconds, whose least is many of them, is told in a larger unit. */
	function tellUnit(scale, title, least) {
		const factor = !title.endsWith(", \u00b5s") || least < 1000 ? 1 : least < 1e6 ? 1e3 : 1e6;
		scale.tell = (value) => number(value / factor);
		return factor === 1 ? title : title.replace("\u00b5s", factor === 1e3 ? "ms" : "s");
	}

	function place(scale, from, to) {
		const span = scale.high - scale.low || 1;
		return (value) => from + ((scale.transform(value) - scale.low) / span) * (to - from);
	}

	/* Those of [{at, size}] that leave a gap between each other; who comes first stays. */
	function thin(labels, gap, ordered) {
		const kept = [];
		const fits = (one) =>
			kept.every((other) => Math.abs(one.at - other.at) >= (one.size + other.size) / 2 + gap);
		const byEnds = [labels[labels.length - 1], labels[0], ...labels.slice(1, -1)];
		for (const one of ordered ? labels : byEnds) {
			if (one && !kept.includes(one) && fits(one)) {
				kept.push(one);
			}
		}
		return kept;
	}

	return { number, axis, tellUnit, place, thin };
})();
