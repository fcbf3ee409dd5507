/* Command lines as clients write them, patterns of names, printable text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sftp/command.h"
#include "sftp/match.h"
#include "sftp/text.h"

static const struct jail_policy policy = {
	.user = "acme", .home = "/home dir", .start = "/start",
};

/* ---- words ---- */

/* "word|word;word&word": | between words, ; and & before the next command. */
static void
flat(const struct command *c, bool pattern, char *out, size_t n)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < c->nparts; i++) {
		const struct command_part *p = &c->part[i];

		if (i != 0)
			at += (size_t)snprintf(out + at, n - at, "%s",
			    p->if_ok ? "&" : ";");
		for (size_t j = 0; j < p->n; j++) {
			const struct command_word *w = &c->word[p->first + j];

			at += (size_t)snprintf(out + at, n - at, "%s%s",
			    j != 0 ? "|" : "", pattern ? w->pattern : w->text);
			assert_true(at < n);
		}
	}
}

static void
words(void **state)
{
	static const struct {
		const char *line, *text, *pattern;
	} cases[] = {
		/* what clients send */
		{ "scp -t .", "scp|-t|.", NULL },
		{ "scp -r -p -d -t /x", "scp|-r|-p|-d|-t|/x", NULL },
		{ "scp -pf '/a b'", "scp|-pf|/a b", NULL },
		{ "scp -f \"/a b\"", "scp|-f|/a b", NULL },
		{ "scp -f -- -x", "scp|-f|--|-x", NULL },
		{ "scp -f a b  c\td ", "scp|-f|a|b|c|d", NULL },
		{ "  scp\t-t\tx\n", "scp|-t|x", NULL },
		{ "pwd\r\n", "pwd", NULL },
		{ "scp -f a\\ b", "scp|-f|a b", NULL },
		{ "scp -f 'it'\\''s'", "scp|-f|it's", NULL },
		{ "scp -f 'it'\"'\"'s'", "scp|-f|it's", NULL },
		{ "md5sum /a'\n'b", "md5sum|/a\nb", NULL },
		{ "echo ${ShellId}%ComSpec%", "echo|%ComSpec%", NULL },
		{ "cd \"/x y\" && md5sum 'z'", "cd|/x y&md5sum|z", NULL },
		{ "cd /x;pwd", "cd|/x;pwd", NULL },
		{ "pwd ;", "pwd", NULL },
		/* quotes keep what they hold */
		{ "e \"a\\$b\\\"c\\\\d\\e\\`f\"", "e|a$b\"c\\d\\e`f",
		  "e|a$b\"c\\\\d\\\\e`f" },
		{ "e 'a\\b$HOME`'", "e|a\\b$HOME`", "e|a\\\\b$HOME`" },
		{ "e '' \"\" x", "e|||x", NULL },
		{ "e a''b\"\"c", "e|abc", NULL },
		{ "e 'a;b&&c|d<e>f(g)'", "e|a;b&&c|d<e>f(g)", NULL },
		{ "e a\\\nb \"c\\\nd\"", "e|ab|cd", NULL },
		{ "e #x x#", "e|#x|x#", NULL },
		{ "e {a,b} a=b !", "e|{a,b}|a=b|!", "e|{a,b}|a=b|!" },
		/* patterns only outside of quotes */
		{ "e *.[ch] '*' \"?\" \\[a-b]", "e|*.[ch]|*|?|[a-b]",
		  "e|*.[ch]|\\*|\\?|\\[a-b]" },
		{ "e '[a-z]'*", "e|[a-z]*", "e|\\[a\\-z\\]*" },
		/* what is known, and what is empty */
		{ "e $HOME/x \"$HOME\" ${HOME}", "e|/home dir/x|/home dir|"
		  "/home dir", NULL },
		{ "e $USER $LOGNAME $PWD", "e|acme|acme|/start", NULL },
		{ "e $HOMER a$NO.x $NO", "e|a.x", NULL },
		{ "e \"$NO\"", "e|", NULL },
		{ "e $ a$ \"$\" $/ $%", "e|$|a$|$|$/|$%", NULL },
		{ "e ~ ~/x a~ '~' ~acme ~acme/y", "e|/home dir|/home dir/x|"
		  "a~|~|/home dir|/home dir/y", NULL },
		{ "e ~root ~acmex ~ac \\~", "e|~root|~acmex|~ac|~", NULL },
	};
	char text[1024];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct command *c = command_parse(view_str(cases[i].line),
		    &policy, &why);

		if (c == NULL)
			fail_msg("%s: %s", cases[i].line, why);
		flat(c, false, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
		if (cases[i].pattern != NULL) {
			flat(c, true, text, sizeof(text));
			assert_string_equal(text, cases[i].pattern);
		}
		command_free(&c);
		assert_null(c);
	}
}

