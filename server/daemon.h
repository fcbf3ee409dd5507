/*
 * The daemon's side of the server process: the loop, its clients, and what
 * asks warden and login processes for decisions.  It uses the engine through
 * ssh_server.h alone.  All state hangs off struct loop.
 */
#ifndef SERVER_DAEMON_H
#define SERVER_DAEMON_H

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/log_budget.h"
#include "base/messages.h"
#include "server/duct.h"
#include "server/link.h"
#include "server/ssh_server.h"

#define LOOP_SCRATCH	((size_t)256 * 1024)	/* one receive */
#define LOOP_LISTENERS	IPC_MAX_FDS
/* What a client may move each way in a turn while others are about: whoever
 * types among them waits for as long as that takes. */
#define LOOP_SHARE	((size_t)64 * 1024)
#define LOOP_HEAVY	((size_t)16 * 1024)	/* ... who comes last */
#define PARK_AFTER_MS	2000
#define TRIM_AFTER_MS	5000	/* from the end of a connection */
#define DRAINS_MAX	256	/* ducts that outlive their channels, of
				 * sessions; of flows there may be as many */
#define DRAIN_MS	10000	/* ... and for how long */
#define DRAIN_HURRY_MS	500	/* at a stop, or of a user who was removed */
#define SRC_MAX		INET6_ADDRSTRLEN

/* One configuration generation; lives until its last client has gone. */
struct generation {
	unsigned refs;
	uint32_t number;
	struct ssh_server *ssh;
	struct ssh_key *keys[16];
	size_t nkeys;
	struct config_limits limits;
	uint32_t methods;
};

struct client;

/* What the login has told about its user, for quick answers and the log: each
 * right is the login's to enforce. */
struct rights {
	uint32_t allow;			/* enum policy_allow */
	bool programs;			/* it makes the carriers itself */
	char *rule;			/* where that is written */
	struct view *env;		/* patterns, in memory behind them */
	size_t nenv;
};

/* A channel of a client and the duct behind it. */
struct chan {
	struct chan *next;
	struct client *client;
	struct ssh_channel *ch;		/* NULL once the engine has closed it */
	uint32_t id;			/* never used again in this connection,
					 * so that a late word of the login
					 * cannot meet a newer channel */
	uint8_t kind;			/* enum config_channel */
	uint64_t moved_at;		/* ms, when bytes moved last */
	struct duct *duct;		/* NULL until asked for */
	size_t given;			/* bytes in the duct not consumed yet */
	bool opening;			/* the login has been asked */
	bool asked;			/* ... for an agent or a display */
	bool given_to;			/* and may have made one */
	bool ended;			/* MSG_ENDED came: status below */
	bool program;			/* its carrier is not the duct's own */
	bool deaf;			/* the program has closed its input */
	bool cut;			/* ended by us, whatever it was */
	struct start *start;		/* what was said before its start;
					 * NULL: nothing */
	bool finished;			/* exit status, EOF and CLOSE are out */
	/* of a forwarded connection */
	bool flow;			/* kind is no session */
	bool ours;			/* we have opened it */
	bool refused;			/* there is no connection */
	bool eof_in, eof_out;		/* the client, the far side has ended */
	bool wide;			/* it has the whole window */
	uint64_t consumed;		/* of the window, for that */
	uint64_t bytes_in, bytes_out;
	size_t poll_at[DUCT_FDS];	/* as the client's; SIZE_MAX: none */
	bool signalled, core;
	uint32_t status;
	char signal[16];
};

