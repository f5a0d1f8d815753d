// SPDX-License-Identifier: MIT
/* A page that needs only a browser: what all of them have. */
#include <string.h>

#include "command/say.h"
#include "output/template.h"

/* From embed.S. */
extern const char embed_page_js[];

int template_check(const char *instead)
{
	(void)instead;
	return STATUS_OK;
}

void template_begin(FILE *out, const char *title, const char *licences)
{
	fprintf(out,
		"<!DOCTYPE html>\n"
		"<!-- Made by %s, under the MIT licence. It contains other programs, whose licences are:\n%s\n-->\n"
		"<html lang=\"en\">\n"
		"<head>\n"
		"<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<title>%s</title>\n"
		"<script>\n%s</script>\n"
		"<style>\n"
		"body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; padding: 0 1em; color: #222; }\n"
		"h1 { font-size: 1.5em; }\n", title, licences, title,
		embed_page_js);
}

const char *template_until(FILE *out, const char *page, const char *mark)
{
	const char *found = strstr(page, mark);

	fwrite(page, 1, (size_t)(found - page), out);
	return found + strlen(mark);
}
