/* SPDX-License-Identifier: MIT */
/*
 * elf_inspect.c - reads a program's ELF file, to tell whether preloading into it works
 *
 * The file may be truncated or malicious: every offset, count and chain in it is bounded
 * before it is followed.
 */
#include "elf_inspect.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "find_command.h"

#define SEGMENTS_MAX 64
#define STEPS_MAX 65536		/* for any list or chain in a file, which may be circular */
#define NAME_LEN 64		/* longer than any name that is looked for */

/* The ELF header of this program itself: its class and machine are those of the shim. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

/* An open file and its dynamic section; an address is 0 if the file has no such table. */
struct elf {
	int fd;
	size_t segment_count;
	Elf64_Phdr segments[SEGMENTS_MAX];
	uint64_t strings, symbols, gnu_hash, sysv_hash;
	bool is_loader, needs_sanitizer;
};

static const struct pages_elf_verdict fine = { NULL, false };

/* Reading. ---------------------------------------------------------------- */

static bool
read_at(const struct elf *e, uint64_t offset, void *buf, size_t len)
{
	return offset <= INT64_MAX - len && pread(e->fd, buf, len, (off_t)offset) == (ssize_t)len;
}

/* Read at most size - 1 bytes and terminate them; "" if they cannot be read. */
static void
read_string(const struct elf *e, uint64_t offset, char *ret, size_t size)
{
	ssize_t n = offset <= INT64_MAX - size ? pread(e->fd, ret, size - 1, (off_t)offset) : 0;

	ret[n > 0 ? n : 0] = '\0';
}

/* The offset in the file of what will be loaded at an address; false if nothing will be. */
static bool
offset_of(const struct elf *e, uint64_t address, uint64_t *ret)
{
	for (size_t i = 0; i < e->segment_count; i++) {
		const Elf64_Phdr *s = &e->segments[i];

		if (s->p_type == PT_LOAD && address - s->p_vaddr < s->p_filesz)
			return !__builtin_add_overflow(s->p_offset, address - s->p_vaddr, ret);
	}
	return false;
}

static bool
load(const struct elf *e, uint64_t address, void *buf, size_t len)
{
	uint64_t offset;

	return offset_of(e, address, &offset) && read_at(e, offset, buf, len);
}

/* Word i of a table of 32-bit words; 0, which ends every chain, if it cannot be read. */
static uint32_t
load_word(const struct elf *e, uint64_t table, uint64_t i)
{
	uint32_t word;

	return load(e, table + i * sizeof(word), &word, sizeof(word)) ? word : 0;
}

static void
load_string(const struct elf *e, uint64_t address, char *ret, size_t size)
{
	uint64_t offset;

	ret[0] = '\0';
	if (offset_of(e, address, &offset))
		read_string(e, offset, ret, size);
}

/* Symbols. ---------------------------------------------------------------- */

/* Is symbol i defined in this file, with this name? */
static bool
defines_as(const struct elf *e, uint32_t i, const char *name)
{
	char found[NAME_LEN];
	Elf64_Sym s;

	if (!load(e, e->symbols + i * sizeof(s), &s, sizeof(s)) || s.st_shndx == SHN_UNDEF)
		return false;
	load_string(e, e->strings + s.st_name, found, sizeof(found));
	return strcmp(found, name) == 0;
}

/* Layout: nbuckets, symoffset, bloom words, bloom shift; bloom; buckets; chains. */
static bool
defines_gnu(const struct elf *e, const char *name)
{
	uint32_t buckets = load_word(e, e->gnu_hash, 0), first = load_word(e, e->gnu_hash, 1);
	uint64_t table = 4 + 2 * (uint64_t)load_word(e, e->gnu_hash, 2);
	uint32_t hash = 5381, i;

	for (const char *c = name; *c != '\0'; c++)
		hash = hash * 33 + (unsigned char)*c;
	i = buckets != 0 ? load_word(e, e->gnu_hash, table + hash % buckets) : 0;
	for (unsigned steps = 0; i >= first && i != 0 && steps < STEPS_MAX; i++, steps++) {
		uint64_t chain = table + buckets + (i - first);
		uint32_t word = load_word(e, e->gnu_hash, chain);

		if ((word | 1) == (hash | 1) && defines_as(e, i, name))
			return true;
		if (word == 0 || (word & 1) != 0)
			return false;
	}
	return false;
}

/*
 * Layout: nbucket, nchain; buckets; chains.  Such files are rare, so instead of hashing all
 * symbols are compared.
 */
