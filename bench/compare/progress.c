/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/compare/progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <ebb/clock.h>

#include "bench/report/text.h"

#define BAR_CHARS     20u
#define WIDTH_DEFAULT 80u
#define LINE_MAX_SIZE 512u

void bench_progress_time(uint64_t time_ns, char *text, size_t size)
{
	uint64_t seconds = (time_ns + EBB_NS_PER_S - 1) / EBB_NS_PER_S;

	if (seconds < 60) {
		snprintf(text, size, "%u s", (unsigned)seconds);
	} else if (seconds < 3600) {
		snprintf(text, size, "%u min %u s", (unsigned)(seconds / 60),
			 (unsigned)(seconds % 60));
	} else {
		snprintf(text, size, "%llu h %u min", (unsigned long long)(seconds / 3600),
			 (unsigned)(seconds % 3600 / 60));
	}
}

void bench_progress_line(unsigned done, unsigned total, uint64_t elapsed_ns, const char *what,
			 unsigned width, char *line, size_t size)
{
	unsigned filled = total > 0 ? BAR_CHARS * done / total : 0;
	char bar[BAR_CHARS + 1];
	char left[48] = "";
	char time[32];
	size_t used;

	for (unsigned i = 0; i < BAR_CHARS; i++) {
		bar[i] = i < filled ? '#' : '.';
	}
	bar[BAR_CHARS] = '\0';
	if (done > 0) {
		bench_progress_time((uint64_t)((double)elapsed_ns / done * (total - done)), time,
				    sizeof(time));
		snprintf(left, sizeof(left), ", %s left", time);
	}
	size = width + 1 < size ? width + 1 : size;
	used = (size_t)snprintf(line, size, "[%s] %u/%u%s: ", bar, done, total, left);
	if (used < size) {
		bench_text_terminal(what, line + used, size - used);
	}
}

static unsigned terminal_width(FILE *out)
{
	struct winsize window;

	if (ioctl(fileno(out), TIOCGWINSZ, &window) < 0 || window.ws_col == 0) {
		return WIDTH_DEFAULT;
	}
	return window.ws_col;
}

void bench_progress_start(struct bench_progress *progress, FILE *out, unsigned total)
{
	*progress = (struct bench_progress){
		.out = out,
		.shown = isatty(fileno(out)) == 1,
		.total = total,
		.start_ns = ebb_clock_now_ns(),
	};
}

void bench_progress_show(const struct bench_progress *progress, const char *what)
{
	char line[LINE_MAX_SIZE];

	if (!progress->shown) {
		return;
	}
	/* One column stays free: with the last one a terminal goes to the next line. */
	bench_progress_line(progress->done, progress->total,
			    ebb_clock_now_ns() - progress->start_ns, what,
			    terminal_width(progress->out) - 1, line, sizeof(line));
	fprintf(progress->out, "\r%s\033[K", line);
	fflush(progress->out);
}

void bench_progress_step(struct bench_progress *progress)
{
	progress->done++;
}

void bench_progress_clear(const struct bench_progress *progress)
{
	if (progress->shown) {
		fprintf(progress->out, "\r\033[K");
		fflush(progress->out);
	}
}
