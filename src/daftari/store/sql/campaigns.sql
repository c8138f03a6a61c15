-- name: insert_campaign
-- Inserts a draft.
INSERT INTO campaign (project_id, id, sender_id, state, reason, definition, audience_id, next_place, progress, due_at,
    created_at, key_id)
VALUES (CAST(:project AS bigint), :id, :sender_id, 'draft', '', :definition, 0, 0, :progress, 0, :now, CAST(:key_id AS bigint));

-- name: get_campaign
-- One campaign.
SELECT c.id, c.sender_id, c.state, c.reason, c.definition, c.audience_id, c.next_place, c.progress, c.due_at, c.created_at, c.key_id
FROM campaign AS c WHERE c.project_id = :project AND c.id = :id;

-- name: list_campaigns
-- Campaigns before an id, the newest first.
SELECT c.id, c.sender_id, c.state, c.reason, c.definition, c.audience_id, c.next_place, c.progress, c.due_at, c.created_at, c.key_id
FROM campaign AS c WHERE c.project_id = :project AND c.id < :before ORDER BY c.id DESC LIMIT :limit;

-- name: list_open_campaigns
-- The campaigns that have not ended.
SELECT c.id, c.sender_id, c.state, c.reason, c.definition, c.audience_id, c.next_place, c.progress, c.due_at, c.created_at, c.key_id
FROM campaign AS c
WHERE c.project_id = :project AND c.state IN ('draft', 'scheduled', 'running', 'paused')
ORDER BY c.id;

-- name: list_active_campaigns
-- The campaigns of a sender that run, or are to start.
SELECT c.id, c.sender_id, c.state, c.reason, c.definition, c.audience_id, c.next_place, c.progress, c.due_at, c.created_at, c.key_id
FROM campaign AS c
WHERE c.project_id = :project AND c.sender_id = :sender_id AND c.state IN ('scheduled', 'running')
ORDER BY c.due_at, c.id;

-- name: save_campaign
-- Saves a campaign.
UPDATE campaign SET sender_id = :sender_id, state = :state, reason = :reason, definition = :definition, audience_id = :audience_id,
    next_place = :next_place, progress = :progress, due_at = :due_at
WHERE project_id = :project AND id = :id;

-- name: delete_campaign
-- Deletes a draft.
DELETE FROM campaign WHERE project_id = :project AND id = :id;

-- name: add_campaign_deliveries
-- Adds people to whom a message of a campaign was delivered in a minute.
INSERT INTO campaign_delivery AS d (project_id, campaign_id, minute, people)
SELECT CAST(:project AS bigint), CAST(:id AS bigint), added.minute, added.people
FROM rows(:items AS added, minute bigint, people bigint)
WHERE true
ON CONFLICT (project_id, campaign_id, minute) DO UPDATE SET people = d.people + excluded.people;

-- name: list_campaign_deliveries
-- To how many people a message of a campaign was delivered in each minute.
SELECT d.minute, d.people FROM campaign_delivery AS d
WHERE d.project_id = :project AND d.campaign_id = :id
ORDER BY d.minute;
