/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_MODE_ORDER_H
#define BENCH_MODE_ORDER_H

/**
 * bench_mode_order() - which mode is measured when
 * Every second round goes backwards, so that what drifts (clocks, caches, the device) favours none.
 * @step: from 0; @num_modes steps make a round
 * Return: the index of the mode.
 */
static inline unsigned bench_mode_order(unsigned step, unsigned num_modes)
{
	unsigned place = step % num_modes;

	return step / num_modes % 2 == 0 ? place : num_modes - 1 - place;
}

#endif
