/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STRESS_STRESS_H
#define TESTS_STRESS_STRESS_H

/*
 * A stress test of core/event with real threads.
 *
 * Everything that is begun and must end (a message, a mode change, a move, a round, a job, a timer)
 * is counted in a flow: begun, ended. An OS thread of the test's own, which the framework cannot
 * stop, looks at all flows: one that has something under way and does not move within the limit
 * fails the test by name. So a lost wakeup shows as itself and not as a test that hangs.
 */

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <ebb/thread.h>

#define STRESS_WORKERS 6
#define STRESS_FLOWS   512

/*
 * What runs; the checker changes it all the time. In a quiet phase nothing may wake a reactor by
 * chance, so timers, senders and the churn timer rest, and one single thing goes on, each step
 * caused by the one before: a wakeup that is lost stops it for good. Its steps are the pulse.
 */
enum stress_phase {
	STRESS_FLOOD,   /* senders fill the rings until they overflow */
	STRESS_TRICKLE, /* a message now and then; reactors fall asleep between */
	STRESS_TOKEN,   /* quiet: one message that its receivers send on */
	STRESS_PING,    /* quiet: a foreign sender that waits for each message to have run */
	STRESS_DEVICE,  /* quiet: a completion source that waits for each completion to be seen */
	STRESS_URING,   /* quiet: io_uring requests, one after the other */
	STRESS_SILENT,  /* quiet: one timer */
	STRESS_PHASES,
	STRESS_END, /* nothing is begun any more */
};

struct stress_random {
	uint64_t state;
};

struct stress_flow {
	const char *name;
	unsigned index; /* among those of the same name */
	_Atomic uint64_t begun;
	_Atomic uint64_t ended;
	bool heartbeat; /* it must go on ending while it is open */
	_Atomic bool open;
	bool driven; /* by timers that rest in quiet phases, and it with them */
	/* The checker's. */
	uint64_t seen_ended;
	uint64_t seen_ns;
};

/* A message that its sender owns; a bare call; both in turn, in one order; a critical call. */
enum stress_form { STRESS_MSG, STRESS_CALL, STRESS_MIXED, STRESS_CRITICAL, STRESS_FORMS };

struct stress_stream;

struct stress_parcel {
	struct ebb_msg msg;
	struct stress_stream *stream;
	uint64_t seq;
	uint64_t sent_ns;
};

/* One sender's messages to one thread in one form. It belongs to whoever is the sender. */
struct stress_stream {
	struct stress_flow flow;
	enum stress_form form;
	struct ebb_thread *target;
	struct stress_parcel *parcels;
	uint32_t window; /* how many may be under way */
	/* Called on the target after each message; may be NULL. */
	void (*after)(struct stress_stream *stream);
};

struct stress_worker {
	struct ebb_thread *thread;
	unsigned index;
};

extern struct stress_worker stress_workers[STRESS_WORKERS];
extern _Atomic enum stress_phase stress_phase;
extern uint64_t stress_limit_ns;
extern uint64_t stress_seed;
extern bool stress_verbose;

extern struct stress_flow stress_pulse;

static inline enum stress_phase stress_phase_now(void)
{
	return atomic_load_explicit(&stress_phase, memory_order_acquire);
}

static inline bool stress_phase_quiet(enum stress_phase phase)
{
	return phase >= STRESS_TOKEN && phase <= STRESS_SILENT;
}

/* The CPUs that get a reactor. */
void stress_allowed_cpus(cpu_set_t *ret_cpus);

/* Ends the process, after what is wrong and the state of everything. */
_Noreturn void stress_fail(const char *format, ...) EBB_PRINTF(1, 2);

void stress_random_init(struct stress_random *random, uint64_t stream);
uint64_t stress_random_below(struct stress_random *random, uint64_t end);

/*
 * Spins for up to some microseconds. A wakeup is lost only in the moment in which a reactor falls
 * asleep; the next step must come now before it, now after it, and sometimes right then.
 */
void stress_random_delay(struct stress_random *random);

