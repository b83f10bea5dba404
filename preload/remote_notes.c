/* SPDX-License-Identifier: MIT */
/*
 * remote_notes.c - finds the notes of heap/published.h in the memory of another process
 *
 * The list of mappings says where the first page of a file is mapped that also has code mapped:
 * a program or a library.  That page has the ELF header, the program headers and the notes.  What
 * is not mapped to run is not looked at: reading it would fault in pages of any file.
 */
#include "remote.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "heap/published.h"
#include "text.h"

/* What is looked at of a first page: where pages are longer, too, the notes come early. */
enum { HEAD = 4096, HEADERS_MAX = 64 };

struct head {
	uint64_t start;		/* its address; 0: nothing */
	uint64_t major, minor, inode;
};

/* A note that begins at offset: len bytes for its content, at content. */
static bool
is_ours(const char *head, const Elf64_Nhdr *n, size_t name, size_t content)
{
	return n->n_type == PAGES_PUBLISHED_NOTE && n->n_namesz == sizeof("pages") &&
	       n->n_descsz == 16 && content + 16 <= HEAD &&
	       memcmp(head + name, "pages", sizeof("pages")) == 0;
}

static void
add_note(const char *content, uint64_t address, struct pages_remote_notes *ret)
{
	struct pages_remote_note *n = &ret->note[ret->count];
	uint64_t distance;

	if (ret->count == PAGES_REMOTE_NOTES)
		return;
	memcpy(&n->version, content, sizeof(n->version));
	memcpy(&n->len, content + 4, sizeof(n->len));
	memcpy(&distance, content + 8, sizeof(distance));
	n->place = address + 8 + distance;
	ret->count++;
}

/* Walk the notes in [at, end) of a head, which lies within it. */
static void
walk_notes(const char *head, uint64_t address, size_t at, size_t end, size_t align,
	   struct pages_remote_notes *ret)
{
	Elf64_Nhdr n;

	while (end - at >= sizeof(n)) {
		size_t name = at + sizeof(n), content;

		memcpy(&n, head + at, sizeof(n));
		if (n.n_namesz > HEAD || n.n_descsz > HEAD)
			return;
		content = (name + n.n_namesz + align - 1) & ~(align - 1);
		at = (content + n.n_descsz + align - 1) & ~(align - 1);
		if (at > end)
			at = content + n.n_descsz;	/* the last one may lack its padding */
		if (at > end)
			return;
		if (is_ours(head, &n, name, content))
			add_note(head + content, address + content, ret);
	}
}

static void
read_head(const char *head, uint64_t address, struct pages_remote_notes *ret)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	memcpy(&eh, head, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0)
		return;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64) {
		ret->is_32_bit = true;
		return;
	}
	if (eh.e_phentsize != sizeof(ph) || eh.e_phnum > HEADERS_MAX ||
	    eh.e_phoff > HEAD - eh.e_phnum * sizeof(ph))
		return;
	for (size_t i = 0; i < eh.e_phnum; i++) {
		memcpy(&ph, head + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_NOTE && ph.p_offset <= HEAD && ph.p_filesz <= HEAD - ph.p_offset)
			walk_notes(head, address, ph.p_offset, ph.p_offset + ph.p_filesz,
				   ph.p_align == 8 ? 8 : 4, ret);
	}
}

/* 0 or -errno.  A page that cannot be read is that of a file that was cut off, or a lie. */
static int
look_at(const struct pages_remote *r, uint64_t address, struct pages_remote_notes *ret)
{
	char head[HEAD];
	int err = pages_remote_read(r, address, head, sizeof(head));

	if (err == 0)
		read_head(head, address, ret);
	return err == -EFAULT ? 0 : err;
}

/* A mapping of file f: its first page is remembered until there is one that can run. */
static int
note_mapping(const struct pages_remote *r, struct head *last, const struct head *f,
	     const char *rights, uint64_t offset, struct pages_remote_notes *ret)
{
	uint64_t start;

	if (f->inode == 0)
		return 0;
	if (offset == 0 && rights[0] == 'r')
		*last = *f;
	start = last->start;
	if (rights[2] != 'x' || start == 0 || last->inode != f->inode ||
	    last->major != f->major || last->minor != f->minor)
		return 0;
	last->start = 0;
	return look_at(r, start, ret);
}

/* start-end rights offset major:minor inode name */
static bool
read_mapping(const char *line, struct head *ret, char rights[5], uint64_t *ret_offset)
{
	uint64_t end;

	if (!pages_text_take(&line, 16, &ret->start) || *line++ != '-' ||
	    !pages_text_take(&line, 16, &end) || *line++ != ' ' || strcspn(line, " ") != 4)
		return false;
	memcpy(rights, line, 4);
	rights[4] = '\0';
	line += 4;
	return pages_text_take(&line, 16, ret_offset) && pages_text_take(&line, 16, &ret->major) &&
	       *line++ == ':' && pages_text_take(&line, 16, &ret->minor) &&
	       pages_text_take(&line, 10, &ret->inode);
}

static int
read_mappings(FILE *f, const struct pages_remote *r, struct pages_remote_notes *ret)
{
	struct head last = { .start = 0 }, one;
	bool begins = true;
	char line[512], rights[5];
	uint64_t offset;
	int err = 0;

	/* A name may be longer than the buffer: what follows does not begin a line. */
	for (; err == 0 && fgets(line, sizeof(line), f) != NULL; begins = strchr(line, '\n') != NULL) {
		if (!begins || !read_mapping(line, &one, rights, &offset))
			continue;
		ret->mappings++;
		err = note_mapping(r, &last, &one, rights, offset, ret);
	}
	return err == 0 && ferror(f) ? -ESRCH : err;
}

int
pages_remote_find(const struct pages_remote *r, struct pages_remote_notes *ret)
{
	FILE *f = pages_remote_file(r, "maps");
	int err;

	*ret = (struct pages_remote_notes){ .count = 0 };
	if (f == NULL)
		return -errno;
	err = read_mappings(f, r, ret);
	fclose(f);
	return err;
}
