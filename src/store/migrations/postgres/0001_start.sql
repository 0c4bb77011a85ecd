CREATE TABLE meta (
    key   TEXT COLLATE "C" PRIMARY KEY,
    value TEXT NOT NULL
);
-- How a database is known to be ours and not another program's.
COMMENT ON TABLE meta IS 'rolldeck';

-- Who may write. Each commit names its owner and counts on from the last one, or is refused: a process that
-- lost its connection, and with it its lock, cannot write over what another one wrote meanwhile.
CREATE TABLE writer (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    owner   TEXT COLLATE "C" NOT NULL,
    commits BIGINT NOT NULL
);
INSERT INTO writer (id, owner, commits) VALUES (1, '', 0);

-- State: one JSON body for one thing. TEXT, because a body may have the NULs that JSONB refuses.
CREATE TABLE rollouts (id TEXT COLLATE "C" PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE units (id TEXT COLLATE "C" PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE windows (id TEXT COLLATE "C" PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE snapshots (id TEXT COLLATE "C" PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE artifacts (id TEXT COLLATE "C" PRIMARY KEY, bytes BYTEA NOT NULL);
CREATE TABLE tokens (id TEXT COLLATE "C" PRIMARY KEY, body TEXT NOT NULL);

-- Overrides, approvals, flags: one JSON body for one thing of a kind.
CREATE TABLE records (
    kind TEXT COLLATE "C" NOT NULL,
    id   TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE idempotency (
    principal TEXT COLLATE "C" NOT NULL,
    rollout   TEXT COLLATE "C" NOT NULL,
    key       TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (principal, rollout, key)
);
CREATE INDEX idempotency_at ON idempotency (at);

-- The audit trail: `bytes` is what counts, `leaf` is its hash; the rest are copies to search by.
-- Times are microseconds since 1970.
CREATE TABLE audit (
    seq     BIGINT PRIMARY KEY,
    bytes   BYTEA NOT NULL,
    leaf    BYTEA NOT NULL CHECK (octet_length(leaf) = 32),
    at      BIGINT NOT NULL,
    actor   TEXT COLLATE "C" NOT NULL,
    action  TEXT COLLATE "C" NOT NULL,
    rollout TEXT COLLATE "C"
);
CREATE INDEX audit_rollout ON audit (rollout) WHERE rollout IS NOT NULL;
CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_action ON audit (action);
CREATE INDEX audit_at ON audit (at);

-- The perfect subtrees of the Merkle tree over all leaves: what a later entry is appended to.
CREATE TABLE audit_range (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    size   BIGINT NOT NULL,
    hashes BYTEA NOT NULL
);
INSERT INTO audit_range (id, size, hashes) VALUES (1, 0, '');

CREATE TABLE checkpoints (
    size BIGINT NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    at   BIGINT NOT NULL,
    PRIMARY KEY (size, note)
);

-- These stop accidents. What a determined hand does is shown by the checkpoints.
CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION audit_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit) THEN
        RAISE EXCEPTION 'entries of the audit trail are only added at its end' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;

-- Whether bytes are the tombstone of an entry.
CREATE FUNCTION audit_is_tombstone(bytes BYTEA, place BIGINT) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    body JSON;
BEGIN
    body := convert_from(bytes, 'UTF8')::json;
    RETURN coalesce(body ->> 'tombstone' = '1' AND body ->> 'seq' = place::text, false);
EXCEPTION WHEN others THEN
    RETURN false;
END
$$;

-- The content of old entries may expire: a tombstone with their place and leaf stands in for their bytes,
-- and what they were found by goes too. Every other change is refused, and so is this one for the
-- last 30 days, whatever time the caller believes it is.
CREATE TRIGGER audit_keeps_what_it_has BEFORE UPDATE ON audit FOR EACH ROW
WHEN (NOT (
    OLD.action <> 'expired'
    AND NEW.seq = OLD.seq AND NEW.leaf = OLD.leaf AND NEW.at = OLD.at
    AND NEW.actor = '' AND NEW.action = 'expired' AND NEW.rollout IS NULL
    AND OLD.at < (extract(epoch FROM clock_timestamp())::bigint - 30 * 86400) * 1000000
    AND audit_is_tombstone(NEW.bytes, OLD.seq)
))
EXECUTE FUNCTION audit_refuses('entries of the audit trail are never changed');
CREATE TRIGGER audit_loses_nothing BEFORE DELETE ON audit FOR EACH ROW
EXECUTE FUNCTION audit_refuses('entries of the audit trail are never deleted');
CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT
EXECUTE FUNCTION audit_refuses('entries of the audit trail are never deleted');
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit FOR EACH ROW
EXECUTE FUNCTION audit_grows();
CREATE TRIGGER checkpoints_keep_what_they_have BEFORE UPDATE ON checkpoints FOR EACH ROW
EXECUTE FUNCTION audit_refuses('checkpoints of the audit trail are never changed');
CREATE TRIGGER checkpoints_lose_nothing BEFORE DELETE ON checkpoints FOR EACH ROW
EXECUTE FUNCTION audit_refuses('checkpoints of the audit trail are never deleted');
CREATE TRIGGER checkpoints_are_never_emptied BEFORE TRUNCATE ON checkpoints FOR EACH STATEMENT
EXECUTE FUNCTION audit_refuses('checkpoints of the audit trail are never deleted');
