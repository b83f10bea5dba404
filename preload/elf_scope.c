/* SPDX-License-Identifier: MIT */
/*
 * elf_scope.c - looks symbols up in the loader's list of objects, without calling the loader
 */
#include "elf_scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "os/os.h"

#define VERSION_HIDDEN 0x8000u

/* The dynamic section of this object; with default visibility it could be another's. */
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

struct tables {
	const struct link_map *object;
	const ElfW(Sym) *sym;
	const char *str;
	const ElfW(Half) *version;
	const uint32_t *gnu_hash;
	const uint32_t *sysv_hash;
};

/*
 * The address that a dynamic entry holds.  glibc relocates these in place for most objects,
 * but not for all (the vDSO, for example); an address below the object's base is not relocated.
 */
static const void *
table(const struct link_map *object, const ElfW(Dyn) *d)
{
	ElfW(Addr) p = d->d_un.d_ptr;

	return (const void *)(p < object->l_addr ? p + object->l_addr : p);
}

static struct tables
tables_of(const struct link_map *object)
{
	struct tables t = { .object = object };

	for (const ElfW(Dyn) *d = object->l_ld; d != NULL && d->d_tag != DT_NULL; d++) {
		switch (d->d_tag) {
		case DT_SYMTAB:
			t.sym = table(object, d);
			break;
		case DT_STRTAB:
			t.str = table(object, d);
			break;
		case DT_VERSYM:
			t.version = table(object, d);
			break;
		case DT_GNU_HASH:
			t.gnu_hash = table(object, d);
			break;
		case DT_HASH:
			t.sysv_hash = table(object, d);
			break;
		}
	}
	return t;
}

/* Is symbol i a function that the object defines, with this name and a version hidden or not? */
static bool
matches(const struct tables *t, uint32_t i, const char *name, bool hidden)
{
	const ElfW(Sym) *s = &t->sym[i];

	return s->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(s->st_info) == STT_FUNC &&
	       (t->version == NULL || ((t->version[i] & VERSION_HIDDEN) != 0) == hidden) &&
	       strcmp(t->str + s->st_name, name) == 0;
}

static uint32_t
hash_gnu(const char *name)
{
	uint32_t h = 5381;

	for (; *name != '\0'; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/* Layout: nbuckets, symoffset, bloom words, bloom shift; bloom; buckets; chains. */
static uint32_t
find_gnu(const struct tables *t, const char *name, bool hidden)
{
	const uint32_t *head = t->gnu_hash;
	const ElfW(Addr) *bloom = (const ElfW(Addr) *)(head + 4);
	const uint32_t *buckets = (const uint32_t *)(bloom + head[2]);
	const uint32_t *chains = buckets + head[0];
	uint32_t h = hash_gnu(name), i;

	if (head[0] == 0)
		return 0;
	for (i = buckets[h % head[0]]; i != 0; i++) {
		uint32_t c = chains[i - head[1]];

		if ((c | 1) == (h | 1) && matches(t, i, name, hidden))
			return i;
		if (c & 1)
			break;
	}
	return 0;
}

/* For objects without a GNU hash table.  They have few symbols, so all are compared. */
static uint32_t
find_sysv(const struct tables *t, const char *name, bool hidden)
{
	for (uint32_t i = 1; i < t->sysv_hash[1]; i++)
		if (matches(t, i, name, hidden))
			return i;
	return 0;
}

static uint32_t
find(const struct tables *t, const char *name, bool hidden)
{
	if (t->gnu_hash != NULL)
		return find_gnu(t, name, hidden);
	return t->sysv_hash != NULL ? find_sysv(t, name, hidden) : 0;
}

void *
pages_scope_symbol(const struct link_map *object, const char *name)
{
	struct tables t = tables_of(object);
	uint32_t i;

	if (t.sym == NULL || t.str == NULL)
		return NULL;
	i = find(&t, name, false);
	if (i == 0)
		i = find(&t, name, true);
	return i != 0 ? (void *)(object->l_addr + t.sym[i].st_value) : NULL;
}

/*
 * The list that the loader shows to debuggers: glibc's defines the first, musl's the second.  Weak,
 * because to musl's a reference that it cannot resolve is an error.
 */
extern struct r_debug _r_debug __attribute__((weak));
/* NOLINTNEXTLINE(bugprone-reserved-identifier) */
extern struct r_debug *_dl_debug_addr __attribute__((weak));

const struct link_map *
pages_scope_first(void)
{
	const struct r_debug *list = &_r_debug != NULL	      ? &_r_debug
				     : &_dl_debug_addr != NULL ? _dl_debug_addr
							       : NULL;

	return list != NULL ? list->r_map : NULL;
}

const struct link_map *
pages_scope_self(void)
{
	const struct link_map *o = pages_scope_first();

	while (o != NULL && o->l_ld != _DYNAMIC)
		o = o->l_next;
	return o;
}

const struct link_map *
pages_scope_definer(const struct link_map *start, const char *name)
{
	const struct link_map *o = start;

	while (o != NULL && pages_scope_symbol(o, name) == NULL)
		o = o->l_next;
	return o;
}

/*
 * Up to the dynamic section, which linkers put behind the code, among the data that relocations
 * change.  The program headers would say it exactly, but whether they are mapped can only be
 * found out by a system call.
 */
struct pages_range
pages_scope_code(const struct link_map *object)
{
	if (object->l_name == NULL || object->l_name[0] == '\0' || object->l_addr == 0)
		return (struct pages_range){ 0, 0 };
	return (struct pages_range){ object->l_addr, (uintptr_t)object->l_ld - object->l_addr };
}

const char *
pages_scope_name(const struct link_map *object)
{
	return object->l_name != NULL && object->l_name[0] != '\0' ? object->l_name
								    : "the executable";
}
