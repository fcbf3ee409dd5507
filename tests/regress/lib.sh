# Sourced by every test of the whole server.  A test is a file with functions
# t_NAME, each a part with a result of its own, and ends with `run_parts`.
# Set before it starts a server:
#
#	TOP_YAML	top-level lines of the configuration beyond the usual
#	USER_YAML	lines of the user alice, indented by four
#	USERS_YAML	further users, indented by two
#	LISTEN LOG_YAML HOST_KEYS AUTH CONF STATE CONTROL	instead of the
#			usual
#
# and then: start_server; sftp_do; stop_server.  $T is a directory that goes
# away with the test, $JAIL alice's jail, $JAIL/d the folder that is hers.
# SALLYPORTD names another daemon; TEST_OVERRIDE a file that is sourced last,
# which may replace start_server, to hold another server against the tests.
# shellcheck shell=bash disable=SC2034
set -eu -o pipefail
umask 022
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
KIND=${TEST_KIND:-plain}
B=${TEST_BUILD:-build}
case $B in /*) ;; *) B=$TOP/$B ;; esac
DAEMON=${SALLYPORTD:-$B/sallyportd}
TOOL=$B/sallyport
NAME=$(basename "$0" .sh)
PY=/usr/bin/python3
O10=$TOP/build/openssh10/usr
export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1

T=$(mktemp -d "${TMPDIR:-/tmp}/sallyport-$NAME.XXXXXX")
chmod 755 "$T"
SRC=$T/src	# files to send
JAIL=$T/jail
LOG=$T/server.log
if [ "$(id -u)" = 0 ]; then
	ROOT=yes ACCT_UID=20011 ACCT_GID=20012
else
	ROOT= ACCT_UID=$(id -u) ACCT_GID=$(id -g)
fi
TOP_YAML= USER_YAML= USERS_YAML= LISTEN= LOG_YAML= HOST_KEYS= AUTH= CONF=
STATE= CONTROL=
PORT= SERVER= CRASH_OK= PART=
: >"$T/pids"

# ---- results ----

result() { # ok|FAIL|skip PART [WHY]
	echo "== $*"
	[ -z "${TEST_RESULTS:-}" ] || echo "$*" >>"$TEST_RESULTS"
}
note() { echo "-- $*"; }
fail() {
	echo "FAILED: $*"
	[ -z "$PART" ] || echo "$*" >"$T/why"
	exit 1
}
skip() { # the part, or before run_parts the whole test
	if [ -n "$PART" ]; then
		echo "$*" >"$T/skip"
	else
		result skip - "$*"
	fi
	exit 0
}
need_root() { [ -n "$ROOT" ] || skip "needs root"; }
need_cmd() {
	local c
	for c; do
		command -v "$c" >/dev/null || skip "no $c on this machine"
	done
}
eq() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}
same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }
has() { # FILE PATTERN
	grep -Eq -- "$2" "$1" || {
		echo "---- $1"
		tail -n 30 "$1"
		fail "no /$2/ in ${1##*/}"
	}
}
hasnt() {
	if grep -Ea -- "$2" "$1"; then fail "/$2/ in ${1##*/}"; fi
}
refused() { # COMMAND...: must fail
	if "$@"; then fail "succeeded: $*"; fi
}
eventually() { # COMMAND...: becomes true; patience is long on purpose
	local i
	for i in $(seq 600); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.05
	done
	fail "never: $*"
}

# Each t_ function of $INC and of the test itself, in the order in which they
# stand there, in a subshell of its own; then the server's own report.
run_parts() {
	local p pid before rc bad=
	for p in $(sed -n 's/^t_\([a-z0-9_]*\)().*/\1/p' ${INC:-} "$0"); do
		[ -z "${ONLY_PART:-}" ] || [ "$ONLY_PART" = "$p" ] || continue
		rm -f "$T/why" "$T/skip"
		before=$(wc -l <"$T/pids")
		echo "==== $p"
		set +e
		(
			PART=$p
			set -eE
			trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR
			"t_$p"
		)
		rc=$?
		set -e
		# A server that the part started is the part's alone.
		for pid in $(tail -n +$((before + 1)) "$T/pids"); do
			end_pid "$pid"
		done
		if [ $rc != 0 ]; then
			bad=1
			result FAIL "$p" "$(head -c 300 "$T/why" 2>/dev/null |
			    head -n 1)"
		elif [ -e "$T/skip" ]; then
			result skip "$p" "$(head -n 1 "$T/skip")"
		else
			result ok "$p"
		fi
	done
	stop_server
	sane_log || bad=1
	[ -z "$bad" ]
}

