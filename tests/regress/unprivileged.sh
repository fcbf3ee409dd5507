#!/bin/bash
# The daemon started by an ordinary user: a jail by user namespace, or a
# refusal that names what is in the way.
. "$(dirname "$0")/lib.sh"
copy_keys
make_files 65537
if [ -n "$ROOT" ]; then
	need_cmd setpriv
	ACCT_UID=20031 ACCT_GID=20032
	chown -R $ACCT_UID:$ACCT_GID "$T/keys" "$T/id" "$T/id.pub"
	# the build folder may lie where that user cannot look
	cp "$DAEMON" "$T/sallyportd"
	[ ! -e "$B/sallyport-account" ] || cp "$B/sallyport-account" "$T/"
	chmod 755 "$T"/sallyport*
	REAL=$T/sallyportd
	cat >"$T/as-user" <<-A
	#!/bin/sh
	exec setpriv --reuid $ACCT_UID --regid $ACCT_GID --clear-groups \
	    --no-new-privs --bounding-set=-all "$REAL" "\$@"
	A
	chmod 755 "$T/as-user"
	DAEMON=$T/as-user
fi
# The kernel makes no user namespace inside of a chroot, for one.
if [ -n "$ROOT" ]; then
	setpriv --reuid $ACCT_UID --regid $ACCT_GID --clear-groups \
	    unshare -U true || skip "no user namespace can be made here"
fi
mkdir "$T/own"
STATE=$T/own/state CONTROL=$T/own/control
prepare
[ -z "$ROOT" ] || {
	chown -R $ACCT_UID:$ACCT_GID "$JAIL" "$CONF" "$T/own"
}
USER_YAML="    allow: [sftp, scp]
    builtins: [md5sum]"
write_conf "$CONF"
[ -z "$ROOT" ] || chown $ACCT_UID:$ACCT_GID "$CONF"
start_server

t_serves() {
	sftp_do "put $SRC/f65537 /d/f" "get /d/f $T/f" "ls -l /d"
	same "$SRC/f65537" "$JAIL/d/f"
	same "$SRC/f65537" "$T/f"
	eq owner "$(stat -c %u:%g "$JAIL/d/f")" "$ACCT_UID:$ACCT_GID"
}

t_scp() {
	SCP -O -p "$SRC/f65537" alice@127.0.0.1:/d/old
	same "$SRC/f65537" "$JAIL/d/old"
	SCP -O alice@127.0.0.1:/d/old "$T/old"
	same "$SRC/f65537" "$T/old"
	eq sum "$(SSH -- md5sum /d/old </dev/null)" \
	    "$(md5sum <"$SRC/f65537" | cut -c 1-32)  /d/old"
	refused SCP -O alice@127.0.0.1:/../../etc/passwd "$T/esc"
}

t_jailed() {
	ln -sf /etc/passwd "$JAIL/d/esc"
	refused sftp_do "get /d/esc $T/esc"
	refused sftp_do "get /../../../../etc/passwd $T/esc"
	[ ! -e "$T/esc" ] || fail "out of the jail"
	sftp_do pwd "ls /" >"$T/out"
	has "$T/out" 'directory: /$'
}

t_nobody_is_root() {
	local p
	for p in $(tree); do
		[ "$(stat -c %u "/proc/$p")" = $ACCT_UID ] ||
		    [ "$(awk '/^Uid:/ { print $2 }' "/proc/$p/status")" = \
		    $ACCT_UID ] || ! alive "$p" || fail "process $p is another user's"
	done
}

# What is to be kept is kept, and that user may ask.
t_operator() {
	local as=
	eq mode "$(stat -c %a:%u "$STATE")" 700:$ACCT_UID
	eq mode "$(stat -c %a:%u "$CONTROL")" 600:$ACCT_UID
	[ -z "$ROOT" ] || as="setpriv --reuid $ACCT_UID --regid $ACCT_GID
	    --clear-groups"
	cp "$TOOL" "$T/tool"
	eq answer "$($as "$T/tool" penalties --json --control "$CONTROL")" "[]"
}

t_stops() {
	stop_server
	! listening || fail "still listening"
}
run_parts
