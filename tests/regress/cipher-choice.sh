#!/bin/bash
# Which algorithms a client gets when it leaves the choice to the server, and
# what the configuration's lists do to it.
. "$(dirname "$0")/lib.sh"
copy_keys

talk() { # OPTION...: the client's debug output
	LEVEL=DEBUG1
	echo pwd | SFTP "$@" 2>&1 | tr -d '\r'
}

t_server_prefers_gcm() {
	grep -qw aes /proc/cpuinfo || skip "this processor has no AES"
	start_server
	talk >"$T/v"
	has "$T/v" 'server->client cipher: aes(128|256)-gcm@openssh.com'
	talk -o Ciphers=chacha20-poly1305@openssh.com,aes256-gcm@openssh.com \
	    >"$T/v"
	has "$T/v" 'server->client cipher: aes256-gcm@openssh.com'
	talk -o Ciphers=chacha20-poly1305@openssh.com >"$T/v"
	has "$T/v" 'server->client cipher: chacha20-poly1305@openssh.com'
}

t_client_decides() {
	TOP_YAML='algorithms: {cipher_preference: client}'
	fresh_server
	talk -o Ciphers=chacha20-poly1305@openssh.com,aes256-gcm@openssh.com \
	    >"$T/v"
	has "$T/v" 'server->client cipher: chacha20-poly1305@openssh.com'
}

t_lists() {
	TOP_YAML='algorithms:
  kex: [ecdh-sha2-nistp384]
  host_key: [ecdsa-sha2-nistp256]
  cipher: [aes192-ctr]
  mac: [hmac-sha2-512]'
	fresh_server
	talk >"$T/v"
	has "$T/v" 'kex: algorithm: ecdh-sha2-nistp384'
	has "$T/v" 'host key algorithm: ecdsa-sha2-nistp256'
	has "$T/v" 'cipher: aes192-ctr MAC: hmac-sha2-512 '
}

t_pem_host_keys() {
	HOST_KEYS="pem_rsa pem_ecdsa"
	PORT= CONF=
	prepare
	awk '{ print "sallyport", $1, $2 }' "$T"/keys/host_pem_*.pub \
	    >"$T/known_hosts"
	start_server
	talk -o HostKeyAlgorithms=rsa-sha2-256 >"$T/v"
	has "$T/v" 'host key algorithm: rsa-sha2-256'
	talk -o HostKeyAlgorithms=ecdsa-sha2-nistp256 >"$T/v"
	has "$T/v" 'host key algorithm: ecdsa-sha2-nistp256'
}
run_parts