struct client {
	struct loop *loop;
	struct generation *gen;
	struct client *prev, *next;	/* all clients */
	struct client *warm_prev, *warm_next;	/* those not parked */
	struct client *hash_next;
	uint32_t id;
	int fd;
	struct ssh_conn *ssh;
	struct sockaddr_storage peer;
	struct source *source;		/* while not authenticated */
	char src[SRC_MAX];
	uint16_t src_port;
	char *user;			/* as logged in, or as tried */
	char *ident;			/* the client's software */
	struct link login;
	struct rights *rights;		/* NULL: not told yet */
	bool login_asked;
	bool warden_knows;		/* has been sent something about it */
	bool told;			/* its connection event is logged */
	bool counted;			/* among the unauthenticated */
	bool cut;			/* fatal: free at the end of the turn */
	bool ended;			/* the engine's end event has come */
	bool linger;			/* ... by our doing: let it be read */
	bool half_closed;		/* our side is shut, theirs not yet */
	bool hurry;			/* what it said last gets no time */
	bool deaf;			/* it has gone, and takes no byte: only
					 * what it said before is read */
	uint64_t deaf_until;
	bool blameless;			/* we ended it, not for what it did */
	uint64_t linger_until;
	struct chan *chans;
	uint32_t last_chan;
	size_t nflows, nwide;		/* of them */
	bool listens;			/* the session may bring flows */
	uint32_t flow_credit;		/* ... so many, as it knows */
	struct log_budget refusals;
	bool global_asked;		/* it is asked about a global request */
	uint64_t started;		/* ms */
	uint64_t moved_at;		/* bytes moved last on a channel, or
					 * the login was over */
	uint64_t unused_since;		/* no channel is open; 0: one is */
	uint64_t touched;		/* last turn with work, for parking */
	uint64_t turn;			/* in which it moved so many bytes */
	size_t moved;			/* towards the client */
	size_t taken;			/* from it */
	bool starved;			/* there was more, and no share left */
	bool heavy;			/* moved much in the last turn it had */
	bool typed;			/* a key has gone to a terminal in
					 * this turn: its echo may be there */
	struct client *typed_next;
	uint64_t due;			/* next ssh_conn_tick */
	size_t heap_at;
	bool parked;
	size_t poll_at, login_at;	/* entries in this turn's array;
					 * SIZE_MAX: none */
	bool dirty;			/* has had work in this turn */
	struct client *dirty_next;
};

/* Unauthenticated connections of one source (IPv4 address, IPv6 /64). */
struct source {
	struct source *next;
	uint8_t key[8];
	uint8_t family;			/* 4 or 6 */
	uint32_t count;
	uint64_t told;			/* when its last refusal was, ms */
};

#define CLIENT_BUCKETS	4096
#define SOURCE_BUCKETS	1024

struct loop {
	uint64_t now;			/* ms, monotonic */
	struct link warden;
	int listeners[LOOP_LISTENERS];
	size_t nlisteners;
	uint64_t accept_again;		/* pause after EMFILE, ms */
	struct generation *gen;		/* the newest */
	struct client *clients, *warm;
	size_t nwarm;
	uint64_t turn;			/* counts them */
	bool starved;			/* a client is */
	uint64_t park_check;		/* when to look for quiet ones, ms */
	uint64_t trim_at;		/* when freed memory goes back, ms */
	struct penalties *barred;	/* sources that are turned away */
	bool closed4, closed6;		/* all others are too */
	uint64_t closed_told;		/* when that was logged last, ms */
	uint32_t nclients, nunauth, nparked;
	size_t nflows, flows_max;	/* of all clients: half of the
					 * descriptors stay for who comes */
	uint32_t last_id;
	struct client *bucket[CLIENT_BUCKETS];
	struct source *sources[SOURCE_BUCKETS];
	struct client **heap;		/* by due */
	size_t nheap, heap_cap;
	struct client *dirty, **dirty_last;
	struct client *typed;
	bool burdened;			/* somebody heavy had this turn */
	struct drain *drains;		/* oldest first */
	size_t ndrains[2];		/* of sessions, of flows */
	int epoll;			/* the parked */
	struct pollfd *pfd;		/* rebuilt every turn */
	size_t npfd, pfd_cap;
	bool poll_short;		/* no memory for some of this turn */
	uint64_t poll_failures, poll_tell_at;
	bool stopping;
	uint64_t stop_at;
	uint8_t *scratch;		/* LOOP_SCRATCH */
	uint8_t *frame;			/* IPC_MAX_FRAME */
};

/* ---- loop.c ---- */
/* Serves until the warden says stop or has gone. */
void loop_run(struct loop *l);
/* How many bytes it may still move towards the client in this turn; and that
 * it has.  With none left its channels are pumped again in the next. */
