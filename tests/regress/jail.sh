#!/bin/bash
# No way out of the jail, and nothing told of what is outside.
. "$(dirname "$0")/lib.sh"
need_cmd ln
copy_keys
make_files 1 4095
prepare
echo "the secret" >"$T/outside"
chmod 666 "$T/outside"
mkdir "$T/outdir"
chmod 777 "$T/outdir"
ln -s "$T/outside" "$JAIL/d/abs"
ln -s ../../outside "$JAIL/d/rel"
ln -s "$T/outdir" "$JAIL/d/absdir"
ln -s ../../../../../../../etc "$JAIL/d/etc"
ln -s /proc/self/root "$JAIL/d/proc"
ln -s / "$JAIL/d/slash"
ln -s loop "$JAIL/d/loop"
start_server

t_dotdot() {
	local p
	for p in /../outside ../../outside /d/../../outside \
	    /d/../../../../../../etc/passwd; do
		refused sftp_do "get $p $T/got"
		[ ! -e "$T/got" ] || fail "got $p"
	done
	# (an ordinary user owns the jail itself)
	[ -z "$ROOT" ] || refused sftp_do "put $SRC/f1 /../planted"
	[ -n "$ROOT" ] || sftp_do "put $SRC/f1 /../planted"
	# .. of the root is the root, as everywhere
	[ ! -e "$T/planted" ] || fail "written outside"
}

t_symlinks() {
	local p
	for p in abs rel etc/passwd proc/etc/passwd slash/etc/passwd \
	    slash/../outside loop; do
		refused sftp_do "get /d/$p $T/got"
		[ ! -e "$T/got" ] || fail "got $p"
	done
	refused sftp_do "put $SRC/f1 /d/absdir/planted"
	sftp_do "put $SRC/f4095 /d/through" "ln -s /d/through /d/inside" \
	    "get /d/inside $T/inside"
	same "$SRC/f4095" "$T/inside"
	[ -z "$(ls "$T/outdir")" ] || fail "written outside"
	eq "outside" "$(cat "$T/outside")" "the secret"
}

t_rename_and_hardlink_out() {
	refused sftp_do "rename /d/through /d/absdir/x"
	refused sftp_do "ln /d/abs /d/hard"$'\n'"get /d/hard $T/got"
	[ ! -e "$T/got" ] || fail "got it"
	[ -z "$(ls "$T/outdir")" ] || fail "written outside"
}

t_setstat_through_links() {
	local before
	before=$(stat -c '%a %Y %s' "$T/outside")
	refused sftp_do "chmod 600 /d/abs"
	refused sftp_do "chmod 600 /d/rel"
	eq "outside" "$(stat -c '%a %Y %s' "$T/outside")" "$before"
}

t_no_path_of_the_host() {
	sftp_do "pwd" "ls -la /" "-get /none $T/x" "-rmdir /d" \
	    "-rename /none /d/none" "-mkdir /ro/x" "-ls /d/loop" \
	    >"$T/out" 2>&1
	sed "s#local.*##; s#-get .*##" "$T/out" >"$T/out2"
	hasnt "$T/out2" "$(basename "$T")"
	has "$T/out" 'Remote working directory: /$'
}

t_existence_oracle() { # inside and outside must look alike from inside
	local a b
	a=$(sftp_do "ls /../../..$T" 2>&1 | sed 's#"[^"]*"##') || true
	b=$(sftp_do "ls /../../../no/such/thing" 2>&1 | sed 's#"[^"]*"##') ||
	    true
	eq "answer" "$(sed 's#/[^ ]*##g' <<<"$a")" "$(sed 's#/[^ ]*##g' <<<"$b")"
}

t_special_files() {
	mkfifo "$JAIL/d/fifo"
	own "$JAIL/d/fifo"
	[ -z "$ROOT" ] || mknod -m 666 "$JAIL/d/null" c 1 3
	refused sftp_do "get /d/fifo $T/got"
	sftp_do "-get /d/fifo $T/fifo" "ls -l /d/fifo"
	sftp_do "-put $SRC/f1 /d/fifo" "ls -l /d/fifo"
	[ -p "$JAIL/d/fifo" ] || fail "the fifo is gone"
	[ -z "$ROOT" ] || sftp_do "-get /d/null $T/null" "pwd"
	refused sftp_do "get /d $T/dir"
}

t_umask_and_owner() {
	sftp_do "put $SRC/f1 /d/mine" "mkdir /d/mydir"
	eq "owner" "$(stat -c %u:%g "$JAIL/d/mine")" "$ACCT_UID:$ACCT_GID"
	eq "owner" "$(stat -c %u:%g "$JAIL/d/mydir")" "$ACCT_UID:$ACCT_GID"
}
run_parts
