#!/bin/bash
# For a user who exists and one who does not the server does the same work:
# the same forks, programs, hashes and files opened, in the same order.
# plain only: the sanitizers open files of their own
. "$(dirname "$0")/lib.sh"
. "$HERE/pam.inc"
need_cmd gcc
copy_keys
gcc -D_GNU_SOURCE -shared -fPIC -O1 -o "$T/worklog.so" "$HERE/worklog.c" \
    -ldl || fail "worklog.c"
WORKLOG=$T/worklog
: >"$WORKLOG"
mkdir -p "$T/akeys"
for u in alice bob; do
	cp "$T/keys/user_ecdsa256.pub" "$T/akeys/$u"
done
HASH=$(printf 'right\n' | "$TOOL" passwd)
# Users of one kind, so that a stranger's is the same whoever is chosen.
AUTH='[publickey, password, keyboard-interactive]'
BOTH="    password: '$HASH'
    authorized_keys_files: [\"$T/akeys/%u\"]"
USER_YAML=$BOTH
make_jail "$T/jail2"
USERS_YAML="  bob:
    jail: \"$T/jail2\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    auth: $AUTH
    authorized_keys: [\"$(cat "$T/id.pub")\"]
$BOTH"
cat >"$T/preloaded" <<-S
	#!/bin/sh
	export LD_PRELOAD="$T/worklog.so" WORKLOG="$WORKLOG"
	exec "$DAEMON" "\$@"
S
chmod 755 "$T/preloaded"
DAEMON=$T/preloaded
start_server

# Somebody who tries, by name; the methods are functions below.
attempt() { # METHOD USER
	$PY - "$PORT" "$T" "$1" "$2" <<-'P'
	import socket, sys, paramiko
	port, t, method, user = sys.argv[1:]
	tr = paramiko.Transport(socket.create_connection(("127.0.0.1",
	    int(port))))
	tr.start_client(timeout=60)
	def password():
	    tr.auth_password(user, "wrong", fallback=False)
	def key():
	    tr.auth_publickey(user, paramiko.Ed25519Key(
	        filename=t + "/keys/stranger"))
	def dialogue():
	    tr.auth_interactive(user, lambda *x: ["wrong"] * len(x[2]))
	def none():
	    tr.auth_none(user)
	try:
	    {"password": password, "key": key, "dialogue": dialogue,
	     "none": none}[method]()
	except paramiko.SSHException:
	    pass
	assert not tr.is_authenticated()
	tr.close()
	P
}
query() { # USER: a key is offered, and never signed with
	ID=$T/keys/stranger ssh_opts
	refused ssh "${OPTS[@]}" -p "$PORT" "$1@127.0.0.1" true 2>/dev/null
}
idle() { [ -z "$(tree_named 'login|account')" ]; }

# work METHOD USER: what is done for it, process by process, to stdout.
work() {
	local from conns
	from=$(wc -l <"$WORKLOG")
	conns=$(grep -c event=disconnect "$LOG") || true
	case $1 in
	query) query "$2" ;;
	hostbased)
		refused py secrets.py hostbased "$2" keys/host_ed25519 \
		    elsewhere. "$2" 2>/dev/null
		;;
	*) attempt "$1" "$2" ;;
	esac
	over() { [ "$(grep -c event=disconnect "$LOG")" -gt "$conns" ]; }
	eventually over
	eventually idle
	tail -n +$((from + 1)) "$WORKLOG" | awk -v w="$SERVER" -v u="$2" \
	    -v top="$TOP/" '
	{
		who = $1 == w ? "warden" : $1 in n ? n[$1] : \
		    (n[$1] = "process " ++i)
		$1 = ""
		gsub(top, "")	# which may hold a name too
		gsub(u, "USER")
		# what is opened for nobody, and for somebody
		sub(" [^ ]*/nonexistent/authorized_keys$", " USERS-KEYS")
		sub(" [^ ]*/akeys/USER$", " USERS-KEYS")
		sub(" -.password$", " USER.password")
		sub(" [^ ]*/nonexistent/totp$", " USERS-CODES")
		sub(" [^ ]*/totp/USER$", " USERS-CODES")
		sub(" [^ ]*/nonexistent/known_hosts$", " HOSTS")
		sub(" [^ ]*/hosts/USER$", " HOSTS")
		print who ":" $0
	}'
}

# compare METHOD: alice and bob, two who do not exist, and one who cannot.
OTHERS="bob nobody-such root"
compare() {
	local u
	work "$1" alice >"$T/alice.$1"
	cat "$T/alice.$1"
	for u in $OTHERS; do
		work "$1" "$u" >"$T/$u.$1"
		diff "$T/alice.$1" "$T/$u.$1" ||
		    fail "other work for $u than for alice"
	done
}

t_password() {
	compare password
	eq hashes "$(grep -c ': hash \$y\$j' "$T/alice.password")" 1
	eq forks "$(grep -c 'warden: fork' "$T/alice.password")" 1
}
t_key() {
	compare key
	has "$T/alice.key" 'process 1: open USERS-KEYS'
}
t_query() {
	compare query
	has "$T/alice.query" 'process 1: open USERS-KEYS'
}
t_dialogue() {
	compare dialogue
	has "$T/alice.dialogue" ': hash '
}
t_none() { compare none; }

# PAM: users, accounts of the host who may log in, who may not, and nobody.
t_pam() {
	mkdir -p "$T/home"
	account a
	account d
	service own <<-P
	auth	required	pam_unix.so
	account	required	pam_unix.so
	P
	BOTH="    pam: ${OWN}own"
	AUTH='[password, keyboard-interactive]'
	USER_YAML=$BOTH
	USERS_YAML="  bob:
    jail: \"$T/jail2\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    auth: $AUTH
$BOTH"
	TOP_YAML="groups: {hosts: {auth: $AUTH}}
host_accounts: {allow: [${OWN}a], policy: hosts, pam: ${OWN}own}"
	stop_server
	fresh_server
	OTHERS="bob nobody-such root ${OWN}a ${OWN}d"
	compare password
	eq helpers "$(grep -c 'exec .*sallyport-account' \
	    "$T/alice.password")" 1
	compare dialogue
	OTHERS="bob nobody-such root"
}

# Codes from a clock and known hosts: a server whose users have both.
t_codes_and_hosts() {
	"$PY" -c "import asyncssh" 2>/dev/null || skip "no python3-asyncssh"
	mkdir -m 700 "$T/totp"
	mkdir "$T/hosts"
	for u in alice bob; do
		echo GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ >"$T/totp/$u"
		chmod 600 "$T/totp/$u"
		awk '{ print "sallyport.test", $1, $2 }' \
		    "$T/keys/host_ed25519.pub" >"$T/hosts/$u"
	done
	BOTH="    password: '$HASH'
    totp: {file: \"$T/totp/%u\"}
    known_hosts_files: [\"$T/hosts/%u\"]"
	AUTH='[keyboard-interactive, hostbased]'
	USER_YAML=$BOTH
	USERS_YAML="  bob:
    jail: \"$T/jail2\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    auth: $AUTH
$BOTH"
	STATE=$T/codes
	TOP_YAML="penalties: off" # which are saved now and then
	stop_server # whose work would be noted as well
	fresh_server
	compare dialogue
	has "$T/alice.dialogue" 'process 1: open USERS-CODES'
	compare hostbased
	has "$T/alice.hostbased" 'process 1: open HOSTS'
}
run_parts
