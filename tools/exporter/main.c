// SPDX-License-Identifier: MIT
/* exitstat export: the counters as metrics, for Prometheus. */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exporter.h"

static const char help[] =
	"usage: exitstat export [-l ADDRESS:PORT] [SOURCE] [DETAIL...]\n"
	"       exitstat export -t DIR [-i INTERVAL] [SOURCE] [DETAIL...]\n"
	"\n"
	"Serve the counters as metrics for Prometheus (text or OpenMetrics) on /metrics,\n"
	"and as a page for browsers on /: in a guest its own, on a host those of all VMs.\n"
	"There is no encryption and no password: anyone who can connect can read.\n"
	"\n"
	"  -l, --listen ADDRESS:PORT   where (" LISTEN_DEFAULT "); port 0: any\n"
	"  -t, --textfile DIR          write a file for node_exporter there instead: of a\n"
	"                              SOURCE exitstat-SOURCE.prom, else exitstat.prom,\n"
	"  -i, --interval S            and do so every S seconds, not once\n"
	"\n"
	"  -D, --debugfs DIR           SOURCE: a host's VMs, from there\n"
	"                              (" EXITSTAT_KVM_DIR ")\n"
	"  -q, --qmp SOCKET            SOURCE: the VM of the VMM with this QMP socket, or\n"
	"                              of each in this directory; may be repeated\n"
	"\n"
	"  -p, --per-vcpu              DETAIL: each vCPU in place of the VM\n"
	"  -g, --histograms            times of single exits too, if the host keeps them\n"
	"  -d, --details               what the exits were about, if the host counts it:\n"
	"                              two series for each port, MSR, leaf and page: some\n"
	"                              900 for a Linux guest, at most 2080 per vCPU\n"
	"\n"
	"  -V, --version               which version this is\n"
	"  -h, --help                  this\n"
	"\n"
	"examples:\n"
	"  exitstat export                   on the loopback interface\n"
	"  exitstat export -l 192.0.2.7:13948 --details\n"
	"                                    for a Prometheus elsewhere\n"
	"  exitstat export --qmp /run/exitstat\n"
	"                                    by QMP, without root\n"
	"  exitstat export -t /var/lib/prometheus/node-exporter -i 15\n"
	"                                    for node_exporter\n";

/* Threads inherit the mask: only sigwait() and the like receive these signals. */
static void block_signals(sigset_t *signals)
{
	struct sigaction hangup;

	sigemptyset(signals);
	/* nohup(1) ignores it. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

struct watch {
	sigset_t signals;
	pthread_t main;
};

/* The main thread waits for signals only between readings, and a reading may hang. */
static void *watch_signals(void *arg)
{
	const struct timespec grace = { .tv_sec = 2 };
	const struct watch *watch = arg;
	int number;

	sigwait(&watch->signals, &number);
	pthread_kill(watch->main, number);
	nanosleep(&grace, NULL);
	signal(number, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &watch->signals, NULL);
	raise(number);
	return NULL;
}

/*
 * A page is large and short-lived, and any thread may allocate it: return its memory to the kernel
 * rather than keep some of it in an arena for each thread.
 */
static void keep_memory_small(void)
{
#ifdef M_ARENA_MAX	/* musl has no arenas */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

static int run(const struct options *opts)
{
	static struct watch watch;
	const sigset_t *signals = &watch.signals;
	struct scraper *scraper;
	pthread_t thread;
	int status;

	keep_memory_small();
	block_signals(&watch.signals);
	watch.main = pthread_self();
	status = pthread_create(&thread, NULL, watch_signals, &watch);
	if (status)
		return say(STATUS_FAILED, "cannot start a thread: %s", strerror(status));
	pthread_detach(thread);
	status = scraper_open(&scraper, opts);
	if (status)
		return status;
	if (opts->textfile)
		status = textfile(scraper, opts, signals);
	else
		status = serve(scraper, opts->listen ? opts->listen : LISTEN_DEFAULT, signals);
	scraper_close(scraper);
	return status;
}

/* exitstat export executes this. */
int main(int argc, char **argv)
{
	struct options opts = OPTIONS_DEFAULT;
	int first;

	streams_occupy();
	first = options_parse(argc, argv, false, FOR_EXPORT, &opts);
	if (first < 0)
		return STATUS_USAGE;
	if (opts.help || opts.version) {
		fputs(opts.help ? help : "exitstat " VERSION "\n", stdout);
		return STATUS_OK;
	}
	if (!options_fit(&opts, FOR_EXPORT, "export"))
		return STATUS_USAGE;
	if (first < argc)
		return say(STATUS_USAGE, "export takes options only, not '%s'", argv[first]);
	if (opts.listen && opts.textfile)
		return say(STATUS_USAGE, "export takes --listen or --textfile, not both");
	if (opts.debugfs && opts.qmps_nr)
		return say(STATUS_USAGE,
			   "export takes --debugfs or --qmp, not both: their VMs would count twice");
	if (opts.interval_ns && !opts.textfile)
		return say(STATUS_USAGE, "export takes --interval with --textfile only");
	return run(&opts);
}
