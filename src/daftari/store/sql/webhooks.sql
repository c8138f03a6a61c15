-- name: insert_webhook
-- Inserts a webhook.
INSERT INTO webhook (project_id, id, definition, secrets, state, reason, epoch, after_seq, replay, batch, attempts, problem,
    failing_since, due_at, fence, created_at)
VALUES (CAST(:project AS bigint), :id, :definition, :secrets, :state, :reason, :epoch, :after_seq, :replay, :batch,
    :attempts, :problem, :failing_since, :due_at, :fence, :created_at);

-- name: get_webhook
-- One webhook.
SELECT w.id, w.definition, w.secrets, w.state, w.reason, w.epoch, w.after_seq, w.replay, w.batch, w.attempts, w.problem,
    w.failing_since, w.due_at, w.fence, w.created_at
FROM webhook AS w WHERE w.project_id = :project AND w.id = :id;

-- name: list_webhooks
-- All webhooks, in order of creation.
SELECT w.id, w.definition, w.secrets, w.state, w.reason, w.epoch, w.after_seq, w.replay, w.batch, w.attempts, w.problem,
    w.failing_since, w.due_at, w.fence, w.created_at
FROM webhook AS w WHERE w.project_id = :project ORDER BY w.id;

-- name: update_webhook
-- Saves a webhook.
UPDATE webhook SET definition = :definition, secrets = :secrets, state = :state, reason = :reason, epoch = :epoch,
    after_seq = :after_seq, replay = :replay, batch = :batch, attempts = :attempts, problem = :problem,
    failing_since = :failing_since, due_at = :due_at, fence = :fence
WHERE project_id = :project AND id = :id;

-- name: delete_webhook
-- Deletes a webhook.
DELETE FROM webhook WHERE project_id = :project AND id = :id;

-- name: list_open_webhooks
-- The enabled webhooks that have something to deliver now, or whose feed is another one.
SELECT w.id FROM webhook AS w CROSS JOIN book AS b
WHERE w.project_id = :project AND b.project_id = :project AND w.state = 'enabled' AND w.due_at <= :now
    AND (w.after_seq <> b.next_change - 1 OR w.batch <> '' OR w.epoch <> :epoch);

-- name: list_idle_webhooks
-- The enabled webhooks that had every change up to a number.
SELECT w.id FROM webhook AS w
WHERE w.project_id = :project AND w.state = 'enabled' AND w.after_seq >= :last AND w.batch = '';

-- name: get_slowest_webhook
-- The change that the slowest enabled webhook had last.
SELECT w.after_seq FROM webhook AS w
WHERE w.project_id = :project AND w.state = 'enabled' ORDER BY w.after_seq LIMIT 1;

-- name: save_delivery
-- Inserts a delivery, or saves its next attempt.
INSERT INTO webhook_delivery (project_id, id, webhook_id, kind, first_seq, last_seq, count, replay, state, attempts, status,
    error, created_at, tried_at, milliseconds, expires_at)
VALUES (CAST(:project AS bigint), :id, :webhook_id, :kind, :first_seq, :last_seq, :count, :replay, :state, :attempts,
    :status, :error, :created_at, :tried_at, :milliseconds, :expires_at)
ON CONFLICT (project_id, id) DO UPDATE SET state = excluded.state, attempts = webhook_delivery.attempts + 1,
    status = excluded.status, error = excluded.error, tried_at = excluded.tried_at, milliseconds = excluded.milliseconds;

-- name: replace_delivery
-- Notes that a delivery is not tried again, because something else is delivered instead.
UPDATE webhook_delivery SET state = 'replaced' WHERE project_id = :project AND id = :id;

-- name: list_deliveries
-- Deliveries of a webhook before an id, the newest first.
SELECT d.id, d.webhook_id, d.kind, d.first_seq, d.last_seq, d.count, d.replay, d.state, d.attempts, d.status, d.error,
    d.created_at, d.tried_at, d.milliseconds, d.expires_at
FROM webhook_delivery AS d
WHERE d.project_id = :project AND d.webhook_id = :webhook_id AND d.id < :before
ORDER BY d.id DESC LIMIT :limit;

-- name: has_expired_delivery
-- Whether a delivery was kept long enough.
SELECT d.id FROM webhook_delivery AS d WHERE d.project_id = :project AND d.expires_at <= :now LIMIT 1;

-- name: delete_expired_deliveries
-- Deletes some deliveries that were kept long enough.
DELETE FROM webhook_delivery WHERE project_id = :project AND id IN (
    SELECT d.id FROM webhook_delivery AS d
    WHERE d.project_id = :project AND d.expires_at <= :now ORDER BY d.expires_at LIMIT :limit
);
