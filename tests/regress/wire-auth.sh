#!/bin/bash
# Hostile clients: messages before login, keys, passwords, limits of tries.
# seconds 400
. "$(dirname "$0")/lib.sh"
. "$HERE/wire/wire.inc"
# Listed keys beyond alice's own, one of them too short.
ssh-keygen -q -t rsa -b 1024 -N '' -C short -f "$T/keys/short_rsa1024"
cat "$T/keys/user_rsa3072.pub" "$T/keys/user_ecdsa256.pub" \
    "$T/keys/short_rsa1024.pub" >"$T/more-keys"
chmod 644 "$T/more-keys"
USER_YAML="    authorized_keys_files: [\"$T/more-keys\"]"
start_server
wire auth
run_parts || bad=1
[ -z "$bad" ]
