#!/bin/bash
# The OpenSSH client that the system has.
# seconds 180
. "$(dirname "$0")/lib.sh"
need_cmd sftp scp ssh
. "$HERE/openssh.inc"
run_parts
