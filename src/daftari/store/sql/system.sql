-- name: save_system
-- Saves the counter of system ids after a write.
UPDATE system SET next_id = :next_id WHERE id = 1;

-- name: get_project_by_name
-- One project by its folded name.
SELECT id, name, region, on_error, created_at, consent, feed_days, zone, searchable FROM project WHERE folded = :folded;

-- name: get_project
-- One project by its id; a deleted one until it is purged.
SELECT id, name, region, on_error, created_at, consent, feed_days, zone, searchable FROM project WHERE id = :id;

-- name: list_projects
-- All projects in order of creation.
SELECT id, name, region, on_error, created_at, consent, feed_days, zone, searchable FROM project WHERE deleted_at IS NULL ORDER BY id;

-- name: list_project_names
-- All names that a project has or had, folded.
SELECT folded FROM project_name WHERE project_id = :id ORDER BY folded;

-- name: insert_project
-- Inserts a project.
INSERT INTO project (id, name, folded, region, on_error, first_id, created_at, zone)
VALUES (:id, :name, :folded, :region, :on_error, :first_id, :now, CAST(:zone AS text));

-- name: insert_project_name
-- Inserts a name by which requests may call a project from now on.
INSERT INTO project_name (project_id, folded) VALUES (:id, :folded) ON CONFLICT (project_id, folded) DO NOTHING;

-- name: get_first_id
-- The id of a project's first contact, unless the project is deleted.
SELECT first_id FROM project WHERE id = :id AND deleted_at IS NULL;

-- name: update_project
-- Saves a project's name and settings.
UPDATE project SET name = :name, folded = :folded, region = :region, on_error = :on_error, consent = :consent,
    feed_days = :feed_days, zone = CAST(:zone AS text), searchable = :searchable
WHERE id = :id;

-- name: hide_project
-- Hides a deleted project: its name is free at once, its rows are purged later.
UPDATE project SET folded = NULL, deleted_at = :now WHERE id = :id;

-- name: get_key
-- A key by its first characters, with its project.
SELECT k.id, k.project_id, k.label, k.start, k.kind, k.created_at, k.expires_at, k.revoked_at, k.last_used_at,
    k.hash, p.id, p.name, p.region, p.on_error, p.created_at, p.consent, p.feed_days, p.zone, p.searchable
FROM key AS k JOIN project AS p ON p.id = k.project_id
WHERE k.start = :start AND p.deleted_at IS NULL;

-- name: list_keys
-- All keys of projects that are not deleted, in order of creation.
SELECT k.id, k.project_id, k.label, k.start, k.kind, k.created_at, k.expires_at, k.revoked_at, k.last_used_at
FROM key AS k JOIN project AS p ON p.id = k.project_id
WHERE p.deleted_at IS NULL ORDER BY k.id;

-- name: list_project_keys
-- The keys of the project, in order of creation.
SELECT k.id, k.project_id, k.label, k.start, k.kind, k.created_at, k.expires_at, k.revoked_at, k.last_used_at
FROM key AS k WHERE k.project_id = :project ORDER BY k.id;

-- name: insert_key
-- Inserts a key, of which only the hash is kept.
INSERT INTO key (id, project_id, label, start, hash, kind, created_at, expires_at)
VALUES (:id, :project_id, :label, :start, :hash, :kind, :now, :expires_at);

-- name: revoke_key
-- Revokes a key.
UPDATE key SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL;

-- name: revoke_project_keys
-- Revokes all keys of a project.
UPDATE key SET revoked_at = :now WHERE project_id = :id AND revoked_at IS NULL;

-- name: touch_keys
-- Saves when keys were last used.
UPDATE key SET last_used_at = used.at
FROM rows(:items AS used, id bigint, at bigint)
WHERE key.id = used.id AND COALESCE(key.last_used_at, 0) < used.at;

