#!/usr/bin/env bash
# Everything: set-up, lints, unit tests, the front door. Prints how long each step took and ends with a summary.
set -uo pipefail
cd "$(dirname "$0")/.."

steps=() failed=0
step() {
  local name=$1 began=$SECONDS result=ok; shift
  printf '\n\033[1m=== %s\033[0m\n' "$name"
  "$@" || { result=FAILED; failed=1; }
  steps+=("$(printf '%-8s %4d s  %s' "$result" "$((SECONDS - began))" "$name")")
}
summary() {
  scripts/postgres.sh stop .cache/postgres >/dev/null 2>&1
  printf '\n\033[1m=== summary\033[0m\n'
  printf '%s\n' "${steps[@]}"
  if [ "$failed" = 0 ]; then echo 'all passed'; else echo 'SOMETHING FAILED'; fi
}
trap 'exit 130' INT TERM
trap summary EXIT

step 'set-up' scripts/setup.sh
[ "$failed" = 0 ] || exit 1
step 'format' cargo fmt --all --check
step 'clippy' cargo clippy --workspace --all-targets --quiet -- -D warnings
step 'dependencies' scripts/deny.sh
LICTOR_TEST_POSTGRES_URL=$(scripts/postgres.sh start .cache/postgres) || { failed=1; exit 1; }
export LICTOR_TEST_POSTGRES_URL
step 'unit tests' cargo test --workspace --quiet
step 'the program' cargo build --quiet -p lictor -p lictor-proxy --bins --examples
step 'the front door' .venvs/test/bin/pytest e2e -q
exit "$failed"
