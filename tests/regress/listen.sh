#!/bin/bash
# Several addresses, IPv4 and IPv6.
. "$(dirname "$0")/lib.sh"
copy_keys
P1=$(free_port)
PORT=$P1
P2=$(free_port)
P3=$(free_port)

t_several() {
	[ -e /proc/net/if_inet6 ] || skip "no IPv6 on this machine"
	LISTEN="[\"127.0.0.1:$P1\", \"127.0.0.2:$P2\", \"[::1]:$P3\"]"
	start_server
	sftp_do pwd
	ADDR=127.0.0.2 PORT=$P2 sftp_do pwd
	ADDR='[::1]' PORT=$P3 sftp_do pwd
	logged 'event=login ' 'src="?\[?::1'
}
t_all_of_both_families() {
	[ -e /proc/net/if_inet6 ] || skip "no IPv6 on this machine"
	PORT=$(free_port) CONF=
	LISTEN="[\"0.0.0.0:$PORT\", \"[::]:$PORT\"]"
	start_server
	sftp_do pwd
	ADDR='[::1]' sftp_do pwd
}
t_taken_port() {
	PORT=$(free_port) CONF=
	LISTEN=
	start_server
	local s=0 first=$SERVER
	timeout 60 "$DAEMON" -f "$CONF" -e >"$T/second.log" 2>&1 </dev/null ||
	    s=$?
	[ $s != 0 ] || fail "started twice"
	has "$T/second.log" "$PORT"
	alive "$first"
	sftp_do pwd
}
run_parts