size_t loop_share(struct client *c);
void loop_moved(struct client *c, size_t n);
/* ... and from it. */
void loop_taken(struct client *c, size_t n);
/* Bytes have gone to one of its terminals. */
void loop_typed(struct client *c);
/* Marks a client as having had work: it is flushed at the end of the turn. */
void loop_touch(struct client *c);

/* ---- pollset.c ---- */
/* An entry in this turn's pollfd array; *at_out says where, SIZE_MAX: not at
 * all, for lack of memory. */
void pollset_add(struct loop *l, int fd, short events, size_t *at_out);
/* The same if there is anything to wait for; else *at_out is SIZE_MAX. */
void pollset_wish(struct loop *l, int fd, short events, size_t *at_out);
/* Waits for at most ms; what fails is logged, once a minute, and does not
 * keep those from being served that can be. */
void pollset_wait(struct loop *l, int ms);
/* What is ready at that place; 0 for SIZE_MAX. */
short pollset_ready(const struct loop *l, size_t at);

/* ---- heap.c: clients by the time of their next tick ---- */
bool heap_insert(struct loop *l, struct client *c);
void heap_remove(struct loop *l, struct client *c);
void heap_update(struct loop *l, struct client *c, uint64_t due);
uint64_t heap_next(const struct loop *l);

/* ---- listen.c ---- */
void listen_ready(struct loop *l, int fd);
/* The client has authenticated, or is gone: its places are free again. */
void listen_uncount(struct client *c);
void listen_replace(struct loop *l, const int *fds, size_t n);

/* ---- barred.c: sources that are turned away ---- */
/* NULL: no memory. */
struct penalties *barred_new(void);
/* May somebody from there come in?  If not, that is counted, logged once for
 * each source and period, and the socket is told a line. */
bool barred_admit(struct loop *l, int fd, const struct sockaddr_storage *ss);
/* Tells the warden of an offence; c NULL: a connection that was not taken. */
void barred_report(struct loop *l, const struct client *c,
    const struct sockaddr_storage *ss, enum penalty_reason reason);
/* MSG_PENALTIES, MSG_BARRED. */
enum err barred_configure(struct loop *l, struct ipc_msg *msg);
enum err barred_take(struct loop *l, struct ipc_msg *msg);

/* ---- client.c: sockets of one connection ---- */
/* Takes fd over; NULL: no memory (fd is closed). */
struct client *client_new(struct loop *l, int fd,
    const struct sockaddr_storage *peer);
void client_free(struct client *c);
struct client *client_find(struct loop *l, uint32_t id);
void client_addr(const struct sockaddr_storage *ss, char out[SRC_MAX],
    uint16_t *port_out);
/* Entries of the pollfd array for this client; then what poll() said. */
void client_poll(struct loop *l, struct client *c);
void client_ready(struct loop *l, struct client *c);
/* Moves bytes that can move, sends what is to be sent, plans the next tick. */
void client_flush(struct loop *l, struct client *c);
/* Reads what terminals have to say to what was just typed, and sends it. */
void client_echo(struct loop *l, struct client *c);
void client_tick(struct loop *l, struct client *c);
/* Frees channels that are through; true if the client itself is through. */
bool client_reap(struct client *c);
/* Begins a log event that carries connection, source and user. */
void client_log(struct client *c, struct log_ev *e, enum log_level level,
    const char *event);
/* Ends the connection for a reason of ours. */
void client_end(struct client *c, unsigned reason, const char *text);
bool client_park(struct loop *l, struct client *c);
void client_unpark(struct loop *l, struct client *c);

/* ---- chan.c: channels and their ducts ---- */
struct chan *chan_new(struct client *c, struct ssh_channel *ch);
struct chan *chan_find(struct client *c, uint32_t id);
void chan_free(struct chan *k);
/* Ends the channel from our side, whatever the client or a program says. */
void chan_cut(struct chan *k);
/* The channel is closed: the login gets what is still on its way to it. */
void chan_closed(struct chan *k);
/* Bytes from the login to the client, and the end of an ended one. */
void chan_pump_in(struct chan *k);
/* Bytes from the client to the login; gives the window back. */
void chan_pump_out(struct chan *k);
bool chan_wants_read(const struct chan *k);

