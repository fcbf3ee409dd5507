#!/bin/bash
# Jails of all kinds: made at first login, owned by the user, with a umask, a
# start folder; those that cannot be used say what and how to mend it.
. "$(dirname "$0")/lib.sh"
need_root
copy_keys
make_files 1 4095
K=$(cat "$T/id.pub")
user() { # NAME JAIL MORE...
	local n=$1 j=$2 m
	shift 2
	USERS_YAML="$USERS_YAML
  $n:
    jail: \"$j\"
    account: {uid: $ACCT_UID, gid: $ACCT_GID}
    authorized_keys: [\"$K\"]"
	for m; do USERS_YAML="$USERS_YAML
    $m"; done
}
mkdir "$T/made" "$T/owned" "$T/shared"
chown $ACCT_UID:$ACCT_GID "$T/owned"
chmod 1777 "$T/shared"
user created "$T/made/%u" 'create: true'
user owned "$T/owned"
user shared "$T/shared"
user masked "$JAIL" 'umask: "0077"'
user starter "$JAIL" 'start: /d'
user gone "$T/never/there"
echo x >"$T/file"
user file "$T/file"
start_server

t_create() {
	[ ! -e "$T/made/created" ] || fail "made too early"
	WHO=created sftp_do "pwd"
	[ -d "$T/made/created" ] || fail "not made"
	WHO=created sftp_do "ls -la /"
}

t_owned_by_the_user() {
	WHO=owned sftp_do "put $SRC/f1 /f1" "mkdir /dir" "get /f1 $T/got"
	same "$SRC/f1" "$T/owned/f1"
	WHO=shared sftp_do "put $SRC/f1 /f1"
	same "$SRC/f1" "$T/shared/f1"
}

t_umask() {
	WHO=masked sftp_do "put $SRC/f1 /d/masked" "mkdir /d/maskdir"
	eq "file" "$(stat -c %a "$JAIL/d/masked")" 600
	eq "folder" "$(stat -c %a "$JAIL/d/maskdir")" 700
	sftp_do "put $SRC/f1 /d/plain" "mkdir /d/plaindir"
	eq "file" "$(stat -c %a "$JAIL/d/plain")" 644
}

t_start() {
	WHO=starter sftp_do pwd "put $SRC/f4095 here" >"$T/out"
	has "$T/out" 'Remote working directory: /d$'
	same "$SRC/f4095" "$JAIL/d/here"
}

t_missing() {
	WHO=gone refused sftp_do pwd
	logged "never" 'user="?gone'
	WHO=file refused sftp_do pwd
	sftp_do pwd
}
run_parts
