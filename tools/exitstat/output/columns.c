// SPDX-License-Identifier: MIT
/* Measure and cut text in the columns of a terminal. */
#define _GNU_SOURCE
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "output/columns.h"

#define ELLIPSIS	"\xe2\x80\xa6"

/* Text is always UTF-8 (exitstat_text_clean() ensures that), whatever the locale. */
void columns_begin(void)
{
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* The length in bytes of the character that begins there, and its width in columns. */
static size_t measure(const char *text, int *columns)
{
	mbstate_t state = { 0 };
	wchar_t wide;
	size_t size = mbrtowc(&wide, text, MB_LEN_MAX, &state);
	int width;

	*columns = 1;
	if (size == (size_t)-1 || size == (size_t)-2 || !size)
		return 1;
	width = wcwidth(wide);
	/* Negative if the character is newer than the C library. */
	if (width >= 0)
		*columns = width;
	return size;
}

size_t columns_fit(const char *text, int columns, int *used)
{
	size_t size = 0;
	int width;

	for (*used = 0; text[size]; *used += width) {
		size_t next = measure(text + size, &width);

		if (width > columns - *used)
			break;
		size += next;
	}
	return size;
}

int columns_of(const char *text)
{
	int used;

	columns_fit(text, INT_MAX, &used);
	return used;
}

void columns_print(FILE *out, const char *text, int columns)
{
	int used;
	size_t size = columns_fit(text, columns, &used);
	const char *end = "";

	if (text[size] && columns > 0) {
		size = columns_fit(text, columns - 1, &used);
		end = ELLIPSIS;
		used++;
	}
	fwrite(text, 1, size, out);
	fprintf(out, "%s%*s", end, columns - used, "");
}

int columns_of_terminal(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}
