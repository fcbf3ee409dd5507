#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/vectors.h"

#define FIELDS_MAX	8
#define LINE_MAX_LEN	8192

struct vector {
	size_t n;
	struct {
		char name[32];
		char text[LINE_MAX_LEN];
		uint8_t bytes[LINE_MAX_LEN / 2];
		size_t len;
	} field[FIELDS_MAX];
};

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *p;

	p = c != '\0' ? strchr(digits, c) : NULL;
	return p != NULL ? (int)(p - digits) : -1;
}

/* What is no hexadecimal is a word and has no bytes. */
static size_t
hex_decode(const char *text, uint8_t *out, size_t max)
{
	size_t n = strlen(text) / 2;

	if (strlen(text) % 2 != 0 || n > max)
		return 0;
	for (size_t i = 0; i < n; i++) {
		int hi = hex_digit(text[2 * i]);
		int lo = hex_digit(text[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return 0;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return n;
}

struct view
hex(const char *text)
{
	static uint8_t ring[32][4096];
	static unsigned next;
	uint8_t *p = ring[next++ % 32];

	return view_of(p, hex_decode(text, p, sizeof(ring[0])));
}

static void
add_field(struct vector *v, char *line)
{
	char *eq = strchr(line, '='), *value = eq + 1, *end;

	assert_non_null(eq);
	assert_true(v->n < FIELDS_MAX);
	end = eq;
	while (end > line && end[-1] == ' ')
		end--;
	*end = '\0';
	while (*value == ' ')
		value++;
	assert_true(view_to_cstr(view_str(line), v->field[v->n].name,
	    sizeof(v->field[0].name)));
	assert_true(view_to_cstr(view_str(value), v->field[v->n].text,
	    sizeof(v->field[0].text)));
	v->field[v->n].len = hex_decode(value, v->field[v->n].bytes,
	    sizeof(v->field[0].bytes));
	v->n++;
}

void
vectors_each(const char *name, void (*fn)(const struct vector *v))
{
	struct vector *v = calloc(1, sizeof(*v));
	char path[256], line[LINE_MAX_LEN];
	size_t records = 0;
	FILE *f;

	assert_non_null(v);
	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	if ((f = fopen(path, "r")) == NULL)
		fail_msg("%s: cannot be opened", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		if (line[0] != '\0') {
			add_field(v, line);
			continue;
		}
		if (v->n != 0) {
			fn(v);
			records++;
		}
		v->n = 0;
	}
	if (v->n != 0) {
		fn(v);
		records++;
	}
	assert_true(records > 0);
	fclose(f);
	free(v);
}

static size_t
find(const struct vector *v, const char *field)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->field[i].name, field) == 0)
			return i;
	return FIELDS_MAX;
}

bool
vector_has(const struct vector *v, const char *field)
{
	return find(v, field) != FIELDS_MAX;
}

struct view
vector_bytes(const struct vector *v, const char *field)
{
	size_t i = find(v, field);

	if (i == FIELDS_MAX)
		fail_msg("a record has no field %s", field);
	return view_of(v->field[i].bytes, v->field[i].len);
}

const char *
vector_word(const struct vector *v, const char *field)
{
	size_t i = find(v, field);

	if (i == FIELDS_MAX)
		fail_msg("a record has no field %s", field);
	return v->field[i].text;
}
