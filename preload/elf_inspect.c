/* SPDX-License-Identifier: MIT */
#include "elf_inspect.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const struct pages_elf_verdict fine = { NULL, false };

/* The file, mapped; all offsets come from it and are checked against len. */
struct file {
	const char *data;
	size_t len;
};

/* count records of size bytes at offset, or NULL if they do not lie in the file. */
static const void *
part(const struct file *f, uint64_t offset, uint64_t count, size_t size)
{
	if (offset > f->len || count > (f->len - offset) / size || offset % 4 != 0)
		return NULL;
	return f->data + offset;
}

/* The string at offset, or "" if it is not one that ends within the file. */
static const char *
string_at(const struct file *f, uint64_t offset)
{
	if (offset >= f->len || memchr(f->data + offset, '\0', f->len - offset) == NULL)
		return "";
	return f->data + offset;
}

static bool
names_sanitizer(const char *library)
{
	return strncmp(library, "libasan", 7) == 0 || strncmp(library, "libtsan", 7) == 0 ||
	       strncmp(library, "libmsan", 7) == 0 || strncmp(library, "liblsan", 7) == 0 ||
	       strncmp(library, "libclang_rt.asan", 16) == 0;
}

static struct pages_elf_verdict
inspect_symbols(const struct file *f, const ElfW(Shdr) *sections, size_t count, const ElfW(Shdr) *s)
{
	size_t n = s->sh_size / sizeof(ElfW(Sym));
	const ElfW(Sym) *syms = part(f, s->sh_offset, n, sizeof(ElfW(Sym)));

	if (syms == NULL || s->sh_link >= count)
		return fine;
	for (size_t i = 0; i < n; i++) {
		const char *name = string_at(f, sections[s->sh_link].sh_offset + syms[i].st_name);

		if (syms[i].st_shndx == SHN_UNDEF)
			continue;
		if (strcmp(name, "__asan_init") == 0 || strcmp(name, "__tsan_init") == 0 ||
		    strcmp(name, "__msan_init") == 0)
			return (struct pages_elf_verdict){ "it is built with a sanitizer", true };
		if (strcmp(name, "malloc") == 0)
			return (struct pages_elf_verdict){ "it brings its own malloc", false };
	}
	return fine;
}

static struct pages_elf_verdict
inspect_needed(const struct file *f, const ElfW(Shdr) *sections, size_t count, const ElfW(Shdr) *s)
{
	size_t n = s->sh_size / sizeof(ElfW(Dyn));
	const ElfW(Dyn) *dyn = part(f, s->sh_offset, n, sizeof(ElfW(Dyn)));

	if (dyn == NULL || s->sh_link >= count)
		return fine;
	for (size_t i = 0; i < n && dyn[i].d_tag != DT_NULL; i++)
		if (dyn[i].d_tag == DT_NEEDED &&
		    names_sanitizer(string_at(f, sections[s->sh_link].sh_offset + dyn[i].d_un.d_val)))
			return (struct pages_elf_verdict){ "it is built with a sanitizer", true };
	return fine;
}

static struct pages_elf_verdict
inspect_sections(const struct file *f, const ElfW(Ehdr) *eh)
{
	const ElfW(Shdr) *sections = part(f, eh->e_shoff, eh->e_shnum, sizeof(ElfW(Shdr)));
	struct pages_elf_verdict v = fine;

	for (size_t i = 0; sections != NULL && i < eh->e_shnum && v.problem == NULL; i++) {
		if (sections[i].sh_type == SHT_DYNSYM)
			v = inspect_symbols(f, sections, eh->e_shnum, &sections[i]);
		else if (sections[i].sh_type == SHT_DYNAMIC)
			v = inspect_needed(f, sections, eh->e_shnum, &sections[i]);
	}
	return v;
}

static uint16_t
own_machine(void)
{
	extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

	return __ehdr_start.e_machine;
}

static struct pages_elf_verdict
inspect_elf(const struct file *f)
{
	const ElfW(Ehdr) *eh = part(f, 0, 1, sizeof(*eh));
	const ElfW(Phdr) *ph;
	const char *interpreter = NULL;

	if (f->data[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) || eh == NULL ||
	    eh->e_machine != own_machine())
		return (struct pages_elf_verdict){ "it is for another kind of machine", true };
	ph = part(f, eh->e_phoff, eh->e_phnum, sizeof(*ph));
	for (size_t i = 0; ph != NULL && i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_INTERP)
			interpreter = string_at(f, ph[i].p_offset);
	if (interpreter == NULL)
		return (struct pages_elf_verdict){ "it is statically linked", false };
	if (strstr(interpreter, "musl") != NULL)
		return (struct pages_elf_verdict){ "it runs on musl, the shim on glibc", true };
	return inspect_sections(f, eh);
}

/* "#!/bin/sh -e", "#!/usr/bin/env python3": the program that runs the script. */
static struct pages_elf_verdict
inspect_script(const struct file *f)
{
	char line[256], *save, *word;
	size_t n = f->len - 2 < sizeof(line) - 1 ? f->len - 2 : sizeof(line) - 1;
	char path[512];

	memcpy(line, f->data + 2, n);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line, " \t", &save);
	if (word == NULL)
		return fine;
	if (strlen(word) < 4 || strcmp(word + strlen(word) - 4, "/env") != 0)
		return pages_elf_inspect(word);
	while ((word = strtok_r(NULL, " \t", &save)) != NULL && word[0] == '-')
		;
	return word != NULL && pages_find_command(word, path, sizeof(path)) == 0
		       ? pages_elf_inspect(path)
		       : fine;
}

static bool
is_privileged(const char *path, const struct stat *st)
{
	if ((st->st_mode & S_ISUID) != 0 && st->st_uid != geteuid())
		return true;
	if ((st->st_mode & S_ISGID) != 0 && st->st_gid != getegid())
		return true;
	return geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

struct pages_elf_verdict
pages_elf_inspect(const char *path)
{
	struct pages_elf_verdict v = fine;
	struct file f = { MAP_FAILED, 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return v;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > EI_NIDENT) {
		f.len = (size_t)st.st_size;
		f.data = mmap(NULL, f.len, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	close(fd);
	if (f.data == MAP_FAILED)
		return v;
	if (is_privileged(path, &st))
		v.problem = "it is setuid, setgid or has capabilities";
	else if (memcmp(f.data, "#!", 2) == 0)
		v = inspect_script(&f);
	else if (memcmp(f.data, ELFMAG, SELFMAG) == 0)
		v = inspect_elf(&f);
	munmap((void *)(uintptr_t)f.data, f.len);
	return v;
}

int
pages_find_command(const char *name, char *ret, size_t size)
{
	const char *dirs = getenv("PATH");
	int err = 127;

	if (strchr(name, '/') != NULL)
		dirs = "";
	else if (dirs == NULL)
		dirs = "/usr/local/bin:/usr/bin:/bin";
	for (;;) {
		size_t n = strcspn(dirs, ":");
		struct stat st;

		if (n + strlen(name) + 3 <= size) {
			memcpy(ret, dirs, n);
			strcpy(ret + n, n != 0 ? "/" : "");
			strcat(ret, name);
			if (stat(ret, &st) == 0) {
				if (S_ISREG(st.st_mode) && access(ret, X_OK) == 0)
					return 0;
				err = 126;
			}
		}
		if (dirs[n] == '\0')
			return err;
		dirs += n + 1;
	}
}
