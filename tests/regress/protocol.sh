#!/bin/bash
# Clients that misbehave: transport, login, channels, SFTP.
# seconds 420
. "$(dirname "$0")/lib.sh"
$PY -c 'import cryptography' 2>/dev/null || skip "no python3-cryptography"
copy_keys
HOST_KEYS="ed25519 rsa3072"
TOP_YAML='limits: {unauthenticated_per_source: 200, login_grace: 60s}'
start_server
bad=
py raw_transport.py || bad=1
py raw_channels.py || bad=1
py raw_sftp.py || bad=1

t_the_same_server_to_the_end() {
	alive "$SERVER"
	sftp_do pwd
}
run_parts || bad=1
[ -z "$bad" ]
