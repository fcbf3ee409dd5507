#!/bin/bash
# sallyportd -t and a start with a faulty configuration: every fault with its
# place, all in one run, status 78; a good file says nothing and gives 0.
. "$(dirname "$0")/lib.sh"
copy_keys
prepare

check() { # sets S and $T/out
	S=0
	timeout 60 "$DAEMON" -t -f "${1:-$T/bad.yaml}" >"$T/out" 2>&1 || S=$?
	cat "$T/out"
}
# bad SED-SCRIPT PATTERN...: the good file changed must be refused so.
bad() {
	sed "$1" "$CONF" >"$T/bad.yaml"
	shift
	check
	eq status $S 78
	local p
	for p; do has "$T/out" "$p"; done
	has "$T/out" "^$T/bad.yaml:[0-9]+:[0-9]+: "
}

t_good() {
	check "$CONF"
	eq status $S 0
	hasnt "$T/out" '.:[0-9]+:[0-9]+:'
}
t_missing_file() {
	check "$T/none.yaml"
	eq status $S 78
	has "$T/out" 'none.yaml'
}
t_unknown_key() {
	bad 's/^server_user:/server_usr:/' \
	    '^[^:]*:3:1: .*server_usr'
	bad 's/^    jail:/    jial:/' 'users\.alice.*jial'
}
t_no_yaml() {
	bad 's/^users:/users: {/' ':[0-9]+:[0-9]+: '
	printf '\xff\xfe\x00' >"$T/bad.yaml"
	check
	eq status $S 78
}
t_values() {
	bad 's/uid: [0-9]*/uid: minus/' 'users\.alice\.account'
	bad 's/^log: .*/log: {to: nowhere}/' 'log\.to'
	bad 's/^listen: .*/listen: ["no.port"]/' 'listen'
	bad 's/^log: .*/&\nlimits: {login_grace: 5 parsecs}/' \
	    'limits\.login_grace'
	bad 's/^log: .*/&\nlimits: {rekey_bytes: -1}/' 'limits\.rekey_bytes'
	bad 's/^log: .*/&\nalgorithms: {cipher: [rot13]}/' 'rot13'
	bad 's/auth: \[publickey\]$/auth: [telepathy]/' 'telepathy'
	bad 's/ssh-ed25519 AAAA/ssh-ed25519 BBBB/' 'authorized_keys'
}
# A line that will refuse its key is told, and stays: another version may
# know its option.
t_keys_refused() {
	local key n=$((ACCT_UID + 1))
	key=$(cut -d ' ' -f 1,2 "$T/id.pub")
	cp "$CONF" "$T/keys.yaml"
	cat >>"$T/keys.yaml" <<-C
	  bob:
	    jail: "$JAIL"
	    account: {uid: $ACCT_UID, gid: $ACCT_GID}
	    authorized_keys:
	    - ssh-foo AAAAB3NzaC1mb28= me
	    - nonsense,pty $key
	    - 'expiry-time="soon" $key'
	    - 'from="gate.example.com,10.0.0.0/8" $key'
	    - 'tunnel="1" $key'
	C
	n=$(wc -l <"$CONF")
	check "$T/keys.yaml"
	eq status $S 0
	has "$T/out" "^$T/keys.yaml:$((n + 5)):7: warning: \
users\.bob\.authorized_keys\[0\]: ssh-foo: key type is not supported.*; use "
	has "$T/out" "^$T/keys.yaml:$((n + 6)):7: warning: \
users\.bob\.authorized_keys\[1\]: nonsense: unknown option.*; use "
	has "$T/out" ":$((n + 7)):7: warning: .*expiry-time.*; use YYYYMMDD"
	has "$T/out" ":$((n + 8)):7: warning: .*gate\.example\.com.*; use "
	has "$T/out" ":$((n + 9)):7: warning: .*tunnel=.*; leave it out"
	eq warnings "$(grep -c ': warning: ' "$T/out")" 5
	has "$T/out" ': ok$'
}
t_all_in_one_run() {
	sed 's/^server_user:/server_usr:/; s/uid: [0-9]*/uid: minus/
	    s/^log: .*/log: {to: nowhere, level: loud}/' "$CONF" >"$T/bad.yaml"
	check
	eq status $S 78
	[ "$(grep -c "^$T/bad.yaml:" "$T/out")" -ge 4 ] ||
	    fail "only $(grep -c "^$T/bad.yaml:" "$T/out") faults told"
}
t_root_account() {
	bad 's/uid: [0-9]*/uid: 0/' 'users\.alice\.account'
}
t_host_keys() {
	bad "s#\"$T/keys/host_ed25519\"#\"$T/keys/none\"#" 'host_keys|none'
	echo "not a key" >"$T/keys/garbage"
	chmod 600 "$T/keys/garbage"
	bad "s#\"$T/keys/host_ed25519\"#\"$T/keys/garbage\"#" 'garbage'
	cp "$T/keys/host_ed25519" "$T/keys/open"
	chmod 644 "$T/keys/open"
	bad "s#\"$T/keys/host_ed25519\"#\"$T/keys/open\"#" 'open'
}
t_includes() {
	mkdir -p "$T/users.d"
	sed 's/^log: .*/&\ninclude: [users.d\/*.yaml]/' "$CONF" >"$T/inc.yaml"
	cat >"$T/users.d/bob.yaml" <<-C
	users:
	  bob: {jail: "$JAIL", account: {uid: $ACCT_UID, gid: $ACCT_GID}}
	C
	check "$T/inc.yaml"
	eq status $S 0
	cat >"$T/users.d/carol.yaml" <<-C
	users:
	  carol:
	    jail: "$JAIL"
	    nonsense: 1
	C
	check "$T/inc.yaml"
	eq status $S 78
	has "$T/out" "users\.d/carol\.yaml:4:[0-9]+: "
	echo "users: {bob: {jail: /}}" >"$T/users.d/carol.yaml"
	check "$T/inc.yaml" # the same user twice
	eq status $S 78
	echo "include: [\"$T/inc.yaml\"]" >"$T/users.d/carol.yaml"
	check "$T/inc.yaml" # a ring
	eq status $S 78
}
t_unknown_account() {
	need_root
	bad 's/account: {[^}]*}/account: no-such-account-here/' \
	    'no-such-account-here'
	sed 's/account: {[^}]*}/account: nobody/' "$CONF" >"$T/ok.yaml"
	check "$T/ok.yaml"
	eq status $S 0
}
t_start_is_refused_too() {
	sed 's/^server_user:/server_usr:/' "$CONF" >"$T/bad.yaml"
	S=0
	timeout 60 "$DAEMON" -f "$T/bad.yaml" -e >"$T/out" 2>&1 || S=$?
	eq status $S 78
	has "$T/out" "bad.yaml:3:1: "
}
t_usage() {
	S=0
	timeout 60 "$DAEMON" --no-such-option >"$T/out" 2>&1 || S=$?
	[ $S != 0 ] || fail "accepted"
	[ -s "$T/out" ] || fail "without a word"
}
t_the_annotated_example() {
	[ -e "$TOP/etc/sallyport.yaml" ] || fail "no etc/sallyport.yaml"
	# as shipped, but for the places that only an installation has
	mkdir "$T/etc"
	sed "s#/etc/sallyport/ssh_host_#$T/keys/host_#
	    s#host_ed25519_key#host_ed25519#; s#host_rsa_key#host_rsa3072#
	    s#host_ecdsa_key#host_ecdsa256#" \
	    "$TOP/etc/sallyport.yaml" >"$T/etc/example.yaml"
	check "$T/etc/example.yaml"
	eq status $S 0
}
t_the_readme() {
	sed -n '/^```yaml$/,/^```$/p' "$TOP/README.md" | grep -v '^```' |
	    sed "s#/etc/sallyport/ssh_host_ed25519_key#$T/keys/host_ed25519#
	    s#ssh-ed25519 AAAA... acme-edi#$(cat "$T/id.pub")#" >"$T/readme.yaml"
	has "$T/readme.yaml" '^users:'
	need_root # another account than the caller's
	check "$T/readme.yaml"
	eq status $S 0
}
t_odd_files() { # no answer but a refusal, whatever the bytes
	local f
	for f in '{' '[[[[' '- - - -' 'a: &a [*a]' '? ? ?' '%YAML 9.9' \
	    'users: {"": {}}' 'users: {"a/b": {}}' "users: {a: {jail: x}}" \
	    '!!binary' 'listen: [""]' 'users: null' ''; do
		printf '%s\n' "$f" >"$T/bad.yaml"
		check
		eq "status of '$f'" $S 78
	done
	head -c 100000 /dev/urandom >"$T/bad.yaml"
	check >/dev/null
	eq status $S 78
	$PY -c 'print("[" * 100000)' >"$T/bad.yaml"
	check >/dev/null
	eq status $S 78
	cat >"$T/bad.yaml" <<-'C'
	a: &a [x, x, x, x, x, x, x, x, x, x]
	b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
	c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
	d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
	e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
	f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
	listen: [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]
	C
	check >/dev/null
	eq status $S 78
}
run_parts
