-- When the provider last said that the person is signed out there; their open sockets end at each such word.
ALTER TABLE external_accounts ADD COLUMN signed_out_at BIGINT;
