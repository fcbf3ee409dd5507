/*
 * The roles in which sallyportd runs, and how each is started.  main() is in
 * chroot/main.c; it prepares a role and calls the function below.
 *
 *	sallyportd -f FILE [-t] [-e] [-d]	the warden
 *	sallyportd --role=server WORDS		the server, exec'ed by it
 *	sallyportd --role=session		a user's session, exec'ed by
 *						the account helper
 *
 * Server.  The warden forks and execs its own binary again, for fresh
 * addresses, with the argument words
 *
 *	--role=server --uid=N --gid=N --level=N [--unprivileged]
 *
 * and these descriptors, close-on-exec cleared, nothing else open but 0, 1
 * and 2 (/dev/null; 2 is the caller's stderr with -e or -d):
 *
 *	3	warden socket: SEQPACKET, non-blocking, base/ipc.h frames
 *	4	log socket: datagrams, for base/log.h
 *	5	the empty directory to be the root (closed after chroot)
 *
 * Before server_main() is called, main() has set the process title, taken
 * chroot into the empty directory, dropped to uid and gid without groups and
 * without any capability, set no_new_privs and PR_SET_PDEATHSIG, proved all
 * that, ignored SIGPIPE, reset every other signal and its mask, called
 * log_open(4, level) and raised RLIMIT_NOFILE's soft limit to the hard one.
 * Descriptors 0 to 4 are open, nothing more.  What is left to server_main()
 * is its seccomp filter.
 *
 * First message on 3 is MSG_GENERATION, with nlisten listening sockets beside
 * it (bound, listening, non-blocking, in the order of the configuration); it
 * comes again with the complete new set after each reload: the server takes
 * the new descriptors and closes the ones it had.  Message ids from then on
 * are connection numbers of the server's choice, unique among its open
 * connections, never 0.  EOF on 3: exit.
 *
 * For each connection the server sends MSG_SIGN for every key exchange (never
 * two unanswered), at most one MSG_LOGIN, and MSG_GONE when the connection
 * has ended, if it has sent anything for it.  A request that is not in order
 * costs the server its life; the warden then starts another.
 */
#ifndef BASE_ROLES_H
#define BASE_ROLES_H

#define ROLE_SERVER	"--role=server"
#define ROLE_SESSION	"--role=session"

/* Descriptors of the server role. */
#define ROLE_FD_WARDEN	3
#define ROLE_FD_LOG	4
#define ROLE_FD_ROOT	5
/* Descriptors of the session role: control socket, on which one MSG_HANDOVER
 * frame brings server socket, warden socket, log socket; and the encoded
 * policy, to be read to its end. */
#define ROLE_FD_CONTROL	3
#define ROLE_FD_POLICY	4

/* The server until it is told to stop (0), or loses the warden (0), or cannot
 * go on (not 0).  Borrows both sockets.  server/main.c. */
int server_main(int warden_sock, int log_sock);

#endif
