#!/bin/bash
# paramiko, a client of its own make in Python.
# seconds 240
. "$(dirname "$0")/lib.sh"
$PY -c 'import paramiko' 2>/dev/null || skip "no paramiko on this machine"
copy_keys
make_files
start_server
py paramiko_client.py
run_parts
