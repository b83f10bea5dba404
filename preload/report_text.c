/* SPDX-License-Identifier: MIT */
/*
 * report_text.c - writes the report as text for people: first what it comes to, then how
 */
#include <string.h>

#include "report.h"
#include "text.h"

static void
put_label(struct pages_text *o, const char *label)
{
	pages_text_put(o, "  ");
	pages_text_put(o, label);
	for (size_t n = strlen(label); n < 34; n++)
		pages_text_char(o, ' ');
}

static void
size_line(struct pages_text *o, const char *label, uint64_t bytes)
{
	put_label(o, label);
	pages_text_size(o, bytes);
	pages_text_char(o, '\n');
}

static void
count_line(struct pages_text *o, const char *label, uint64_t n)
{
	put_label(o, label);
	pages_text_number(o, n);
	pages_text_char(o, '\n');
}

static void
put_head(struct pages_text *o, const struct pages_report *r)
{
	pages_text_put(o, "pages: ");
	pages_text_name(o, r->exe);
	pages_text_put(o, " (pid ");
	pages_text_number(o, r->pid);
	pages_text_put(o, "): ");
	pages_text_put(o, r->mode);
	pages_text_char(o, '\n');
}

static void
put_about(struct pages_text *o, const struct pages_report *r)
{
	if (r->processes > 1) {
		pages_text_put(o, "  ");
		pages_text_number(o, r->processes);
		pages_text_put(o, " processes, ");
		pages_text_number(o, r->affected);
		pages_text_put(o, " of them routed large requests\n");
	}
	if (r->provider[0] != '\0') {
		put_label(o, "allocator behind");
		pages_text_name(o, r->provider);
		pages_text_char(o, '\n');
	}
	if (pages_report_is_active(r))
		size_line(o, "threshold", r->threshold);
}

/* Say why no request was served from the heap. */
static void
put_no_effect(struct pages_text *o, const struct pages_report *r)
{
	pages_text_put(o, "  No effect: ");
	if (r->confined != 0) {
		pages_text_put(o, "none until it entered a sandbox, where nothing is counted");
	} else if (pages_report_is_active(r) && pages_report_declined(&r->stats) != 0) {
		pages_text_put(o, "all large requests were passed on");
	} else if (pages_report_is_active(r)) {
		pages_text_put(o, "no request reached the threshold of ");
		pages_text_size(o, r->threshold);
	} else {
		pages_text_put(o, r->mode + (strncmp(r->mode, "inactive: ", 10) == 0 ? 10 : 0));
	}
	pages_text_put(o, ".\n");
}

static void
put_seconds(struct pages_text *o, const char *label, uint64_t us)
{
	char digits[] = "000";

	for (int i = 0; i < 3; i++)
		digits[2 - i] = (char)('0' + us / (i == 0 ? 1000 : i == 1 ? 10000 : 100000) % 10);
	pages_text_put(o, label);
	pages_text_number(o, us / 1000000);
	pages_text_char(o, '.');
	pages_text_put(o, digits);
	pages_text_put(o, " s");
}

static void
put_usage(struct pages_text *o, const struct pages_usage *u)
{
	put_seconds(o, "  Wall ", u->wall_us);
	put_seconds(o, ", user ", u->user_us);
	put_seconds(o, ", sys ", u->system_us);
	pages_text_put(o, ", ");
	pages_text_number(o, u->page_faults);
	pages_text_put(o, " page faults, peak ");
	pages_text_size(o, u->peak_bytes);
	pages_text_put(o, ".\n");
}

/*
 * Are so many bytes worth a word?  Not if they are less than 10 MiB for each second of processor
 * time: to fault those in by small pages takes 5 ms.
 */
static bool
are_many(const struct pages_report *r, uint64_t bytes)
{
	static const uint64_t worth = (uint64_t)10 << 20;
	uint64_t us = r->usage.known ? r->usage.user_us + r->usage.system_us : 0;

	return bytes != 0 && bytes / worth >= us / 1000000;
}

static void
put_saved(struct pages_text *o, const struct pages_report *r)
{
	struct pages_saved s = pages_report_saved(r);

	if (!are_many(r, r->stats.requested_bytes))
		pages_text_put(o, "  No gain to speak of: too few large blocks for so much work.\n");
	else if (!are_many(r, s.mapped_bytes))
		pages_text_put(o, "  Perhaps a gain: pages-run --compare measures it.\n");
	if (s.mapped_bytes != 0) {
		pages_text_put(o, "  Saved in blocks that malloc maps anew each time (from 32 MiB on),"
			" if written to:\n");
		count_line(o, "  page faults", s.mapped_bytes / s.page_size);
		size_line(o, "  not zeroed by the kernel", s.zeroed_bytes);
	}
	if (s.kept_bytes + s.moved_bytes + s.fresh_bytes == 0)
		return;
	pages_text_put(o, "  Saved at most in others, some of which malloc keeps:\n");
	count_line(o, "  page faults", s.kept_bytes / s.page_size);
	count_line(o, "  page faults, by huge pages", s.fresh_bytes / s.page_size);
	size_line(o, "  not copied by realloc", s.moved_bytes);
}

static void
put_effect(struct pages_text *o, const struct pages_stats *st)
{
	put_label(o, "large requests served");
	pages_text_number(o, st->requests);
	pages_text_put(o, ", together ");
	pages_text_size(o, st->requested_bytes);
	pages_text_char(o, '\n');
	size_line(o, "peak of live blocks", st->peak_live_bytes);
	size_line(o, "served from resident memory", st->reused_bytes);
	size_line(o, "moved by page tables", st->moved_bytes);
	size_line(o, "left to the kernel to zero", st->fresh_bytes);
	size_line(o, "cleared by calloc", st->cleared_bytes);
	size_line(o, "copied by realloc", st->copied_bytes);
	count_line(o, "growths in place", st->grown_in_place);
	count_line(o, "growths by moving", st->grown_by_move);
	size_line(o, "peak resident in the arena (<=)", st->peak_resident_bytes);
	size_line(o, "given back to the kernel", st->returned_bytes);
}

static void
put_declined(struct pages_text *o, const struct pages_stats *st)
{
	const struct {
		const char *why;
		uint64_t n;
	} reasons[] = {
		{ "passed on: no address space", st->declined_no_arena },
		{ "passed on: arena or machine too small", st->declined_no_space },
		{ "passed on: refused by the kernel", st->declined_refused },
		{ "passed on: fork or signal between", st->declined_busy },
		{ "moves refused by the kernel", st->refused_moves },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].n != 0)
			count_line(o, reasons[i].why, reasons[i].n);
}

size_t
pages_report_text(const struct pages_report *r, char *buf, size_t len)
{
	struct pages_text o = { buf, 0, len, false };

	put_head(&o, r);
	if (r->usage.known)
		put_usage(&o, &r->usage);
	if (r->stats.requests != 0)
		put_saved(&o, r);
	else
		put_no_effect(&o, r);
	put_about(&o, r);
	if (r->stats.requests != 0)
		put_effect(&o, &r->stats);
	put_declined(&o, &r->stats);
	if (r->background_threads != 0)
		count_line(&o, "background threads started", r->background_threads);
	if (r->background_refused != 0)
		count_line(&o, "background threads refused", r->background_refused);
	if (r->confined != 0)
		count_line(&o, "counted until it entered a sandbox", r->confined);
	return pages_text_end(&o);
}