/* ---- idle.c: limits on silence ---- */
/* Bytes have moved on this channel. */
void idle_moved(struct chan *k);
/* Ends what has been silent for too long; when to look again (UINT64_MAX:
 * never). */
uint64_t idle_tick(struct loop *l, struct client *c);

/* ---- start.c: what clients ask of session channels ---- */
void start_request(struct chan *k, const struct ssh_request *r);
/* The login's answer to a start.  start_done takes the descriptors. */
void start_done(struct chan *k, uint8_t carrier, int *fds, size_t n);
void start_refused(struct chan *k);
/* ... and to what is asked for before it, agents and displays. */
void start_given(struct chan *k, bool done);
/* Frees what was said before a start. */
void start_forget(struct chan *k);
/* What the login has said about its user; false: no memory. */
bool rights_take(struct client *c, const struct msg_ready *m);
void rights_free(struct rights **r);
/* Logs a refusal of ours.  detail may be empty. */
void start_log_refused(struct client *c, struct view what,
    struct view detail, const char *reason);

/* Does the login say that its user has one of these rights? */
bool rights_has(const struct client *c, uint32_t allow);

/* ---- relay.c: forwarded connections ---- */
/* What clients ask. */
void relay_tcpip(struct client *c, struct ssh_channel *ch,
    const struct ssh_tcpip *t);
void relay_streamlocal(struct client *c, struct ssh_channel *ch,
    struct view path);
void relay_request(struct client *c, const struct ssh_global *g);
/* What sessions answer; relay_connected takes the descriptors. */
void relay_connected(struct chan *k, uint8_t carrier, int *fds, size_t n);
void relay_unconnected(struct chan *k, uint8_t why);
enum err relay_listening(struct client *c, struct ipc_msg *msg) MUST_CHECK;
enum err relay_incoming(struct client *c, struct ipc_msg *msg) MUST_CHECK;
/* The client's answer to a channel of ours. */
void relay_opened(struct chan *k, uint32_t reason, struct view text);
/* n bytes of the client's have gone on. */
void relay_taken(struct chan *k, size_t n);
/* Passes the ends of streams on, and closes what has ended both ways. */
void relay_settle(struct chan *k);
/* The channel is closed. */
void relay_closed(struct chan *k);
/* One of a client, which may have gone, has ended: there may be room. */
void relay_freed(struct loop *l, uint32_t client);

/* ---- drain.c: ducts whose channel has gone ---- */
/* Takes the duct over for at most ms; frees it at once if the login has all
 * that was written. */
void drain_add(struct loop *l, uint32_t client, struct duct **duct,
    bool flow, uint32_t ms);
/* How many of this connection's there are, of sessions or of flows. */
size_t drain_count(const struct loop *l, uint32_t client, bool flow);
/* Their entries of the pollfd array; then what poll() and the clock said.
 * freed is told of each flow that is through. */
void drain_poll(struct loop *l);
void drain_ready(struct loop *l,
    void (*freed)(struct loop *l, uint32_t client));
/* When the next is due; UINT64_MAX: none. */
uint64_t drain_next(const struct loop *l);
void drain_free(struct loop *l);

/* ---- login.c: the login process of one connection ---- */
/* Passes one SSH_MSG_USERAUTH_* payload on; makes the login process first. */
enum err login_ask(struct client *c, struct view user, struct view payload);
void login_ready(struct loop *l, struct client *c, short revents);
/* Its session is not to take its time over what it has still to do. */
void login_hurry(struct client *c);

/* ---- events.c: what the engine tells ---- */
extern const struct ssh_server_events daemon_events;

/* ---- warden.c: the privileged side ---- */
void warden_ready(struct loop *l, short revents);
enum err warden_send(struct loop *l, uint8_t type, uint32_t id,
    const struct wr *body, const int *fds, size_t nfds);

/* ---- generation.c ---- */
struct generation *generation_new(struct loop *l,
    const struct msg_generation *m);
void generation_unref(struct generation **g);

/* ---- sandbox.c ---- */
/* seccomp filter of the server process; no way back. */
bool sandbox_server(const char **why_out);

#endif
