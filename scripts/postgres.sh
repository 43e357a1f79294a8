#!/usr/bin/env bash
# A throw-away PostgreSQL for the tests: `postgres.sh start DIR` prints its URL, `postgres.sh stop DIR` ends and removes it.
set -euo pipefail

usage() { echo "usage: $0 start|stop DIR" >&2; exit 2; }
[ $# -eq 2 ] || usage
command=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "no PostgreSQL server found: run scripts/setup.sh" >&2; exit 1; }

# PostgreSQL refuses to run as root.
as_owner() {
    if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

case $command in
start)
    if [ "$(id -u)" -eq 0 ]; then
        # The server's user must be able to reach the folder, wherever it is.
        data=/var/lib/postgresql/lictor-test-$(echo -n "$dir" | cksum | cut -d' ' -f1)
        install -d -o postgres -g postgres -m 700 "$data"
    else
        data=$dir/data
        mkdir -p "$data"
    fi
    echo "$data" > "$dir/where"
    if [ ! -f "$data/PG_VERSION" ]; then
        as_owner "$bin/initdb" --pgdata="$data" --username=lictor --auth=trust --encoding=UTF8 --locale=C >/dev/null
    fi
    if as_owner "$bin/pg_ctl" --pgdata="$data" status >/dev/null 2>&1; then
        port=$(sed -n 4p "$data/postmaster.pid")
    else
        port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
        # Nothing here must survive a power cut, and the tests write a lot.
        options="-p $port -h 127.0.0.1 -k $data -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300"
        as_owner "$bin/pg_ctl" --pgdata="$data" --log="$data/log" --options="$options" --wait start >/dev/null
    fi
    echo "postgres://lictor@127.0.0.1:$port/postgres"
    ;;
stop)
    [ -f "$dir/where" ] || exit 0
    data=$(cat "$dir/where")
    as_owner "$bin/pg_ctl" --pgdata="$data" --mode=immediate stop >/dev/null 2>&1 || true
    rm -rf "$data" "$dir/where"
    ;;
*) usage ;;
esac
