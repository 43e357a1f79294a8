-- The oldest program, by the number of its last migration, that works rightly on these tables: it may be started again after
-- an upgrade. A migration that such a program would break, or break a promise on, sets its own number here.
INSERT INTO meta (name, value) VALUES ('tables-serve-from', '15') ON CONFLICT (name) DO UPDATE SET value = excluded.value;
