-- What a key may do at most, as JSON; null when it may do what its owner may.
ALTER TABLE api_keys ADD COLUMN narrowing TEXT;
