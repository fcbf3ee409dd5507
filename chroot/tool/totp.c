/*
 * A secret for codes from a clock, and codes for the day when the clock is
 * lost.  What the configuration wants goes to standard output, what the user
 * wants to standard error, so that the two can go different ways.
 */
#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/otp.h"
#include "chroot/tool/tool.h"

#define SECRET_BYTES	20		/* as RFC 4226 recommends */
#define CODES		8
#define CODE_BYTES	10		/* 80 bits of chance each */

static bool
random_text(size_t n, struct wr *out)
{
	uint8_t bytes[SECRET_BYTES];
	bool ok = getrandom(bytes, n, 0) == (ssize_t)n;

	if (ok)
		otp_secret_write(view_of(bytes, n), out);
	wipe(bytes, sizeof(bytes));
	return ok && !out->bad;
}

/* In groups of four, in small letters: to be typed by hand. */
static void
group(struct view v, size_t number, char *out, size_t n)
{
	size_t at = (size_t)snprintf(out, n, "%zu", number);

	for (size_t i = 0; i < v.n && at + 3 < n; i++) {
		if (i % 4 == 0)
			out[at++] = '-';
		out[at++] = (char)(v.p[i] >= 'A' ? v.p[i] | 0x20 : v.p[i]);
	}
	out[at] = '\0';
}

static bool
print_code(size_t number)
{
	char code[64], hash[CRYPT_OUTPUT_SIZE];
	struct wr w = wr_new(64);
	bool ok = random_text(CODE_BYTES, &w);

	if (ok) {
		group(wr_view(&w), number, code, sizeof(code));
		ok = tool_hash(code, hash, sizeof(hash));
	}
	if (ok) {
		fprintf(stderr, "  %s\n", code);
		printf("    - \"%s\"\n", hash);
	}
	wipe(code, sizeof(code));
	wr_free(&w);
	return ok;
}

/* A name may hold what a URI may not. */
static void
print_escaped(FILE *to, const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		    (*c >= '0' && *c <= '9') || strchr("-._~", *c) != NULL)
			fputc(*c, to);
		else
			fprintf(to, "%%%02X", (unsigned char)*c);
}

static bool
print_secret(const char *user)
{
	struct wr w = wr_new(64);
	bool ok = random_text(SECRET_BYTES, &w);

	if (ok) {
		fprintf(stderr, "For the user's authenticator app:\n"
		    "  otpauth://totp/");
		print_escaped(stderr, user);
		fprintf(stderr, "?secret=%.*s&issuer=Sallyport\n"
		    "Codes for when that is lost, each good for one login:\n",
		    (int)wr_size(&w), (const char *)wr_view(&w).p);
		printf("totp:\n  secret: %.*s\n  recovery:\n",
		    (int)wr_size(&w), (const char *)wr_view(&w).p);
	}
	wr_free(&w);
	return ok;
}

int
tool_totp(int argc, char **argv)
{
	bool ok;

	if (argc != 2)
		return TOOL_USAGE;
	ok = print_secret(argv[1]);
	for (size_t i = 1; ok && i <= CODES; i++)
		ok = print_code(i);
	if (!ok)
		return tool_complain("no secret could be made: %s",
		    strerror(errno));
	return TOOL_OK;
}
