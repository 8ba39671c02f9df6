/* Times system calls, for overhead.py: prints a line `name calls ns` each. They are timed in slices of
 * a millisecond or two, after one to warm up, and ns is that of the first quartile: slices in which
 * somebody else had the CPU do not count, unless they are most of them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLICES = 60 };

static int counter = -1;
static pid_t child;

static void fail(const char *what)
{
	perror(what);
	if (child)
		kill(child, SIGKILL);
	exit(1);
}

static int open_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr), .disabled = 1, .sample_period = 1000000000,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		fail("perf_event_open");
	return fd;
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

/* A file that is nobody's business. */
static void call_open(void)
{
	int fd = open("/etc/passwd", O_RDONLY);

	if (fd < 0)
		fail("open");
	close(fd);
}

static void call_perf_open(void)
{
	close(open_counter());
}

static void call_ioctl(void)
{
	if (ioctl(counter, PERF_EVENT_IOC_ENABLE, 0) || ioctl(counter, PERF_EVENT_IOC_DISABLE, 0))
		fail("ioctl");
}

static void call_ptrace(void)
{
	int status;

	if (ptrace(PTRACE_SEIZE, child, 0, 0) || ptrace(PTRACE_INTERRUPT, child, 0, 0) ||
	    waitpid(child, &status, __WALL) != child || ptrace(PTRACE_DETACH, child, 0, 0))
		fail("ptrace");
}

static const struct {
	const char *name;
	void (*call)(void);
	int per_slice;
} calls[] = {
	{"getppid", call_getppid, 10000},
	{"open", call_open, 2000},
	{"perf_open", call_perf_open, 250},
	{"ioctl", call_ioctl, 250},
	{"ptrace", call_ptrace, 50},
};

static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quartile_ns(void (*call)(void), int per_slice)
{
	double took[SLICES];

	for (int slice = -1; slice < SLICES; slice++) {
		double began = now_ns();

		for (int i = 0; i < per_slice; i++)
			call();
		if (slice >= 0)
			took[slice] = (now_ns() - began) / per_slice;
	}
	qsort(took, SLICES, sizeof(took[0]), ascending);
	return took[SLICES / 4];
}

/* overhead_calls CPU */
int main(int argc, char **argv)
{
	cpu_set_t cpus;

	if (argc != 2)
		return 2;
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("sched_setaffinity");
	setpriority(PRIO_PROCESS, 0, -20);
	child = fork();
	if (!child)
		for (;;)
			pause();
	counter = open_counter();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		printf("%s %d %.1f\n", calls[i].name, (SLICES + 1) * calls[i].per_slice,
		       quartile_ns(calls[i].call, calls[i].per_slice));
	kill(child, SIGKILL);
	return 0;
}