static void
refused(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "", "a command is missing" },
		{ "   ", "a command is missing" },
		{ ";", "a command is missing" },
		{ "a;;b", "a command is missing" },
		{ "a &&", "a command is missing" },
		{ "&& a", "a command is missing" },
		{ "a 'b", "a ' is not closed" },
		{ "a \"b", "a \" is not closed" },
		{ "a \"b\\", "a \" is not closed" },
		{ "a \\", "a \\ has nothing behind it" },
		{ "a\nb", "a line of its own is not served" },
		{ "a `b`", "a ` is not served" },
		{ "a \"`b`\"", "a ` is not served" },
		{ "a | b", "|, &, <, > and parentheses are not served" },
		{ "a || b", "|, &, <, > and parentheses are not served" },
		{ "a &", "|, &, <, > and parentheses are not served" },
		{ "a > b", "|, &, <, > and parentheses are not served" },
		{ "a 2>&1", "|, &, <, > and parentheses are not served" },
		{ "a < b", "|, &, <, > and parentheses are not served" },
		{ "(a)", "|, &, <, > and parentheses are not served" },
		{ "a $(b)", "a $ of this kind is not served" },
		{ "a \"$(b)\"", "a $ of this kind is not served" },
		{ "a $?", "a $ of this kind is not served" },
		{ "a $1", "a $ of this kind is not served" },
		{ "a ${HOME:-x}", "a ${} of this kind is not served" },
		{ "a ${", "a $ of this kind is not served" },
		{ "a ${}", "a $ of this kind is not served" },
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (command_parse(view_str(cases[i].line), &policy, &why) !=
		    NULL)
			fail_msg("parsed: %s", cases[i].line);
		assert_string_equal(why, cases[i].why);
	}
	assert_null(command_parse(view_of("a\0b", 3), &policy, &why));
	assert_string_equal(why, "the command holds a NUL");
}

static void
limits(void **state)
{
	static char line[COMMAND_BYTES_MAX + 1];
	struct command *c;
	const char *why;

	(void)state;
	memset(line, 'a', sizeof(line));
	c = command_parse(view_of(line, COMMAND_BYTES_MAX), &policy, &why);
	assert_non_null(c);
	assert_int_equal(strlen(c->word[0].text), COMMAND_BYTES_MAX);
	command_free(&c);
	assert_null(command_parse(view_of(line, sizeof(line)), &policy, &why));
	assert_string_equal(why, "the command is too long");
	for (size_t i = 1; i < 2 * COMMAND_WORDS_MAX; i += 2)
		line[i] = ' ';
	c = command_parse(view_of(line, 2 * COMMAND_WORDS_MAX), &policy, &why);
	assert_non_null(c);
	assert_int_equal(c->nwords, COMMAND_WORDS_MAX);
	command_free(&c);
	assert_null(command_parse(view_of(line, 2 * COMMAND_WORDS_MAX + 2),
	    &policy, &why));
	assert_string_equal(why, "too many words");
	for (size_t i = 1; i < 2 * COMMAND_PARTS_MAX; i += 2)
		line[i] = ';';
	c = command_parse(view_of(line, 2 * COMMAND_PARTS_MAX), &policy, &why);
	assert_non_null(c);
	assert_int_equal(c->nparts, COMMAND_PARTS_MAX);
	command_free(&c);
	assert_null(command_parse(view_of(line, 2 * COMMAND_PARTS_MAX + 1),
	    &policy, &why));
	assert_string_equal(why, "too many commands");
	/* What is put in for a name has its limit too. */
	memset(line, ' ', sizeof(line));
	memcpy(line, "e ", 2);
	for (size_t i = 0; i < 3200; i++)
		memcpy(line + 2 + i * 5, "$HOME", 5);
	c = command_parse(view_of(line, 2 + 3200 * 5), &policy, &why);
	assert_non_null(c);
	command_free(&c);
	{
		static char home[4096];
		struct jail_policy far = policy;

		memset(home, 'h', sizeof(home) - 1);
		far.home = home;
		assert_null(command_parse(view_of(line, 2 + 3200 * 5), &far,
		    &why));
		assert_string_equal(why, "a word is too long");
	}
}

/* ---- patterns ---- */

static bool
matches(const char *pattern, const char *name)
{
	return match_name(view_str(pattern), view_str(name));
}

