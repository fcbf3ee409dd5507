#!/bin/bash
# soak.sh SECONDS TARGET...: half the time fuzzing, half of it load on a whole
# server, which must end with the memory, descriptors and processes that it
# had after the first round.  As root; bounded by SECONDS.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
total=$1
shift
bad=0
[ $# = 0 ] ||
    tests/fuzz/run.sh $((total / 2 * ${JOBS:-2} / $#)) "$@" || bad=1
make -s -f tests/bench/Makefile B=build/bench || exit 1
TEST_BUILD=${BUILD:-build} LOAD_SECONDS=$((total / 2)) BAD=$bad tests/regress/soak.inc
