-- The content of old entries may expire: a tombstone with their place and leaf stands in for their bytes,
-- and what they were found by goes too. Every other change is still refused, and so is this one for the
-- last 30 days, whatever time the caller believes it is.
DROP TRIGGER IF EXISTS audit_keeps_what_it_has;
CREATE TRIGGER audit_keeps_what_it_has BEFORE UPDATE ON audit
WHEN NOT CASE
    WHEN OLD.action IS 'expired' THEN 0
    WHEN NEW.seq IS NOT OLD.seq OR NEW.leaf IS NOT OLD.leaf OR NEW.at IS NOT OLD.at THEN 0
    WHEN NEW.actor IS NOT '' OR NEW.action IS NOT 'expired' OR NEW.rollout IS NOT NULL THEN 0
    WHEN OLD.at >= (CAST(strftime('%s', 'now') AS INTEGER) - 30 * 86400) * 1000000 THEN 0
    WHEN json_valid(CAST(NEW.bytes AS TEXT)) IS NOT 1 THEN 0
    WHEN json_extract(CAST(NEW.bytes AS TEXT), '$.tombstone') IS NOT 1 THEN 0
    WHEN json_extract(CAST(NEW.bytes AS TEXT), '$.seq') IS NOT OLD.seq THEN 0
    ELSE 1
END
BEGIN SELECT RAISE(ABORT, 'entries of the audit trail are never changed'); END;