static void
patterns(void **state)
{
	static const struct {
		const char *pattern, *yes, *no;
	} cases[] = {
		{ "*", "a abc ü", ".a" },
		{ ".*", ".a .ab", "a" },
		{ "\\.*", ".a .ab", "a" },
		{ "?", "a ü € 😀", "ab .  " },
		{ "a*c", "ac abc abcbc", "a ab acb" },
		{ "*a*b*", "ab xaxbx", "ba" },
		{ "a?c", "abc aüc", "ac abbc" },
		{ "[abc]", "a b c", "d ab" },
		{ "[!abc]", "d ü", "a dd" },
		{ "[^abc]", "d ü", "a dd" },
		{ "[a-c]x", "ax bx", "dx a" },
		{ "[]a]", "] a", "b" },
		{ "[!]a]", "b", "] a" },
		{ "[a-]", "a -", "b" },
		{ "[ä-ü]", "ö", "o z" },
		{ "[[:digit:]]", "1", "a" },
		{ "[[:alpha:][:digit:]_]x", "1x ax Zx _x", "-x" },
		{ "[[:nothing:]a]", "a", "n" },
		{ "[a", "[a", "a" },
		{ "[!", "[!", "a" },
		{ "a[]b", "a[]b", "ab a]" },
		{ "\\*", "*", "a" },
		{ "\\[a]", "[a]", "a" },
		{ "[\\]]", "]", "\\" },
		{ "[\\a-\\c]", "b", "\\" },
		{ "a\\", "a\\", "a" },
		{ "*.txt", "a.txt", "a.txt2 .txt" },
		{ "**", "a abc", ".a" },
	};
	char list[64], *at, *name;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int yes = 0; yes < 2; yes++) {
			snprintf(list, sizeof(list), "%s",
			    yes ? cases[i].yes : cases[i].no);
			at = list;
			while ((name = strsep(&at, " ")) != NULL)
				if (*name != '\0' && matches(cases[i].pattern,
				    name) != (yes != 0))
					fail_msg("%s and %s", cases[i].pattern,
					    name);
		}
	}
	/* bytes that are no characters */
	assert_true(matches("?", "\xff"));
	assert_true(matches("\xff*", "\xff\xfe"));
	assert_false(matches("?", "\xff\xfe"));
	assert_true(matches("[\xff]", "\xff"));
	assert_false(matches("[\xff]", "\xfe"));
	assert_true(match_special(view_str("a*")));
	assert_true(match_special(view_str("[")));
	assert_false(match_special(view_str("a\\*\\?\\[")));
}

/* libc has its own view of sets that are not closed, and matches nothing with
 * a backslash at the end. */
static bool
odd_set(const char *pattern)
{
	const char *set = strchr(pattern, '[');

	return set != NULL && (strchr(set, '\\') != NULL ||
	    strchr(set, ']') == NULL || strrchr(set, '[') != set ||
	    strstr(set, "[!]") != NULL || strstr(set, "[]") != NULL);
}

/* Against libc, on what both mean the same by. */
static void
shadow(void **state)
{
	static const char in_pattern[] = "ab.*?[]!-\\";
	static const char in_name[] = "ab.[]!-";
	unsigned matched = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < 300000; i++) {
		char pattern[9], name[7];
		size_t np = 1 + (size_t)random() % 8;
		size_t nn = 1 + (size_t)random() % 6;
		bool want;

		for (size_t j = 0; j < np; j++)
			pattern[j] = in_pattern[(size_t)random() %
			    (sizeof(in_pattern) - 1)];
		for (size_t j = 0; j < nn; j++)
			name[j] = in_name[(size_t)random() %
			    (sizeof(in_name) - 1)];
		pattern[np] = name[nn] = '\0';
		if (pattern[np - 1] == '\\' || odd_set(pattern))
			continue;
		want = fnmatch(pattern, name, FNM_PERIOD) == 0;
		matched += want;
		if (matches(pattern, name) != want)
			fail_msg("'%s' and '%s': %d", pattern, name, want);
	}
	assert_true(matched > 1000);
}

/* Stars are not tried against each other: this ends at once. */
static void
stars(void **state)
{
	char pattern[512], name[256];

	(void)state;
	for (size_t i = 0; i < 500; i += 2)
		memcpy(pattern + i, "*a", 2);
	strcpy(pattern + 500, "b");
	memset(name, 'a', 255);
	name[255] = '\0';
	assert_false(matches(pattern, name));
	{
		static char much[MATCH_PATTERN_MAX + 2];

		memset(much, '*', sizeof(much) - 1);
		assert_false(matches(much, "a"));
		much[MATCH_PATTERN_MAX] = '\0';
		assert_true(matches(much, "a"));
	}
}

/* ---- text ---- */

static void
visible(void **state)
{
	static const char in[] = "a\x1b[0m\nü€😀\x7f\xc2\x9b\xff"
	    "\xed\xa0\x80\xc0\xaf\xf4\x90\x80\x80\xe2\x82";
	struct wr w = wr_new(1024);
	char out[1024];

	(void)state;
	text_visible(&w, view_of(in, sizeof(in) - 1));
	assert_true(view_to_cstr(wr_view(&w), out, sizeof(out)));
	assert_string_equal(out, "a\\033[0m\\012ü€😀\\177\\302\\233\\377"
	    "\\355\\240\\200\\300\\257\\364\\220\\200\\200\\342\\202");
	wr_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(patterns),
		cmocka_unit_test(shadow),
		cmocka_unit_test(stars),
		cmocka_unit_test(visible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
