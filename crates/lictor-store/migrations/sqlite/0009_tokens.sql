-- The issuer of the token that a key was given for; such a key ends with the token, is not rotated, and is deleted later.
ALTER TABLE api_keys ADD COLUMN issuer TEXT;
