-- A program that asks for a key of whoever allows it in a browser. Both codes are digests; the key is made when the
-- program comes for it, so it is nowhere here.
CREATE TABLE device_requests (
    id          TEXT PRIMARY KEY NOT NULL,
    device_code TEXT NOT NULL UNIQUE,
    user_code   TEXT NOT NULL UNIQUE,
    label       TEXT NOT NULL,
    machine     TEXT NOT NULL,
    client_ip   TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    polled_at   BIGINT NOT NULL,
    pause       BIGINT NOT NULL,
    outcome     TEXT NOT NULL,
    principal   TEXT REFERENCES principals (id) ON DELETE CASCADE,
    session     TEXT,
    ends_at     BIGINT,
    narrowing   TEXT
);

-- Where notices for somebody go: as an administrator said, or as a provider vouches for. Never a way to sign in. A source is
-- empty for what was set by hand, and sso:PROVIDER otherwise.
CREATE TABLE mail_addresses (
    principal  TEXT PRIMARY KEY NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    address    TEXT NOT NULL,
    source     TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);

-- What was told of a key by mail, once, or is being told: by whoever took it, until then.
CREATE TABLE mailed_notices (
    key         TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    stage       TEXT NOT NULL,
    taken_until BIGINT NOT NULL,
    sent_at     BIGINT,
    PRIMARY KEY (key, stage)
);
