/* SPDX-License-Identifier: MIT */
/*
 * patterns.c - run one pattern and print what was measured as a line of TSV
 *
 * Whatever malloc this process has is measured; -l leaves it out and uses memory
 * that is resident already.  bench.py runs this with every allocator.
 */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "measure.h"
#include "memory.h"
#include "pattern.h"

static const char usage[] =
	"patterns -L              names, units and descriptions of all patterns\n"
	"patterns -H              the head of the table\n"
	"patterns -w MIB          write to so much memory and free it, no more\n"
	"patterns [option] NAME   run a pattern, print a line\n"
	"  -a LABEL   first column\n"
	"  -r RUN     third column\n"
	"  -l         the limit: resident memory, no allocator (some have none)\n"
	"  -d N       divide all sizes by N\n"
	"  -n N       divide the number of rounds by N\n"
	"  -t S       no new round after S seconds (default 20)\n"
	"  -i MS      idle time (default 5000)\n";

static const char *const unit_names[] = { "GB/s", "ns", "us", "MiB" };

struct options {
	const char *label, *name;
	unsigned long run, size_divisor, round_divisor, seconds, idle_ms;
	bool limit;
};

/* One line of the table. */
struct result {
	const struct options *o;
	struct run run;
	struct counters before, after;
	struct resident at_start, at_end;
};

static double
value(const struct result *m)
{
	const struct run *r = &m->run;

	switch (r->pattern->unit) {
	case GB_PER_S:
		return (double)r->bytes / (double)r->ns;
	case NS_PER_OP:
		return (double)r->ns / (double)r->ops;
	case US_PER_OP:
		return (double)r->ns / (double)r->ops / 1000;
	case MIB_RESIDENT:
		return (double)(m->at_end.now - m->at_end.lazy) / (1 << 20);
	}
	return 0;
}

/* The object that malloc comes from: proof of what was measured. */
static const char *
provider(void)
{
	Dl_info info;
	void *f = dlsym(RTLD_DEFAULT, "malloc");
	const char *slash;

	if (f == NULL || dladdr(f, &info) == 0)
		return "?";
	slash = strrchr(info.dli_fname, '/');
	return slash != NULL ? slash + 1 : info.dli_fname;
}

static void
print_head(void)
{
	puts("allocator\tpattern\trun\tunit\tvalue\tseconds\tcpu\trounds\tops\tbytes"
	     "\tstopped\twritten\tfaults\thuge_faults\tzeroed\tmoved\tcopied\tsyscalls"
	     "\tlive_peak\trss_start\trss_peak\trss_end\tlazy_end\tmappings\tprovider");
}

static void
put(uint64_t n)
{
	printf("\t%" PRIu64, n);
}

/*
 * Seconds, cpu, ops and bytes are those on the clock; written and counters are of all
 * rounds.  copied and syscalls are only known from outside: bench.py fills them in.
 */
static void
print_line(const struct result *m)
{
	const struct run *r = &m->run;

	printf("%s\t%s\t%lu\t%s", m->o->label, r->pattern->name, m->o->run,
	       unit_names[r->pattern->unit]);
	printf("\t%.6g\t%.9f\t%.9f", value(m), (double)r->ns / 1e9, (double)r->cpu_ns / 1e9);
	put(r->round);
	put(r->ops);
	put(r->bytes);
	put(r->stopped);
	put(r->written);
	put(m->after.faults - m->before.faults);
	put(m->after.huge_faults - m->before.huge_faults);
	put(zeroed_bytes(&m->before, &m->after));
	put(r->moved);
	fputs("\t\t", stdout);
	put(r->live_peak);
	put(m->at_start.now);
	put(m->at_end.peak);
	put(m->at_end.now);
	put(m->at_end.lazy);
	put(r->mappings);
	printf("\t%s\n", m->o->limit ? "-" : provider());
}

static size_t
at_least(size_t n, size_t least)
{
	return n > least ? n : least;
}

static int
run_pattern(const struct options *o, const struct pattern *p)
{
	struct result m = { .o = o, .run = {
		.pattern = p,
		.size = at_least(p->size / o->size_divisor, 64),
		.smallest = at_least(p->smallest / o->size_divisor, 16),
		.rounds = (p->rounds + o->round_divisor - 1) / o->round_divisor,
		.longest_ns = o->seconds * 1000000000,
		.idle_ms = (unsigned)o->idle_ms,
		.rng = 88172645463325252u,
	} };

	if (o->limit && p->places == 0)
		return 0;
	if (o->limit)
		open_places(&m.run);
	read_resident(&m.at_start);
	read_counters(&m.before);
	p->body(&m.run);
	read_counters(&m.after);
	read_resident(&m.at_end);
	print_line(&m);
	return 0;
}

static unsigned long
number(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n == 0 || n > 1000000) {
		fprintf(stderr, "patterns: not a number from 1 to 1000000: %s\n", s);
		exit(2);
	}
	return n;
}

static int
list(void)
{
	for (size_t i = 0; i < patterns_count; i++)
		printf("%s\t%s\t%s\n", patterns[i].name, unit_names[patterns[i].unit],
		       patterns[i].what);
	return 0;
}

/* Memory that the machine has, and its host gives: what is touched next is not its affair. */
static int
warm(size_t mib)
{
	size_t len = mib << 20;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("patterns: mmap");
		return 1;
	}
	(void)madvise(p, len, MADV_HUGEPAGE);
	for (size_t i = 0; i < len; i += 4096)
		p[i] = 1;
	return munmap(p, len) != 0;
}

static void
parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "LHla:r:d:n:t:i:w:")) != -1)
		switch (c) {
		case 'L': exit(list());
		case 'H': print_head(); exit(0);
		case 'l': o->limit = true; break;
		case 'a': o->label = optarg; break;
		case 'r': o->run = number(optarg); break;
		case 'd': o->size_divisor = number(optarg); break;
		case 'n': o->round_divisor = number(optarg); break;
		case 't': o->seconds = number(optarg); break;
		case 'w': exit(warm(number(optarg)));
		case 'i': o->idle_ms = number(optarg); break;
		default: argc = 0; break;
		}
	if (argc != optind + 1) {
		fputs(usage, stderr);
		exit(2);
	}
	o->name = argv[optind];
}

int
main(int argc, char **argv)
{
	static char buffer[BUFSIZ];
	struct options o = { "malloc", NULL, 1, 1, 1, 20, 5000, false };

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	parse(&o, argc, argv);
	for (size_t i = 0; i < patterns_count; i++)
		if (strcmp(patterns[i].name, o.name) == 0)
			return run_pattern(&o, &patterns[i]);
	fprintf(stderr, "patterns: no such pattern: %s (-L lists them)\n", o.name);
	return 2;
}
