-- "ROLL": how a file is known to be ours and not another program's database.
PRAGMA application_id = 1380928588;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- State: one JSON body for one thing.
CREATE TABLE rollouts (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE units (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE windows (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE snapshots (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE artifacts (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE tokens (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;

CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    rollout   TEXT NOT NULL,
    key       TEXT NOT NULL,
    at        INTEGER NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (principal, rollout, key)
) STRICT;
CREATE INDEX idempotency_at ON idempotency (at);

-- The audit trail: `bytes` is what counts, `leaf` is its hash; the rest are copies to search by.
-- Times are microseconds since 1970.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    bytes   BLOB NOT NULL,
    leaf    BLOB NOT NULL CHECK (length(leaf) = 32),
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    action  TEXT NOT NULL,
    rollout TEXT
) STRICT;
CREATE INDEX audit_rollout ON audit (rollout) WHERE rollout IS NOT NULL;
CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_action ON audit (action);
CREATE INDEX audit_at ON audit (at);

-- The perfect subtrees of the Merkle tree over all leaves: what a later entry is appended to.
CREATE TABLE audit_range (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    size   INTEGER NOT NULL,
    hashes BLOB NOT NULL
) STRICT;
INSERT INTO audit_range (id, size, hashes) VALUES (1, 0, x'');

CREATE TABLE checkpoints (
    size INTEGER NOT NULL,
    note TEXT NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (size, note)
) STRICT, WITHOUT ROWID;

-- These stop accidents. What a determined hand does is shown by the checkpoints.
CREATE TRIGGER audit_keeps_what_it_has BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'entries of the audit trail are never changed'); END;
CREATE TRIGGER audit_loses_nothing BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'entries of the audit trail are never deleted'); END;
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit)
BEGIN SELECT RAISE(ABORT, 'entries of the audit trail are only added at its end'); END;
CREATE TRIGGER checkpoints_keep_what_they_have BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints of the audit trail are never changed'); END;
CREATE TRIGGER checkpoints_lose_nothing BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints of the audit trail are never deleted'); END;
