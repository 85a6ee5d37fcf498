/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Memory as x86 has it ("total store order"), made explicit. Each process owns a first-in first-out
 * store buffer. A plain, relaxed or release store goes into it and reaches memory some time later,
 * when the process memory(who) happens to move it. A load sees the newest store of its own process,
 * else memory. A locked instruction (exchange, compare-and-swap, fetch-add, and a sequentially
 * consistent store, which gcc and clang compile to an exchange) waits until the own buffer is empty
 * and then acts on memory in one step.
 *
 * Whoever includes this defines PROCESSES (processes 0 ... PROCESSES - 1 have a buffer), ADDRESSES
 * (bytes of memory) and BUFFER_SIZE. A full buffer makes its process wait.
 */

byte mem[ADDRESSES];

typedef StoreBuffer {
	byte n;
	byte address[BUFFER_SIZE];
	byte value[BUFFER_SIZE]
}
StoreBuffer buffer[PROCESSES];

#define drained(who) (buffer[who].n == 0)

/* The user of load() declares "byte b", which it leaves 0. */
inline load(who, where, ret)
{
	d_step {
		ret = mem[where];
		b = 0;
		do
		:: b < buffer[who].n ->
			if
			:: buffer[who].address[b] == where -> ret = buffer[who].value[b]
			:: else
			fi;
			b++
		:: else -> break
		od;
		b = 0
	}
}

inline store_release(who, where, what)
{
	atomic {
		buffer[who].n < BUFFER_SIZE;
		buffer[who].address[buffer[who].n] = where;
		buffer[who].value[buffer[who].n] = what;
		buffer[who].n++
	}
}

inline store_seq_cst(who, where, what)
{
	atomic {
		drained(who);
		mem[where] = what
	}
}

inline exchange(who, where, what, ret)
{
	atomic {
		drained(who);
		ret = mem[where];
		mem[where] = what
	}
}

proctype memory(byte who)
{
	byte i;

end_memory:
	do
	:: d_step {
		buffer[who].n > 0 ->
		mem[buffer[who].address[0]] = buffer[who].value[0];
		i = 1;
		do
		:: i < buffer[who].n ->
			buffer[who].address[i - 1] = buffer[who].address[i];
			buffer[who].value[i - 1] = buffer[who].value[i];
			i++
		:: else -> break
		od;
		buffer[who].n--;
		buffer[who].address[buffer[who].n] = 0;
		buffer[who].value[buffer[who].n] = 0;
		i = 0
	}
	od
}
