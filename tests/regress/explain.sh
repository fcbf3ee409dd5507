#!/bin/bash
# sallyport explain: says of each user what a login then does.
. "$(dirname "$0")/lib.sh"
need_cmd perl
copy_keys
TOOL=$B/sallyport
HASH=$(perl -e 'print crypt(q(pw), q($5$rounds=1000$saltsalt$))')
OTHER=$(date -u -d '2 hours' +%H:%M)-$(date -u -d '3 hours' +%H:%M)
PORT=$(free_port)
LISTEN="[\"127.0.0.1:$PORT\", \"127.0.0.2:$PORT\"]"
KEYLINE=$(cat "$T/id.pub")
KEYTEXT="${KEYLINE% *}"
# A comment that would colour a terminal, after a stranger's key.
printf '%s \033[31mred\302\233\n' "$(cut -d ' ' -f 1,2 "$T/keys/stranger.pub")" \
    >"$T/listed"
printf '%s\n' "$KEYLINE" >>"$T/listed"
chmod 644 "$T/listed"
USERS_YAML=
user() { # NAME LINE...
	USERS_YAML="$USERS_YAML
  $1:
    group: partners
    account: {uid: $ACCT_UID, gid: $ACCT_GID}"
	shift
	local l
	for l; do
		USERS_YAML="$USERS_YAML
    $l"
	done
}
user listed "authorized_keys_files: [\"$T/listed\", \"$T/not-%u\"]"
user night "authorized_keys: [\"$KEYTEXT\"]" "hours: [\"$OTHER\"]" \
    'time_zone: UTC'
user old "authorized_keys: [\"$KEYTEXT\"]" 'expires: 2020-01-01'
user early "authorized_keys: [\"$KEYTEXT\"]" 'not_before: 9999-01-01'
user far "authorized_keys: [\"$KEYTEXT\"]" 'from: [192.0.2.0/24]'
user stale "authorized_keys: ['expiry-time=\"20200101Z\" $KEYTEXT']"
user two "authorized_keys: [\"$KEYTEXT\", \"$KEYTEXT\"]" \
    'auth: ["publickey+publickey"]'
user revoked "authorized_keys: [\"$KEYTEXT\"]" "revoked_keys: [\"$T/listed\"]"
user door "authorized_keys: [\"$KEYTEXT\"]" "password: '$HASH'" 'when:' \
    "  - {if: {listen: [\"127.0.0.2:$PORT\"]}, auth: [password]}" \
    '  - {if: {from: [127.0.0.3]}, hours: ["'"$OTHER"'"], time_zone: UTC}'
