-- The content of old entries may expire: a tombstone with their place and leaf stands in for their bytes,
-- and what they were found by goes too. Every other change is still refused, and so is this one for the
-- last 30 days, whatever time the caller believes it is.
DROP TRIGGER IF EXISTS audit_keeps_what_it_has;
CREATE TRIGGER audit_keeps_what_it_has BEFORE UPDATE ON audit
WHEN NOT coalesce(
    NEW.seq = OLD.seq AND NEW.leaf = OLD.leaf AND NEW.at = OLD.at
    AND NEW.actor = '' AND NEW.action = 'expired' AND NEW.rollout IS NULL
    AND json_valid(CAST(NEW.bytes AS TEXT))
    AND json_extract(CAST(NEW.bytes AS TEXT), '$.tombstone') = 1
    AND json_extract(CAST(NEW.bytes AS TEXT), '$.seq') = OLD.seq
    AND OLD.at < (CAST(strftime('%s', 'now') AS INTEGER) - 30 * 86400) * 1000000,
    0)
BEGIN SELECT RAISE(ABORT, 'entries of the audit trail are never changed'); END;
