/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BASE_CPU_RELAX_H
#define CORE_BASE_CPU_RELAX_H

/*
 * Tells the processor that this is a spin: it may save power meanwhile, and leaves more of the core to
 * what else runs on it.
 */
static inline void base_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
