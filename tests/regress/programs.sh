#!/bin/bash
# What is not served says so: shells, commands, old scp, forwarding.
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 65537
USERS_YAML="
  scponly:
    jail: \"$JAIL\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    allow: [scp]
    authorized_keys: [\"$(cat "$T/id.pub")\"]"
start_server

t_old_scp() {
	refused SCP -O "$SRC/f65537" alice@127.0.0.1:/d/x
	logged event=request-refused user=alice request=exec \
	    'detail="scp -t /d/x"' 'reason="the old scp is not allowed"' \
	    "rule=$T/sallyport.yaml:[0-9]+:[0-9]+"
	[ ! -e "$JAIL/d/x" ] || fail "something was written"
	refused SCP -O alice@127.0.0.1:/ro/note "$T/x"
	[ ! -e "$T/x" ] || fail "something was read"
}

t_built_in() {
	refused SSH -- md5sum /ro/note </dev/null
	logged event=request-refused user=alice request=exec \
	    'detail="md5sum /ro/note"' 'reason="builtins does not list it"' \
	    'rule="built in"'
}

t_command() {
	local s=0
	SSH -- id </dev/null >"$T/out" 2>"$T/err" || s=$?
	[ $s != 0 ] || fail "succeeded"
	hasnt "$T/out" uid=
}

t_shell() {
	local s=0
	echo id | SSH -T >"$T/out" 2>"$T/err" || s=$?
	[ $s != 0 ] || fail "succeeded"
	hasnt "$T/out" uid=
	s=0
	echo id | SSH -tt >"$T/out" 2>"$T/err" || s=$?
	[ $s != 0 ] || fail "succeeded"
	hasnt "$T/out" uid=
}

t_other_subsystem() {
	refused SSH -s -- netconf </dev/null
	refused SSH -s -- 'sftp;id' </dev/null
}

t_not_allowed_sftp() {
	WHO=scponly refused sftp_do pwd
}

t_forwarding() {
	local p
	p=$(free_port)
	refused SSH -W 127.0.0.1:22 </dev/null 2>"$T/err"
	has "$T/err" '(prohibit|refused|failed)'
	refused SSH -N -o ExitOnForwardFailure=yes -R "$p:127.0.0.1:22" \
	    </dev/null 2>"$T/err"
	has "$T/err" 'forwarding failed'
}

t_env_is_harmless() {
	echo pwd | LD_PRELOAD_X=1 SFTP -o SendEnv='LD_*' \
	    -o SetEnv='LD_PRELOAD=/tmp/x PATH=/tmp'
}

t_server_is_well() { sftp_do "ls /"; }
run_parts
