-- name: find_response
-- The response to a write with this Idempotency-Key.
SELECT i.fingerprint, i.at, i.status, i.headers, i.body FROM idempotency AS i
WHERE i.project_id = :project AND i.key_id = :key AND i.name_digest = :name_digest;

-- name: save_response
-- Inserts a response, in place of an expired one with the same Idempotency-Key.
INSERT INTO idempotency (project_id, key_id, name_digest, fingerprint, at, status, headers, body, names_numbers)
VALUES (CAST(:project AS bigint), :key, :name_digest, :fingerprint, :now, :status, :headers, :body, :names_numbers)
ON CONFLICT (project_id, key_id, name_digest) DO UPDATE SET fingerprint = excluded.fingerprint, at = excluded.at,
    status = excluded.status, headers = excluded.headers, body = excluded.body, names_numbers = excluded.names_numbers;

-- name: find_old_responses_end
-- The time of the last of the first responses up to a time.
SELECT MAX(first.at) FROM (
    SELECT i.at FROM idempotency AS i WHERE i.project_id = :project AND i.at <= :until ORDER BY i.at LIMIT :limit
) AS first;

-- name: delete_responses_below
-- Deletes responses up to a time.
DELETE FROM idempotency WHERE project_id = :project AND at <= :last;

-- name: list_responses_naming_numbers
-- Responses after one in the order of the key that may name a number.
SELECT i.key_id, i.name_digest, i.body FROM idempotency AS i
WHERE i.project_id = :project AND i.names_numbers = 1 AND (i.key_id, i.name_digest) > (:key, :name_digest)
ORDER BY i.key_id, i.name_digest LIMIT :limit;

-- name: clear_response
-- Clears a response that named an erased number, and keeps its status.
UPDATE idempotency SET headers = '[]', body = NULL, names_numbers = 0
WHERE project_id = :project AND key_id = :key AND name_digest = :name_digest;
