#!/usr/bin/env bash
# Lictor beside its peers, in one interleaved run. See bench/README.md for how to read what it prints.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in nginx wrk htpasswd; do
  PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null || { echo "$tool is missing: run scripts/setup.sh" >&2; exit 1; }
done
cargo build --release --quiet -p lictor
exec python3 bench/compare.py "$@"
