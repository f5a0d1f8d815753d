/* SPDX-License-Identifier: MIT */
/* Arrays that grow. */
#ifndef GROW_H
#define GROW_H

#include <stdlib.h>

/*
 * Make room for nr + 1 elements.  Returns the array, which may have moved, or NULL, and then it is
 * unchanged.
 */
static inline void *grow(void *array, size_t nr, size_t *room, size_t element_bytes)
{
	size_t more = *room ? 2 * *room : 64;

	if (nr < *room)
		return array;
	array = reallocarray(array, more, element_bytes);
	if (array)
		*room = more;
	return array;
}

#endif /* GROW_H */
