-- A program that asks for a key of whoever allows it in a browser. Both codes are digests; the key is made when the
-- program comes for it, so it is nowhere here.
CREATE TABLE device_requests (
    id          TEXT PRIMARY KEY NOT NULL,
    device_code TEXT NOT NULL UNIQUE,
    user_code   TEXT NOT NULL UNIQUE,
    label       TEXT NOT NULL,
    machine     TEXT NOT NULL,
    client_ip   TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    polled_at   INTEGER NOT NULL,
    pause       INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    principal   TEXT REFERENCES principals (id) ON DELETE CASCADE,
    session     TEXT,
    ends_at     INTEGER,
    narrowing   TEXT
) STRICT;
