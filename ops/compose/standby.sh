#!/bin/sh
# A standby of the service postgres: copied once, then it follows. The slot keeps what it has not read yet; bound it on
# the primary by max_slot_wal_keep_size, or a standby that is away for long fills its disk.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA"
    slot="--slot=standby"
    # After a copy that was broken off, the slot is there already.
    psql --host=postgres --dbname=qhse --no-align --tuples-only \
        --command="SELECT 1 FROM pg_replication_slots WHERE slot_name = 'standby'" | grep -q 1 || slot="$slot --create-slot"
    # shellcheck disable=SC2086
    pg_basebackup --host=postgres --pgdata="$PGDATA" --write-recovery-conf $slot --checkpoint=fast --no-password
fi
exec postgres -c listen_addresses='*'
