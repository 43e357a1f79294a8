#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: Debian packages, one virtual environment per Prefect version, one for the
# tests themselves, and the browser driver. Running it again costs a second.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# command that proves it : package that brings it
packages=(chromium:chromium nginx:nginx caddy:caddy haproxy:haproxy ab:apache2-utils wrk:wrk pebble:pebble curl:curl openssl:openssl cc:build-essential pkg-config:pkg-config)
missing=()
for pair in "${packages[@]}"; do
  PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
if [ "${#missing[@]}" -gt 0 ]; then
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# environment NAME REQUIREMENTS… : a virtual environment is rebuilt only when its list of requirements changes.
environment() {
  local dir=.venvs/$1; shift
  local wanted="$*"
  if [ -f "$dir/.installed" ] && [ "$(cat "$dir/.installed")" = "$wanted" ]; then return 0; fi
  say "$dir: $wanted"
  rm -rf "$dir"
  python3 -m venv "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check --no-input "$@"
  printf '%s' "$wanted" >"$dir/.installed"
}

# Older Prefect declares no upper bounds, and breaks on what is newest today; each pin below was found by starting that server.
mkdir -p .venvs
jobs=(
  "test pytest==8.4.2 pytest-timeout==2.4.0 websockets==15.0.1 hpack==4.1.0 aiosmtpd==1.4.6"
  "api schemathesis==4.32.5"
  "3.8.8 prefect==3.8.8 fastapi<0.150"
  "3.6.29 prefect==3.6.29 fastapi<0.130 importlib_metadata"
  "3.4.25 prefect==3.4.25 fastapi<0.130 importlib_metadata"
  "3.2.15 prefect==3.2.15 fastapi<0.130 importlib_metadata"
  "3.0.11 prefect==3.0.11 fastapi<0.130 importlib_metadata pydantic==2.10.6"
)
# Two at a time: pip is one core of work and a wait for the network.
pids=()
for job in "${jobs[@]}"; do
  read -ra words <<<"$job"
  environment "${words[@]}" &
  pids+=($!)
  if [ "${#pids[@]}" -ge 2 ]; then wait "${pids[0]}"; pids=("${pids[@]:1}"); fi
done
for pid in "${pids[@]}"; do wait "$pid"; done

# folder : what npm brings into it
for pair in 'browser:playwright-core, axe-core' provider:oidc-provider; do
  folder=e2e/${pair%%:*}
  if ! cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed"; then
    say "$folder: ${pair##*:}"
    (cd "$folder" && npm ci --silent --no-audit --no-fund && cp package-lock.json node_modules/.installed)
  fi
done
