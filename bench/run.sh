#!/usr/bin/env bash
# Requests per second and CPU per request, Lictor beside real peers, in one interleaved run. See bench/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cargo build --release --quiet -p lictor
exec .venvs/test/bin/python bench/bench.py "$@"
