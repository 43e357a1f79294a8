-- Whose rights an owner's session looks through; no reference, since a view of somebody who is gone must end and not turn
-- into the owner's own.
ALTER TABLE sessions ADD COLUMN viewing TEXT;