static bool
defines_sysv(const struct elf *e, const char *name)
{
	uint32_t count = load_word(e, e->sysv_hash, 1);

	for (uint32_t i = 1; i < count && i < STEPS_MAX; i++)
		if (defines_as(e, i, name))
			return true;
	return false;
}

static bool
defines(const struct elf *e, const char *name)
{
	return e->gnu_hash != 0 ? defines_gnu(e, name) : defines_sysv(e, name);
}

/* Sections and segments. -------------------------------------------------- */

bool
pages_elf_is_sanitizer(const char *library)
{
	static const char *const prefixes[] = {
		"libasan.", "libtsan.", "libmsan.", "liblsan.", "libhwasan.", "libclang_rt.asan",
		"libclang_rt.tsan", "libclang_rt.msan", "libclang_rt.lsan", "libclang_rt.hwasan",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (strncmp(library, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static void
note_entry(struct elf *e, const Elf64_Dyn *d)
{
	switch (d->d_tag) {
	case DT_STRTAB:
		e->strings = d->d_un.d_ptr;
		break;
	case DT_SYMTAB:
		e->symbols = d->d_un.d_ptr;
		break;
	case DT_GNU_HASH:
		e->gnu_hash = d->d_un.d_ptr;
		break;
	case DT_HASH:
		e->sysv_hash = d->d_un.d_ptr;
		break;
	case DT_SONAME:		/* programs have none; ld.so has one, and can be run as a command */
		e->is_loader = true;
		break;
	}
}

/*
 * Two passes over the section: the first finds the tables, the second reads the names of the
 * needed libraries, which are in one of them.
 */
static void
read_dynamic(struct elf *e, const Elf64_Phdr *s)
{
	uint64_t count = s->p_filesz / sizeof(Elf64_Dyn);
	char name[NAME_LEN];
	Elf64_Dyn d;

	for (uint64_t i = 0; i < 2 * count && i < STEPS_MAX; i++) {
		/* No round if count is 0.  NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
		if (!read_at(e, s->p_offset + i % count * sizeof(d), &d, sizeof(d)))
			return;
		if (d.d_tag == DT_NULL && i >= count)
			return;
		if (d.d_tag == DT_NULL) {
			i = count - 1;
		} else if (i < count) {
			note_entry(e, &d);
		} else if (d.d_tag == DT_NEEDED) {
			load_string(e, e->strings + d.d_un.d_val, name, sizeof(name));
			e->needs_sanitizer |= pages_elf_is_sanitizer(name);
		}
	}
}

static bool
is_for_us(const Elf64_Ehdr *eh)
{
	return eh->e_ident[EI_CLASS] == __ehdr_start.e_ident[EI_CLASS] &&
	       eh->e_ident[EI_DATA] == __ehdr_start.e_ident[EI_DATA] &&
	       eh->e_machine == __ehdr_start.e_machine;
}

/* musl's loader, by the name that it has everywhere.  All others are taken for glibc's. */
static bool
is_musl(const char *interpreter)
{
	return strstr(interpreter, "ld-musl-") != NULL;
}

/* Its C library is the shim's. */
const char *
pages_elf_loader(void)
{
	const char *start = (const char *)&__ehdr_start;
	const Elf64_Phdr *s = (const void *)(start + __ehdr_start.e_phoff);

	for (size_t i = 0; i < __ehdr_start.e_phnum; i++)
		if (s[i].p_type == PT_INTERP)
			return start + s[i].p_offset;	/* both lie in the first page */
	return "";
}

/* Read what the segments lead to; interpreter, which is empty, has PATH_MAX bytes. */
static void
read_segments(struct elf *e, char *interpreter)
{
	for (size_t i = 0; i < e->segment_count; i++) {
		if (e->segments[i].p_type == PT_INTERP)
			read_string(e, e->segments[i].p_offset, interpreter, PATH_MAX);
		else if (e->segments[i].p_type == PT_DYNAMIC)
			read_dynamic(e, &e->segments[i]);
	}
}

static bool
has_sanitizer(const struct elf *e)
{
	return e->needs_sanitizer || defines(e, "__asan_init") || defines(e, "__tsan_init") ||
	       defines(e, "__msan_init");
}

/* The first reason that applies, from the interpreter, the libraries and the symbols. */
static struct pages_elf_verdict
judge(struct elf *e)
{
	char interpreter[PATH_MAX] = "";

	read_segments(e, interpreter);
	if (interpreter[0] != '\0' && is_musl(interpreter) != is_musl(pages_elf_loader()))
		return (struct pages_elf_verdict){
			is_musl(interpreter) ? "it runs on musl, the shim on glibc"
					     : "it runs on glibc, the shim on musl",
			true,
		};
	if (interpreter[0] == '\0' && !e->is_loader)
		return (struct pages_elf_verdict){ "it is statically linked", false };
	if (has_sanitizer(e))
		return (struct pages_elf_verdict){ "it is built with a sanitizer", true };
	if (interpreter[0] != '\0' && defines(e, "malloc"))
		return (struct pages_elf_verdict){ "it brings its own malloc", false };
	return fine;
}

static bool
read_headers(struct elf *e, const Elf64_Ehdr *eh)
{
	if (eh->e_phentsize != sizeof(*e->segments) || eh->e_phnum > SEGMENTS_MAX ||
	    !read_at(e, eh->e_phoff, e->segments, eh->e_phnum * sizeof(*e->segments)))
		return false;
	e->segment_count = eh->e_phnum;
	return true;
}

static struct pages_elf_verdict
inspect_elf(int fd)
{
	struct elf e = { .fd = fd };
	Elf64_Ehdr eh;

	if (!read_at(&e, 0, &eh, sizeof(eh)))
		return fine;
	/* Harmful, because the loader would print a warning about the shim in each process. */
	if (!is_for_us(&eh))
		return (struct pages_elf_verdict){ "it is built for another machine", true };
	return read_headers(&e, &eh) ? judge(&e) : fine;
}

const char *
pages_elf_inspect_allocator(const char *path)
{
	char interpreter[PATH_MAX] = "";
	struct elf e = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) };
	const char *problem = NULL;
	Elf64_Ehdr eh;

	if (e.fd < 0)
		return strerror(errno);
	if (!read_at(&e, 0, &eh, sizeof(eh)) || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
	    (is_for_us(&eh) && (eh.e_type != ET_DYN || !read_headers(&e, &eh))))
		problem = "it is not a library";
	else if (!is_for_us(&eh))
		problem = "it is built for another machine";
	if (problem == NULL) {
		read_segments(&e, interpreter);
		if (has_sanitizer(&e))
			problem = "it is built with a sanitizer";
		else if (!defines(&e, "malloc"))
			problem = "it has no malloc";
	}
	close(e.fd);
	return problem;
}

/* Privileges. ------------------------------------------------------------- */

/*
 * Will execve(2) give the process rights that its parent does not have?  Then the loader
 * ignores LD_PRELOAD.  With no_new_privs, or from a nosuid mount, the kernel gives none.
 */
static bool
gains_rights(int fd)
{
	struct statvfs fs;
	struct stat st;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || fstat(fd, &st) != 0 ||
	    (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0))
		return false;
	if ((st.st_mode & S_ISUID) != 0 && st.st_uid != getuid())
		return true;
	if ((st.st_mode & S_ISGID) != 0 && (st.st_mode & S_IXGRP) != 0 && st.st_gid != getgid())
		return true;
	return getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

/* Scripts. ---------------------------------------------------------------- */

/*
 * The program that runs a script: the one after "#!" or, if that is env, the command that
 * env will run; the shell if there is no "#!".  Changes head.
 */
static bool
find_interpreter(char *head, char *ret, size_t size)
{
	char *save, *word;
	size_t n;

	if (strncmp(head, "#!", 2) != 0)
		return pages_find_command("/bin/sh", ret, size) == 0;
	head[strcspn(head, "\n")] = '\0';
	word = strtok_r(head + 2, " \t", &save);
	n = word != NULL ? strlen(word) : 0;
	if (n >= 4 && strcmp(word + n - 4, "/env") == 0)
		do	/* skip the options of env and its NAME=value settings */
			word = strtok_r(NULL, " \t", &save);
		while (word != NULL && (word[0] == '-' || strchr(word, '=') != NULL));
	return word != NULL && pages_find_command(word, ret, size) == 0;
}

/* Files that cannot be opened or are not regular get no complaint; execve will have one. */
static struct pages_elf_verdict
inspect(const char *path, bool follow)
{
	char head[256] = "", interpreter[PATH_MAX];
	struct pages_elf_verdict v = fine;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return v;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && pread(fd, head, sizeof(head) - 1, 0) > 0) {
		if (memcmp(head, ELFMAG, SELFMAG) != 0) {
			if (follow && find_interpreter(head, interpreter, sizeof(interpreter)))
				v = inspect(interpreter, false);
		} else if (gains_rights(fd)) {
			v.problem = "it is setuid, setgid or has capabilities";
		} else {
			v = inspect_elf(fd);
		}
	}
	close(fd);
	return v;
}

struct pages_elf_verdict
pages_elf_inspect(const char *path)
{
	return inspect(path, true);
}
