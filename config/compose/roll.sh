#!/usr/bin/env bash
# Puts the image that was built last under both replicas of the profile "replicas", one after the other, while
# the other takes what comes: the proxy sends it nothing more, it is made anew, it is ready, the proxy sees it.
#
#   docker compose build replica-1 && config/compose/roll.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

compose() {
    docker compose --profile replicas "$@"
}

# A command to the proxy.
proxy() {
    compose exec --no-TTY proxy sh -c "echo '$1' | nc -w 2 127.0.0.1 9999"
}

# Sets the state of a replica behind both listeners. The proxy says nothing unless it is wrong.
set_state() {
    local backend answer
    for backend in ingest console; do
        answer=$(proxy "set server $backend/$1 state $2")
        if [[ -n ${answer//[[:space:]]/} ]]; then
            echo "$backend/$1: $answer" >&2
            exit 1
        fi
    done
}

# Whether the proxy sends deliveries to a replica.
is_up() {
    local servers
    servers=$(proxy "show stat")
    grep -q "^ingest,$1,.*,UP," <<<"$servers"
}

await_up() {
    for _ in $(seq 60); do
        if is_up "$1"; then return; fi
        sleep 1
    done
    echo "the proxy does not find $1 ready: see 'docker compose logs $1'; the other replica is as it was" >&2
    exit 1
}

for replica in replica-1 replica-2; do
    other=replica-$((3 - ${replica#replica-}))
    await_up "$other"
    echo "$replica: draining"
    set_state "$replica" drain
    # What was given to it before is answered within the shutdown, ingest.shutdown at most.
    compose up --detach --no-deps --force-recreate --wait --wait-timeout 300 "$replica"
    set_state "$replica" ready
    await_up "$replica"
    echo "$replica: done"
done
