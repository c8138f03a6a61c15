-- name: list_newest_journal_of_user
-- Journal rows of one user between two numbers, the newest first.
SELECT j.seq, j.at, j.key_id, j.user_id, j.request_id, j.action, j.group_id, j.contacts, j.first_fact, j.last_fact, j.left_groups,
    j.detail
FROM journal AS j
WHERE j.project_id = :project AND j.user_id = :user AND j.seq > :after AND j.seq < :before
ORDER BY j.seq DESC LIMIT :limit;

-- name: list_newest_journal_of_action
-- Journal rows of one of the acts that are rare between two numbers, the newest first.
SELECT j.seq, j.at, j.key_id, j.user_id, j.request_id, j.action, j.group_id, j.contacts, j.first_fact, j.last_fact, j.left_groups,
    j.detail
FROM journal AS j
WHERE j.project_id = :project AND j.action = :action AND j.seq > :after AND j.seq < :before AND j.action NOT IN (
    'create_contacts', 'update_contact', 'delete_contact', 'delete_contacts', 'move_contacts', 'join_group', 'leave_group',
    'start_bulk', 'opt_outs', 'opt_ins', 'inbound', 'settle_review', 'import_contacts', 'import_consent', 'sync_contacts',
    'create_messages', 'create_events'
)
ORDER BY j.seq DESC LIMIT :limit;
