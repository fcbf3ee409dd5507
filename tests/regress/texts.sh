#!/bin/bash
# Words for the client: greeting, identification, banner, disconnect.
. "$(dirname "$0")/lib.sh"
copy_keys
TOP_YAML='banner: "Authorised partners only.\nCall 555 for help.\n"
greeting: "Welcome to the gate.\nSecond line."
ident: "Gatekeeper_1"'
start_server

t_greeting_and_ident() {
	exec {fd}<>/dev/tcp/127.0.0.1/"$PORT"
	head -n 3 <&"$fd" >"$T/said"
	exec {fd}>&-
	printf 'Welcome to the gate.\r\nSecond line.\r\nSSH-2.0-%s\r\n' \
	    'Gatekeeper_1' >"$T/wanted"
	same "$T/said" "$T/wanted"
}

t_banner() {
	LEVEL=INFO
	echo pwd | SFTP 2>"$T/err" >&2 || fail "cannot log in"
	has "$T/err" 'Authorised partners only\.'
	has "$T/err" 'Call 555 for help\.'
}

t_clients_ident_in_the_log() {
	sftp_do pwd
	logged 'event=connection' 'OpenSSH_'
}

t_default_ident() {
	TOP_YAML=
	fresh_server
	exec {fd}<>/dev/tcp/127.0.0.1/"$PORT"
	head -n 1 <&"$fd" >"$T/said"
	exec {fd}>&-
	has "$T/said" '^SSH-2\.0-Sallyport'
}

t_silent_client_is_kept_alive() {
	TOP_YAML='keepalive: {interval: 1s, count: 3}'
	fresh_server
	LEVEL=DEBUG1
	{
		echo pwd
		sleep 4
		echo pwd
	} | SFTP >"$T/v" 2>&1
	has "$T/v" 'rtype (keepalive|ping)@openssh.com'
}

t_dead_client_is_let_go() {
	TOP_YAML='keepalive: {interval: 1s, count: 2}'
	fresh_server
	hold_sftp
	kill -STOP "$HOLD"
	logged 'event=disconnect' 'user=alice' '(alive|answer|silent|respond)'
	kill -CONT "$HOLD"
	release
}
run_parts