/* ---- stress_flow.c ---- */

/* Before the threads that use it; @name is static. */
void stress_flow_init(struct stress_flow *flow, const char *name, unsigned index);

static inline void stress_flow_begin(struct stress_flow *flow)
{
	atomic_fetch_add(&flow->begun, 1);
}

static inline void stress_flow_end(struct stress_flow *flow)
{
	atomic_fetch_add(&flow->ended, 1);
}

static inline uint64_t stress_flow_under_way(struct stress_flow *flow)
{
	uint64_t ended = atomic_load(&flow->ended);

	return atomic_load(&flow->begun) - ended;
}

/* A heartbeat may rest, or must beat again. */
static inline void stress_flow_set_open(struct stress_flow *flow, bool open)
{
	atomic_store(&flow->open, open);
}

/* Looks at every flow once. Return: true if nothing is under way (but for heartbeats). */
bool stress_flows_check(uint64_t now_ns);
uint64_t stress_flows_ended(const char *name);
void stress_flows_print(void);
void stress_flows_fini(void);

void stress_stream_init(struct stress_stream *stream, const char *name, unsigned index,
			enum stress_form form, uint32_t window);
void stress_stream_fini(struct stress_stream *stream);

/* Return: 0; -EAGAIN the window, or the critical ring, is full; -ESRCH the target has exited. */
int stress_stream_send(struct stress_stream *stream);

/* ---- stress_senders.c: foreign OS threads, and signals ---- */

void stress_senders_init(void);
void stress_senders_start(void);
void stress_senders_join(void);
void stress_senders_fini(void);

/* Signals may be sent to this OS thread from here on. */
void stress_senders_add_victim(void);

/* ---- stress_workers.c: threads with timers and wake sources that send to one another ---- */

void stress_workers_init(void);

/* On the app thread; @begun is called there when all are at work. */
void stress_workers_start(ebb_msg_fn begun);
void stress_workers_stop(void); /* on the app thread; the framework stops when all have gone */
void stress_workers_fini(void);

/* The calling worker, or NULL on another thread. */
struct stress_worker *stress_worker_current(void);

/* A new phase: timers stop or go on. Thread: the checker. */
void stress_workers_tell_phase(void);

/* Sends the token on if it rests. Thread: any OS thread. */
void stress_token_launch(void);

/* ---- stress_io.c: a worker's helper jobs and io_uring requests, through a channel ---- */

extern char stress_io_device;

void stress_io_init(void);
void stress_io_register(void);       /* on the app thread */
void stress_io_open(unsigned index); /* on worker @index */
void stress_io_close(unsigned index);
void stress_io_step(unsigned index, struct stress_random *random);
void stress_io_chain(unsigned index, struct stress_random *random); /* while STRESS_URING */

/* ---- stress_source.c: a completion source with arm(), filled by the helper ---- */

void stress_source_init(void);
void stress_source_start(void);
void stress_source_join(void);
void stress_source_open(unsigned index); /* on worker @index */
void stress_source_close(unsigned index);
void stress_source_step(unsigned index);

/* ---- stress_objects.c: modes, moves, devices, rounds; all begun on the app thread ---- */

void stress_objects_init(void);
void stress_objects_start(void);
void stress_objects_set_quiet(bool quiet);
void stress_objects_stop(void);

/* On a worker: takes or lets go a channel of one of the devices that come and go. */
void stress_device_step(unsigned index, struct stress_random *random);
void stress_device_release(unsigned index);

/* ---- stress_lives.c: threads that are made and exit; on the app thread ---- */

void stress_lives_init(void);
void stress_lives_step(struct stress_random *random);
void stress_lives_end(void); /* to be called until nothing is under way */
void stress_lives_fini(void);

/* ---- stress_restart.c ---- */

/* Starts and stops the framework @rounds times. */
void stress_restart(unsigned rounds);

/* ---- stress_modes.c ---- */

/* Two reactors change their mode @num_switches times. Return: false: there are no two CPUs. */
bool stress_modes(unsigned num_switches);

#endif
