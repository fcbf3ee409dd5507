/*
 * What libpam and its modules cost by themselves, for pam.sh: all phases of a
 * login by key with a session, in a process of its own, or (N) the process
 * alone.  pamref SERVICE USER LOGINS [N]; prints CPU ms for each.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int
converse(int n, const struct pam_message **m, struct pam_response **r,
    void *data)
{
	(void)m;
	(void)data;
	*r = calloc((size_t)n, sizeof(**r));
	return *r != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int
phases(const char *service, const char *user)
{
	const struct pam_conv conv = { converse, NULL };
	pam_handle_t *h;
	int e;

	if (pam_start(service, user, &conv, &h) != PAM_SUCCESS)
		return 1;
	pam_set_item(h, PAM_RHOST, "127.0.0.1");
	pam_set_item(h, PAM_TTY, "ssh");
	e = pam_acct_mgmt(h, 0);
	if (e == PAM_SUCCESS)
		e = pam_setcred(h, PAM_ESTABLISH_CRED);
	if (e == PAM_SUCCESS)
		e = pam_open_session(h, 0);
	if (e == PAM_SUCCESS)
		e = pam_close_session(h, PAM_SILENT);
	pam_setcred(h, PAM_DELETE_CRED | PAM_SILENT);
	pam_end(h, e);
	return e != PAM_SUCCESS;
}

static double
children(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e3 +
	    (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e3;
}

int
main(int argc, char **argv)
{
	char *const none[] = { argv[0], argv[1], argv[2], "1", "N", "-", NULL };
	char *const all[] = { argv[0], argv[1], argv[2], "1", "P", "-", NULL };
	int n, status;

	if (argc == 6)		/* the child, executed */
		return argv[4][0] == 'N' ? 0 : phases(argv[1], argv[2]);
	if (argc < 4 || argc > 5 || (n = atoi(argv[3])) < 1)
		return 2;
	for (int i = 0; i < n; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execv("/proc/self/exe", argc == 5 ? none : all);
			_exit(127);
		}
		if (pid == -1 || waitpid(pid, &status, 0) == -1 ||
		    status != 0) {
			fprintf(stderr, "pamref: failed\n");
			return 1;
		}
	}
	printf("%.3f\n", children() / n);
	return 0;
}