# A server that faulted has failed whatever the clients saw.
sane_log() {
	local f expected='^$'
	[ -z "$CRASH_OK" ] || expected=': SEGV on unknown address'
	for f in "$T"/*.log; do
		[ -e "$f" ] || continue
		if grep -Ea 'ERROR: (Address|Leak)Sanitizer|runtime error:' \
		    "$f" | grep -v "$expected"; then
			result FAIL sanitizer "see the server's log"
			return 1
		fi
		[ -n "$CRASH_OK" ] && continue
		if grep -Eaq 'event=[a-z-]*crash|SIG(SEGV|ABRT|BUS|ILL|SYS)' \
		    "$f"; then
			grep -Ea 'event=[a-z-]*crash|SIG[A-Z]+' "$f"
			result FAIL crash "a process of the server crashed"
			return 1
		fi
	done
	return 0
}

tidy() {
	local m
	trap - EXIT TERM INT
	set +e
	cd /
	stop_all
	while read -r m; do umount -l "$m"; done < <(
		awk -v t="$T/" 'index($2, t) == 1 { print $2 }' /proc/mounts)
	if [ -n "${TEST_LOG:-}" ]; then
		for m in "$T"/*.log; do
			[ ! -e "$m" ] || cp "$m" \
			    "${TEST_LOG%.log}.${m##*/}.txt"
		done
	fi
	[ -n "${KEEP:-}" ] && echo "kept $T" || rm -rf "$T"
}
trap tidy EXIT
trap 'exit 1' TERM INT

# ---- keys and files ----