TOP_YAML="groups:
  partners: {jail: \"$JAIL\", sessions: 40}"
# Jails: one that is made, one that is not there, one that others write to.
user made "authorized_keys: [\"$KEYTEXT\"]" "jail: \"$T/made/%u\"" \
    'create: on'
user gone "authorized_keys: [\"$KEYTEXT\"]" "jail: \"$T/none/%u\""
start_server

x() { "$TOOL" explain "$@" -f "$CONF"; }
# agree USER [FROM [TO]]: explain's status is what a login by key gets.
agree() {
	local from=${2:-127.0.0.1} to=${3:-127.0.0.1} could=1 did=1
	x "$1" --from "$from" --listen "$to:$PORT" >"$T/x" && could=0
	echo pwd | WHO=$1 ADDR=$to SFTP -o BindAddress="$from" \
	    >/dev/null 2>&1 && did=0
	eq "could $1 log in" "$could" "$did"
	eq "agreed on $1" "$could" "$WANT"
}

t_what_it_says_is_so() {
	WANT=0 agree alice
	WANT=0 agree listed
	WANT=0 agree door
	WANT=1 agree night
	has "$T/x" "^  - outside of the user's hours: hours, .*sallyport.yaml:"
	WANT=1 agree old
	has "$T/x" '^  - user has expired: expires, .*sallyport.yaml:'
	WANT=1 agree early
	WANT=1 agree far
	has "$T/x" '^  - source address is not allowed: from, '
	WANT=1 agree stale
	has "$T/x" '^  - .*: key has expired$'
	WANT=1 agree two
	has "$T/x" '^publickey\+publickey: no$'
	WANT=1 agree revoked
	has "$T/x" '^  - .*: key .*revoked'
	WANT=1 agree nobody-here
	has "$T/x" '^  - there is no such user$'
	[ -z "$ROOT" ] || {
		mkdir "$T/made"
		x made >"$T/x"
		[ ! -e "$T/made/made" ] || fail "explain has made a jail"
		WANT=0 agree made
		WANT=0 agree made
		WANT=1 agree gone
		has "$T/x" "^  - .*$T/none.*: jail, .*sallyport.yaml:"
	}
	# by place
	WANT=0 agree door 127.0.0.4
	WANT=1 agree door 127.0.0.3
	has "$T/x" '^hours: .*, user, when block 2$'
	x door --listen "127.0.0.2:$PORT" >"$T/x"
	has "$T/x" '^auth: \[password\] .*, user, when block 1$'
	has "$T/x" '^password: yes$'
}

t_places() {
	x listed >"$T/x"
	local n
	n=$(grep -n "not-%u" "$CONF" | cut -d : -f 1)
	has "$T/x" "^authorized_keys_files: \[$T/listed, $T/not-listed\] *# .*/sallyport.yaml:$n, user\$"
	n=$(grep -n "sessions: 40" "$CONF" | cut -d : -f 1)
	has "$T/x" "^sessions: 40 *# .*/sallyport.yaml:$n, group partners\$"
	has "$T/x" "^jail: $JAIL *# .*/sallyport.yaml:$n, group partners\$"
	n=$(grep -n "^defaults:" "$CONF" | cut -d : -f 1)
	has "$T/x" "^auth: \[publickey\] *# .*/sallyport.yaml:$n, defaults\$"
	has "$T/x" '^umask: .* # built in$'
	has "$T/x" "^  \+ ssh-ed25519 SHA256:.*, $T/listed:2, (not )?used "
	has "$T/x" "^  - $T/not-listed: no such file\$"
	has "$T/x" '^could log in: yes, while there are less than 40 sessions'
}

t_times() {
	x old --at 2019-12-31 >"$T/x"
	has "$T/x" '^# on 2019-12-31 '
	refused x old --at 2020-01-02T00:00:00Z >/dev/null
	x early --at 9999-01-02T12:00:00+01:00 >/dev/null
}

t_secrets_and_terminals() {
	x door >"$T/x"
	has "$T/x" '^password: set  '
	hasnt "$T/x" 'saltsalt'
	x listed >"$T/x"
	has "$T/x" '\\x1b\[31mred\\xc2\\x9b'
	! LC_ALL=C grep -q $'[\001-\010\013-\037\177]' "$T/x" ||
	    fail "control characters"
	x door --json >"$T/x"
	hasnt "$T/x" 'saltsalt'
}

t_json() {
	x door --from 127.0.0.3 --json >"$T/x" && fail "door is open"
	$PY - "$T/x" "$CONF" <<-'P'
	import json, sys
	d = json.load(open(sys.argv[1]))
	assert d["user"] == "door" and d["from"] == "127.0.0.3", d
	assert d["exists"] is True and d["could"] is False
	assert [w["key"] for w in d["why"]] == ["hours"], d["why"]
	k = {p["key"]: p for p in d["policy"]}
	assert k["hours"]["when"] == 2 and k["hours"]["layer"] == "user"
	assert k["jail"]["group"] == "partners"
	assert k["hours"]["file"] == sys.argv[2]
	line = open(sys.argv[2]).read().split("\n")[k["hours"]["line"] - 1]
	assert line[k["hours"]["column"] - 1:].startswith("["), line
	assert k["umask"]["layer"] == "built in" and k["umask"]["file"] is None
	assert k["password"]["value"] == "set"
	w, = d["ways"]
	assert w["auth"] == "publickey" and w["could"] and len(w["steps"]) == 1
	assert len(w["steps"][0]["has"]) == 1, w
	P
	x nobody-here --json >"$T/x" && fail "nobody could"
	$PY -c 'import json, sys; d = json.load(open(sys.argv[1]))
assert d["exists"] is False and d["policy"] == [] and d["why"]' "$T/x"
}

status() { # WANTED COMMAND...
	local want=$1 rc=0
	shift
	"$@" >"$T/out" 2>"$T/err" || rc=$?
	eq "status of $*" "$rc" "$want"
}
t_faults() {
	status 2 "$TOOL" explain
	has "$T/err" '^usage: sallyport explain USER'
	status 2 "$TOOL" explain a b
	status 2 x alice --from example.org
	has "$T/err" '"example.org" is not an address; use'
	hasnt "$T/err" usage
	status 2 x alice --listen 127.0.0.1
	status 2 x alice --listen 192.0.2.1:22
	has "$T/err" 'nothing listens at "192.0.2.1:22"'
	status 2 x alice --at noon
	has "$T/err" '"noon" is not a time; use'
	status 2 x alice --colour
	status 2 "$TOOL" explain alice -f "$T/none.yaml"
	has "$T/err" 'none.yaml:1:1: \(file\): does not exist'
	sed 's/^defaults:.*/defaults: {umask: x}/' "$CONF" >"$T/bad.yaml"
	status 2 "$TOOL" explain alice -f "$T/bad.yaml"
	has "$T/err" 'bad.yaml:[0-9]+:[0-9]+: defaults.umask: "x" is not'
	eq "output of a fault" "$(wc -c <"$T/out")" 0
}
run_parts