-- name: request_job
-- Requests a job. The earlier time wins over that of a request that waits; a job that a worker holds runs once more.
INSERT INTO job AS j (project_id, kind, subject, due_at, is_delayed, attempts)
VALUES (:project, :kind, :subject, :due_at, :is_delayed, 0)
ON CONFLICT (project_id, kind, subject) DO UPDATE SET
    due_at = CASE WHEN j.lease_owner IS NULL AND excluded.due_at < j.due_at THEN excluded.due_at ELSE j.due_at END,
    is_delayed = CASE
        WHEN j.lease_owner IS NULL AND excluded.is_delayed < j.is_delayed THEN excluded.is_delayed ELSE j.is_delayed
    END,
    next_due_at = CASE
        WHEN j.lease_owner IS NULL OR j.next_due_at <= excluded.due_at * excluded.is_delayed THEN j.next_due_at
        ELSE excluded.due_at * excluded.is_delayed
    END;

-- name: list_jobs
-- The jobs that are held, or will be taken at once, or were given up after a failure.
SELECT project_id, kind, subject FROM job WHERE is_delayed = 0 OR lease_owner IS NOT NULL OR attempts > 0;

-- name: find_due_job
-- The job of some kinds that has been due for longest and that no worker holds.
SELECT project_id, kind, subject, attempts FROM job
WHERE (is_delayed = 0 OR due_at <= :now) AND kind IN (SELECT k.kind FROM rows(:kinds AS k, kind text))
    AND (lease_until IS NULL OR lease_start <> :start OR lease_until < :clock OR lease_until > :latest)
ORDER BY due_at, project_id, kind, subject LIMIT 1;

-- name: find_this_job
-- One job, if it is due and no worker holds it.
SELECT project_id, kind, subject, attempts FROM job
WHERE project_id = :project AND kind = :kind AND subject = :subject
    AND (is_delayed = 0 OR due_at <= :now)
    AND (lease_until IS NULL OR lease_start <> :start OR lease_until < :clock OR lease_until > :latest);

-- name: list_held_jobs
-- The jobs that workers hold.
SELECT project_id, kind, lease_owner, subject, attempts FROM job
WHERE lease_owner IS NOT NULL ORDER BY project_id, kind, subject;

-- name: take_job
-- Gives a job to a worker. If that worker dies, the job waits behind those that are due by now.
UPDATE job SET due_at = :now, is_delayed = 0, attempts = attempts + 1, lease_owner = :owner, lease_start = :start,
    lease_until = :until
WHERE project_id = :project AND kind = :kind AND subject = :subject;

-- name: renew_job
-- Extends the lease of a worker that still holds the job.
UPDATE job SET lease_start = :start, lease_until = :until, attempts = CASE WHEN :has_progress = 1 THEN 0 ELSE attempts END
WHERE project_id = :project AND kind = :kind AND subject = :subject AND lease_owner = :owner;

-- name: holds_job
-- Whether the worker still holds the job.
SELECT 1 FROM job WHERE project_id = :project AND kind = :kind AND subject = :subject AND lease_owner = :owner;

-- name: release_job
-- Returns an unfinished job, behind those that are due by now.
UPDATE job SET due_at = :now, attempts = CASE WHEN :has_progress = 1 THEN 0 ELSE attempts END,
    lease_owner = NULL, lease_start = NULL, lease_until = NULL
WHERE project_id = :project AND kind = :kind AND subject = :subject AND lease_owner = :owner;

-- name: postpone_job
-- Returns a job that failed, until a time.
UPDATE job SET due_at = :due_at, is_delayed = 1, attempts = CASE WHEN attempts = 0 THEN 1 ELSE attempts END,
    lease_owner = NULL, lease_start = NULL, lease_until = NULL
WHERE project_id = :project AND kind = :kind AND subject = :subject AND lease_owner = :owner;

-- name: finish_job
-- Deletes a job that is done, unless it was requested again.
DELETE FROM job
WHERE project_id = :project AND kind = :kind AND subject = :subject AND lease_owner = :owner AND next_due_at IS NULL;

-- name: repeat_job
-- Returns a job that is done and was requested again.
UPDATE job SET due_at = CASE WHEN next_due_at = 0 THEN :now ELSE next_due_at END,
    is_delayed = CASE WHEN next_due_at = 0 THEN 0 ELSE 1 END, next_due_at = NULL,
    attempts = 0, lease_owner = NULL, lease_start = NULL, lease_until = NULL
