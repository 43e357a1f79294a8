-- The key that this one replaces; a key is replaced once.
ALTER TABLE api_keys ADD COLUMN replaces TEXT;
CREATE UNIQUE INDEX api_keys_replaces ON api_keys (replaces);

-- Out of use for a while: 0 or 1.
ALTER TABLE api_keys ADD COLUMN disabled BIGINT NOT NULL DEFAULT 0;

-- How old the keys of those who have a role may grow, in seconds; the role may be a built-in one.
CREATE TABLE max_key_ages (
    role    TEXT PRIMARY KEY NOT NULL,
    seconds BIGINT NOT NULL
);