# Keys of every type, made once per checkout and copied.
KEYS=$TOP/build/test-keys
make_keys() {
	[ -e "$KEYS/done" ] && return 0
	mkdir -p "$TOP/build"
	local d spec t b
	d=$(mktemp -d "$TOP/build/keys.XXXXXX")
	for spec in ed25519: ecdsa:256 ecdsa:384 ecdsa:521 rsa:3072; do
		t=${spec%:*} b=${spec#*:}
		for n in host user; do
			ssh-keygen -q -t "$t" ${b:+-b "$b"} -N '' \
			    -C "$n-$t$b" -f "$d/${n}_$t$b"
		done
	done
	ssh-keygen -q -t ed25519 -N '' -C stranger -f "$d/stranger"
	ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -C pem -f "$d/host_pem_rsa"
	ssh-keygen -q -t ecdsa -m PEM -N '' -C pem -f "$d/host_pem_ecdsa"
	ssh-keygen -q -t rsa -b 2048 -N '' -C user-rsa2048 -f "$d/user_rsa2048"
	ssh-keygen -q -t rsa -b 4096 -N '' -C user-rsa4096 -f "$d/user_rsa4096"
	: >"$d/done"
	mv -T "$d" "$KEYS" 2>/dev/null || rm -rf "$d"
}
HOST_TYPES="ed25519 ecdsa256 ecdsa384 ecdsa521 rsa3072"
copy_keys() {
	make_keys
	mkdir -p "$T/keys"
	cp -p "$KEYS"/[hus]* "$T/keys/"
	chmod 600 "$T"/keys/*
	chmod 644 "$T"/keys/*.pub
	cp "$T/keys/user_ed25519" "$T/id"
	cp "$T/keys/user_ed25519.pub" "$T/id.pub"
	local t
	for t in $HOST_TYPES; do
		awk '{ print "sallyport", $1, $2 }' "$T/keys/host_$t.pub"
	done >"$T/known_hosts"
}

SIZES="0 1 4095 65537 5242880 67108864"
# make_files [SIZE...]: $SRC/fSIZE of bytes that do not repeat.
make_files() {
	local n
	mkdir -p "$SRC"
	for n in ${*:-$SIZES}; do
		[ -e "$SRC/f$n" ] || $PY - "$n" >"$SRC/f$n" <<-'P'
		import hashlib, os, sys
		n = int(sys.argv[1])
		seed = hashlib.sha256(b"sallyport %d" % n).digest()
		big = hashlib.shake_256(seed).digest(min(n, 1 << 20))
		out, i = sys.stdout.buffer, 0
		while n > 0:
		    part = i.to_bytes(8, "big") + big[8:]
		    out.write(part[:n])
		    n -= len(part)
		    i += 1
		P
	done
}

# ---- server ----

free_port() {
	local p
	while :; do
		p=$((20000 + RANDOM % 12000))
		[ -z "$(ss -ltnH "sport = :$p")" ] && break
	done
	echo $p
}

make_jail() { # DIR
	mkdir -p "$1/d" "$1/ro"
	[ -z "$ROOT" ] || {
		chown 0:0 "$1" "$1/ro"
		chown $ACCT_UID:$ACCT_GID "$1/d"
	}
	chmod 755 "$1" "$1/d" "$1/ro"
	echo "read me" >"$1/ro/note"
	chmod 644 "$1/ro/note"
}

own() { [ -z "$ROOT" ] || chown -h $ACCT_UID:$ACCT_GID "$@"; }

host_keys() {
	local t s=
	for t in ${HOST_KEYS:-$HOST_TYPES}; do
		s="$s${s:+, }\"$T/keys/host_$t\""
	done
	echo "$s"
}

write_conf() { # FILE
	cat >"$1" <<-C
	listen: ${LISTEN:-[\"127.0.0.1:$PORT\"]}
	host_keys: [$(host_keys)]
	server_user: _sallyport
	log: ${LOG_YAML:-{to: stderr, format: text, level: info\}}
	state_dir: ${STATE:-"$T/state.$PORT"}
	control: ${CONTROL:-"$T/control.$PORT"}
	$TOP_YAML
	defaults: {auth: [publickey], allow: [sftp]}
	users:
	  alice:
	    jail: "$JAIL"
	    account: {uid: $ACCT_UID, gid: $ACCT_GID}
	    auth: ${AUTH:-[publickey]}
	    authorized_keys: ["$(cat "$T/id.pub")"]
	$USER_YAML
	$USERS_YAML
	C
	chmod 600 "$1"
}

# Everything but the start: keys, jail, configuration.
prepare() {
	[ -e "$T/id" ] || copy_keys
	[ -e "$JAIL" ] || make_jail "$JAIL"
	[ -n "$PORT" ] || PORT=$(free_port)
	[ -n "$CONF" ] || {
		CONF=$T/sallyport.yaml
		write_conf "$CONF"
	}
}

listening() { [ -n "$(ss -ltnH "sport = :${1:-$PORT}")" ]; }

# start_server [WORD...]: with further words of the command line.
start_server() {
	[ -x "$DAEMON" ] || fail "no $DAEMON"
	prepare
	"$DAEMON" -f "$CONF" "$@" </dev/null >>"$LOG" 2>&1 &
	SERVER=$!
	echo $SERVER >>"$T/pids"
	eventually up_or_dead
	alive $SERVER || {
		cat "$LOG"
		fail "the server did not start"
	}
}
# With a port and a configuration of its own, for the part that asks.
fresh_server() {
	PORT= CONF=
	start_server "$@"
}
up_or_dead() { listening || ! alive "$SERVER"; }
alive() { # PID: there, and not a zombie
	local s
	s=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	s=${s##*) }
dead() { ! alive "$1"; }
	[ "${s%% *}" != Z ]
}

# stop_server: SIGTERM must be enough; says how long it took in $STOPPED ms.
stop_server() {
	local t0
	[ -n "${SERVER:-}" ] || return 0
	t0=$(date +%s%N)
	end_pid "$SERVER"
	STOPPED=$((($(date +%s%N) - t0) / 1000000))
	! alive "$SERVER" || fail "still running 20 s after SIGTERM"
	SERVER=
}
end_pid() {
	local _
	alive "$1" || return 0
	kill -TERM "$1"
	for _ in $(seq 400); do
		alive "$1" || break
		sleep 0.05
	done
	wait "$1" 2>/dev/null || true
}
stop_all() {
	local p
	for p in $(cat "$T/pids"); do end_pid "$p"; done
}

# Processes of the server: warden first, then all below it.
tree() { # [PID]
	local p c
	p=${1:-$SERVER}
	echo "$p"
	for c in $(cat /proc/"$p"/task/*/children 2>/dev/null || true); do
		tree "$c"
	done
}
# The one process that serves the network: it runs as _sallyport (as root)
# or holds most sockets; its name tells.
tree_named() { # PATTERN of /proc/PID/cmdline
	local p
	for p in $(tree); do
		tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" |
		    grep -Eq -- "$1" && echo "$p"
	done
	return 0
}

