#!/bin/bash
# The OpenSSH client that the system has.
# seconds 180
. "$(dirname "$0")/lib.sh"
need_cmd sftp scp ssh
INC=$HERE/openssh.inc
. "$INC"
run_parts
