/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose code an address is. dladdr() waits for the loader's lock, which a thread in dlopen() holds while
 * constructors run; who calls a wrapper may be the one that such a constructor waits for. Since glibc 2.35
 * the loader answers without a lock; the symbol is searched in the object's own table, which stays mapped
 * as long as its code is on somebody's stack.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include "libinit/guard.h"

struct symbols {
	const ElfW(Sym) * table;
	const char *names;
	const uint32_t *hash; /* DT_GNU_HASH: the one that tells how many there are */
};

static bool find_by_dladdr(const void *site, struct place *ret) {
	struct link_map *map = NULL;
	Dl_info info = { 0 };

	if (!dladdr1(site, &info, (void **)&map, RTLD_DL_LINKMAP) || !info.dli_fname)
		return false;
	*ret = (struct place){
		.file = map ? map->l_name : info.dli_fname,
		.symbol = info.dli_sname,
		.base = (uintptr_t)info.dli_fbase,
	};
	return true;
}

#ifdef DLFO_STRUCT_HAS_EH_DBASE /* glibc 2.35 */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

/* The loader has made addresses of most of them, but not in every object. */
static const void *pointer(const struct link_map *map, const ElfW(Dyn) * entry) {
	uintptr_t value = entry->d_un.d_ptr;

	return (const void *)(value < map->l_addr ? value + map->l_addr : value); /* NOLINT */
}

static bool find_tables(const struct link_map *map, struct symbols *ret) {
	*ret = (struct symbols){ NULL, NULL, NULL };
	for (const ElfW(Dyn) *d = map->l_ld; d && d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_SYMTAB)
			ret->table = pointer(map, d);
		else if (d->d_tag == DT_STRTAB)
			ret->names = pointer(map, d);
		else if (d->d_tag == DT_GNU_HASH)
			ret->hash = pointer(map, d);
	}
	return ret->table && ret->names && ret->hash;
}

/* One more than the last number in any chain. */
static uint32_t n_symbols(const uint32_t *hash) {
	uint32_t n_buckets = hash[0], first = hash[1], last = 0;
	const uint32_t *buckets = hash + 4 + hash[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
	const uint32_t *chains = buckets + n_buckets;

	for (uint32_t b = 0; b < n_buckets; b++)
		last = buckets[b] > last ? buckets[b] : last;
	if (last < first)
		return 0;
	while (!(chains[last - first] & 1))
		last++;
	return last + 1;
}

static const char *find_symbol(const struct link_map *map, const void *site) {
	uintptr_t offset = (uintptr_t)site - map->l_addr;
	struct symbols s;

	if (!find_tables(map, &s))
		return NULL;
	for (uint32_t i = s.hash[1], n = n_symbols(s.hash); i < n; i++)
		if (s.table[i].st_shndx != SHN_UNDEF && (s.table[i].st_info & 15) == STT_FUNC &&
			offset - s.table[i].st_value < s.table[i].st_size)
			return s.names + s.table[i].st_name;
	return NULL;
}

bool place_find(const void *site, struct place *ret) {
	struct dl_find_object found;

	if (!_dl_find_object)
		return find_by_dladdr(site, ret);
	if (_dl_find_object((void *)site, &found) < 0 || !found.dlfo_link_map)
		return false;
	*ret = (struct place){
		.file = found.dlfo_link_map->l_name,
		.symbol = find_symbol(found.dlfo_link_map, site),
		.base = (uintptr_t)found.dlfo_map_start,
	};
	return true;
}
#else
bool place_find(const void *site, struct place *ret) {
	return find_by_dladdr(site, ret);
}
#endif