WHERE project_id = :project AND kind = :kind AND subject = :subject AND lease_owner = :owner AND next_due_at IS NOT NULL;

-- name: get_erasure_key_fingerprint
-- The fingerprint of the database's erasure key.
SELECT erasure_key_fingerprint FROM system WHERE id = 1;

-- name: save_erasure_key_fingerprint
-- Saves the fingerprint of the erasure key, unless there is one.
UPDATE system SET erasure_key_fingerprint = :hash WHERE id = 1 AND erasure_key_fingerprint IS NULL;

-- name: get_inbound_token
-- An inbound token by its first characters, with its project.
SELECT t.id, t.project_id, t.provider, t.label, t.start, t.created_at, t.revoked_at, t.sender_id,
    t.connection_id, t.hash, t.signing_secret, t.verify_token, p.id, p.name, p.region, p.on_error, p.created_at, p.consent, p.feed_days, p.zone, p.searchable
FROM inbound_token AS t JOIN project AS p ON p.id = t.project_id
WHERE t.start = :start AND p.deleted_at IS NULL;

-- name: list_inbound_tokens
-- All inbound tokens of projects that are not deleted, in order of creation.
SELECT t.id, t.project_id, t.provider, t.label, t.start, t.created_at, t.revoked_at, t.sender_id, t.connection_id
FROM inbound_token AS t JOIN project AS p ON p.id = t.project_id
WHERE p.deleted_at IS NULL ORDER BY t.id;

-- name: insert_inbound_token
-- Inserts an inbound token, of which only the hash is kept.
INSERT INTO inbound_token (
    id, project_id, provider, label, start, hash, signing_secret, verify_token, created_at, sender_id, connection_id
) VALUES (:id, :project_id, :provider, :label, :start, :hash, :signing_secret, :verify_token, :now, :sender, :connection);

-- name: list_sender_tokens
-- The inbound tokens of the senders of a project that are not revoked, or not before some time to come.
SELECT t.id, t.project_id, t.provider, t.label, t.start, t.created_at, t.revoked_at, t.sender_id,
    t.connection_id, t.hash, t.signing_secret, t.verify_token
FROM inbound_token AS t
WHERE t.project_id = :id AND t.sender_id IS NOT NULL AND (t.revoked_at IS NULL OR t.revoked_at > :now)
ORDER BY t.id;

-- name: list_connection_tokens
-- The inbound tokens of the connections of a project that are not revoked.
SELECT t.id, t.project_id, t.provider, t.label, t.start, t.created_at, t.revoked_at, t.sender_id,
    t.connection_id, t.hash, t.signing_secret, t.verify_token
FROM inbound_token AS t
WHERE t.project_id = :id AND t.connection_id IS NOT NULL AND (t.revoked_at IS NULL OR t.revoked_at > :now)
ORDER BY t.id;

-- name: list_project_tokens
-- The inbound tokens of a project that are not revoked.
SELECT t.id, t.project_id, t.provider, t.label, t.start, t.created_at, t.revoked_at, t.sender_id,
    t.connection_id, t.hash, t.signing_secret, t.verify_token
FROM inbound_token AS t WHERE t.project_id = :id AND (t.revoked_at IS NULL OR t.revoked_at > :now) ORDER BY t.id;

-- name: update_followed_token
-- Saves what may change of the inbound token of a sender or a connection.
UPDATE inbound_token SET label = :label, signing_secret = :signing_secret, verify_token = :verify_token WHERE id = :id;

-- name: update_signing_secret
-- Replaces the signing secret of an inbound token.
UPDATE inbound_token SET signing_secret = :signing_secret WHERE id = :id;

-- name: revoke_inbound_token
-- Revokes an inbound token from a time on.
UPDATE inbound_token SET revoked_at = :at WHERE id = :id AND (revoked_at IS NULL OR revoked_at > :now);

-- name: delete_project_tokens
-- Deletes the inbound tokens of a project that has no book.
DELETE FROM inbound_token WHERE project_id = :id;