# ---- the log ----

# log_line PATTERN...: a line of the log that matches all of them.
log_line() {
	local p s
	s=$(cat "$LOG")
	for p; do s=$(grep -Ea -- "$p" <<<"$s") || return 1; done
	echo "$s"
}
logged() { # PATTERN...: comes to the log sooner or later
	local i
	for i in $(seq 200); do
		log_line "$@" >/dev/null && return 0
		sleep 0.05
	done
	tail -n 20 "$LOG"
	fail "not logged: $*"
}
log_mark() { MARK=$(wc -c <"$LOG"); }
log_new() { tail -c +$((MARK + 1)) "$LOG"; }

# ---- clients ----

SSHV= # prefix of another OpenSSH's programs
ssh_opts() {
	OPTS=(-F none -o "UserKnownHostsFile=$T/known_hosts"
		-o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes
		-o HostKeyAlias=sallyport -o "IdentityFile=${ID:-$T/id}"
		-o IdentitiesOnly=yes -o BatchMode=yes -o UpdateHostKeys=no
		-o LogLevel="${LEVEL:-ERROR}" -o ConnectTimeout=60)
}
SFTP() { # OPTION... : commands on standard input
	local q=-q # would outdo LogLevel
	[ -z "${LEVEL:-}" ] || q=-oLogLevel=$LEVEL
	ssh_opts
	if [ -n "$SSHV" ]; then
		"$SSHV/bin/sftp" -S "$SSHV/bin/ssh" "$q" "${OPTS[@]}" \
		    -P "$PORT" "$@" -b - "${WHO:-alice}@${ADDR:-127.0.0.1}"
	else
		sftp "$q" "${OPTS[@]}" -P "$PORT" "$@" -b - \
		    "${WHO:-alice}@${ADDR:-127.0.0.1}"
	fi
}
sftp_do() { printf '%s\n' "$@" | SFTP; } # one batch command per word
SSH() { # OPTION... : ssh, the host is named for you; command after --
	ssh_opts
	local a=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		a+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	"${SSHV:+$SSHV/bin/}ssh" "${OPTS[@]}" -p "$PORT" \
	    ${a[@]+"${a[@]}"} "${WHO:-alice}@${ADDR:-127.0.0.1}" "$@"
}
# hold_sftp [OPTION...]: a session that stays open until release; its ssh is
# process $HOLD, its streams the descriptors $HOLD_IN and $HOLD_OUT.
hold_sftp() {
	ssh_opts
	coproc HELD { exec "${SSHV:+$SSHV/bin/}ssh" "${OPTS[@]}" -p "$PORT" \
	    "$@" -s "${WHO:-alice}@${ADDR:-127.0.0.1}" sftp; } 2>/dev/null
	HOLD_IN=${HELD[0]} HOLD_OUT=${HELD[1]} HOLD=$HELD_PID
	printf '\0\0\0\5\1\0\0\0\3' >&"$HOLD_OUT"
	head -c 9 <&"$HOLD_IN" >"$T/hold" # no subshell sees these streams
	eq "an SFTP version" "$(od -An -tx1 -j4 "$T/hold" | tr -d ' ')" \
	    0200000003
}
release() {
	exec {HOLD_OUT}>&-
	wait "$HOLD" 2>/dev/null || true
}
SCP() {
	ssh_opts
	if [ -n "$SSHV" ]; then
		"$SSHV/bin/scp" -S "$SSHV/bin/ssh" -q "${OPTS[@]}" -P "$PORT" "$@"
	else
		scp -q "${OPTS[@]}" -P "$PORT" "$@"
	fi
}
py() { # SCRIPT ARG...: a Python part of a test; it writes its own results
	local s=$1
	shift
	HOST=127.0.0.1 PORT=$PORT KEY=$T/id T=$T JAIL=$JAIL LOG=$LOG \
	    SRC=$SRC $PY "$HERE/$s" "$@"
}

[ -z "${TEST_OVERRIDE:-}" ] || . "$TEST_OVERRIDE"
