-- name: get_deleted_project
-- Whether a project is deleted and not purged yet.
SELECT id FROM project WHERE id = :id AND deleted_at IS NOT NULL;

-- name: get_book
-- Whether a project has a book.
SELECT project_id FROM book WHERE project_id = :project;

-- name: find_deleted_group
-- A deleted group that is to be purged.
SELECT g.id FROM contact_group AS g
WHERE g.project_id = :project AND g.purge_at IS NOT NULL AND g.purge_at <= :now
ORDER BY g.purge_at, g.id LIMIT 1;

-- name: list_first_members
-- The first members of a group.
SELECT m.contact_id FROM membership AS m
WHERE m.project_id = :project AND m.group_id = :group
ORDER BY m.contact_id LIMIT :limit;

-- name: delete_group
-- Deletes a group that has no members.
DELETE FROM contact_group WHERE project_id = :project AND id = :group;

-- name: purge_memberships
-- Memberships of a deleted project, up to a limit.
DELETE FROM membership WHERE project_id = :project AND (group_id, contact_id) IN (
    SELECT x.group_id, x.contact_id FROM membership AS x WHERE x.project_id = :project
    ORDER BY x.group_id, x.contact_id LIMIT :limit
);

-- name: purge_directory
-- Directory rows of a deleted project, up to a limit.
DELETE FROM directory WHERE project_id = :project AND (list, level, block) IN (
    SELECT x.list, x.level, x.block FROM directory AS x WHERE x.project_id = :project
    ORDER BY x.list, x.level, x.block LIMIT :limit
);

-- name: purge_search_postings
-- Rows of the search index of a deleted project, up to a limit.
DELETE FROM search_posting WHERE project_id = :project AND (block, token) IN (
    SELECT x.block, x.token FROM search_posting AS x WHERE x.project_id = :project
    ORDER BY x.block, x.token LIMIT :limit
);

-- name: purge_search_entries
-- What the search index of a deleted project holds of contacts, up to a limit.
DELETE FROM search_entry WHERE project_id = :project AND contact_id IN (
    SELECT x.contact_id FROM search_entry AS x WHERE x.project_id = :project
    ORDER BY x.contact_id LIMIT :limit
);

-- name: purge_search_index
-- How far the search index of a deleted project is.
DELETE FROM search_index WHERE project_id = :project AND project_id IN (
    SELECT x.project_id FROM search_index AS x WHERE x.project_id = :project LIMIT :limit
);

-- name: purge_contacts
-- Contacts of a deleted project, up to a limit.
DELETE FROM contact WHERE project_id = :project AND id IN (
    SELECT x.id FROM contact AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_groups
-- Groups of a deleted project, up to a limit.
DELETE FROM contact_group WHERE project_id = :project AND id IN (
    SELECT x.id FROM contact_group AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_facts
-- Facts of a deleted project, up to a limit.
DELETE FROM fact WHERE project_id = :project AND (subject_id, id) IN (
    SELECT x.subject_id, x.id FROM fact AS x WHERE x.project_id = :project
    ORDER BY x.subject_id, x.id LIMIT :limit
);

-- name: purge_states
-- States of a deleted project, up to a limit.
DELETE FROM consent WHERE project_id = :project AND subject_id IN (
    SELECT x.subject_id FROM consent AS x WHERE x.project_id = :project
    ORDER BY x.subject_id LIMIT :limit
);

-- name: purge_near_misses
-- Near misses of a deleted project, up to a limit.
DELETE FROM near_miss WHERE project_id = :project AND (key_id, user_id, source, import_id) IN (
    SELECT x.key_id, x.user_id, x.source, x.import_id FROM near_miss AS x WHERE x.project_id = :project
    ORDER BY x.key_id, x.user_id, x.source, x.import_id LIMIT :limit
);

-- name: purge_number_near_misses
-- Near misses by number of a deleted project, up to a limit.
DELETE FROM near_miss_number WHERE project_id = :project AND (subject_id, key_id, user_id, source) IN (
    SELECT x.subject_id, x.key_id, x.user_id, x.source FROM near_miss_number AS x WHERE x.project_id = :project
    ORDER BY x.subject_id, x.key_id, x.user_id, x.source LIMIT :limit
);

-- name: purge_removals
-- Removals of a deleted project, up to a limit.
DELETE FROM removal WHERE project_id = :project AND (mobile, seq) IN (
    SELECT x.mobile, x.seq FROM removal AS x WHERE x.project_id = :project
    ORDER BY x.mobile, x.seq LIMIT :limit
);

-- name: purge_before
-- What acts changed in a deleted project, up to a limit.
DELETE FROM contact_before WHERE project_id = :project AND (seq, contact_id) IN (
    SELECT x.seq, x.contact_id FROM contact_before AS x WHERE x.project_id = :project
    ORDER BY x.seq, x.contact_id LIMIT :limit
);

-- name: purge_bulk_parts
-- Parts of jobs of a deleted project, up to a limit.
DELETE FROM bulk_part WHERE project_id = :project AND (bulk_id, number) IN (
    SELECT x.bulk_id, x.number FROM bulk_part AS x WHERE x.project_id = :project
    ORDER BY x.bulk_id, x.number LIMIT :limit
);

-- name: purge_bulks
-- Jobs on many contacts of a deleted project, up to a limit.
DELETE FROM bulk WHERE project_id = :project AND id IN (
    SELECT x.id FROM bulk AS x WHERE x.project_id = :project ORDER BY x.id LIMIT :limit
);

-- name: purge_journal
-- Journal rows of a deleted project, up to a limit.
DELETE FROM journal WHERE project_id = :project AND seq IN (
    SELECT x.seq FROM journal AS x WHERE x.project_id = :project
    ORDER BY x.seq LIMIT :limit
);

-- name: purge_changes
-- Changes of a deleted project, up to a limit.
DELETE FROM change WHERE project_id = :project AND seq IN (
    SELECT x.seq FROM change AS x WHERE x.project_id = :project
    ORDER BY x.seq LIMIT :limit
);

-- name: purge_reviews
-- Reviews of a deleted project, up to a limit.
DELETE FROM review WHERE project_id = :project AND (subject_id, id) IN (
    SELECT x.subject_id, x.id FROM review AS x WHERE x.project_id = :project
    ORDER BY x.subject_id, x.id LIMIT :limit
);

-- name: purge_whatsapp_users
-- WhatsApp persons' ids of a deleted project, up to a limit.
DELETE FROM whatsapp_user WHERE project_id = :project AND (token_id, user_id) IN (
    SELECT x.token_id, x.user_id FROM whatsapp_user AS x WHERE x.project_id = :project
    ORDER BY x.token_id, x.user_id LIMIT :limit
);

-- name: purge_held_events
-- Held events of a deleted project, up to a limit.
DELETE FROM held_event WHERE project_id = :project AND id IN (
    SELECT x.id FROM held_event AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_quarantine
-- Quarantined requests of a deleted project, up to a limit.
DELETE FROM quarantine WHERE project_id = :project AND id IN (
    SELECT x.id FROM quarantine AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_inbound_counts
-- Inbound counts of a deleted project, up to a limit.
DELETE FROM inbound_count WHERE project_id = :project AND token_id IN (
    SELECT x.token_id FROM inbound_count AS x WHERE x.project_id = :project
    ORDER BY x.token_id LIMIT :limit
);

-- name: purge_audience_parts
-- Audience parts of a deleted project, up to a limit.
DELETE FROM audience_part WHERE project_id = :project AND (audience_id, part) IN (
    SELECT x.audience_id, x.part FROM audience_part AS x WHERE x.project_id = :project
    ORDER BY x.audience_id, x.part LIMIT :limit
);

-- name: purge_audiences
-- Audiences of a deleted project, up to a limit.
DELETE FROM audience WHERE project_id = :project AND id IN (
    SELECT x.id FROM audience AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_import_joins
-- Import joins of a deleted project, up to a limit.
DELETE FROM import_join WHERE project_id = :project AND (import_id, chunk, group_id) IN (
    SELECT x.import_id, x.chunk, x.group_id FROM import_join AS x WHERE x.project_id = :project
    ORDER BY x.import_id, x.chunk, x.group_id LIMIT :limit
);

-- name: purge_import_changes
-- Import changes of a deleted project, up to a limit.
DELETE FROM import_change WHERE project_id = :project AND (contact_id, import_id) IN (
    SELECT x.contact_id, x.import_id FROM import_change AS x WHERE x.project_id = :project
    ORDER BY x.contact_id, x.import_id LIMIT :limit
);

-- name: purge_import_rejects
-- Import rejects of a deleted project, up to a limit.
DELETE FROM import_reject WHERE project_id = :project AND (import_id, number) IN (
    SELECT x.import_id, x.number FROM import_reject AS x WHERE x.project_id = :project
    ORDER BY x.import_id, x.number LIMIT :limit
);

-- name: purge_import_chunks
-- Import chunks of a deleted project, up to a limit.
DELETE FROM import_chunk WHERE project_id = :project AND (import_id, chunk) IN (
    SELECT x.import_id, x.chunk FROM import_chunk AS x WHERE x.project_id = :project
    ORDER BY x.import_id, x.chunk LIMIT :limit
);

-- name: purge_imports
-- Imports of a deleted project, up to a limit.
DELETE FROM import WHERE project_id = :project AND id IN (
    SELECT x.id FROM import AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_exports
-- Exports of a deleted project, up to a limit.
DELETE FROM export WHERE project_id = :project AND id IN (
    SELECT x.id FROM export AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_file_parts
-- File parts of a deleted project, up to a limit.
DELETE FROM file_part WHERE project_id = :project AND (file_id, part) IN (
    SELECT x.file_id, x.part FROM file_part AS x WHERE x.project_id = :project
    ORDER BY x.file_id, x.part LIMIT :limit
);

-- name: purge_responses
-- Stored responses of a deleted project, up to a limit.
DELETE FROM idempotency WHERE project_id = :project AND (key_id, name_digest) IN (
    SELECT x.key_id, x.name_digest FROM idempotency AS x WHERE x.project_id = :project
    ORDER BY x.key_id, x.name_digest LIMIT :limit
);

-- name: purge_erasures
-- Erasures of a deleted project, up to a limit.
DELETE FROM erasure WHERE project_id = :project AND id IN (
    SELECT x.id FROM erasure AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_book
-- The counters of a deleted project, which go last.
DELETE FROM book WHERE project_id = :project;

-- name: delete_project_keys
-- Deletes the keys of a project that has no book.
DELETE FROM key WHERE project_id = :id;

-- name: delete_project_roles
-- Deletes what users were in a project that has no book.
DELETE FROM user_role WHERE project_id = :id;

-- name: delete_project_names
-- Deletes the names of a project that has no book.
DELETE FROM project_name WHERE project_id = :id;

-- name: delete_project
-- Deletes a project that has no book.
DELETE FROM project WHERE id = :id AND deleted_at IS NOT NULL;

-- name: purge_replies
-- Replies of a deleted project, up to a limit.
DELETE FROM reply WHERE project_id = :project AND (message_id, id) IN (
    SELECT x.message_id, x.id FROM reply AS x WHERE x.project_id = :project
    ORDER BY x.message_id, x.id LIMIT :limit
);

-- name: purge_reports
-- Delivery reports of a deleted project, up to a limit.
DELETE FROM report WHERE project_id = :project AND (sender_id, provider_id, id) IN (
    SELECT x.sender_id, x.provider_id, x.id FROM report AS x WHERE x.project_id = :project
    ORDER BY x.sender_id, x.provider_id, x.id LIMIT :limit
);

-- name: purge_attempts
-- Attempts of messages of a deleted project, up to a limit.
DELETE FROM message_attempt WHERE project_id = :project AND (sender_id, provider_id, message_id, attempt) IN (
    SELECT x.sender_id, x.provider_id, x.message_id, x.attempt FROM message_attempt AS x WHERE x.project_id = :project
    ORDER BY x.sender_id, x.provider_id, x.message_id, x.attempt LIMIT :limit
);

-- name: purge_messages
-- Messages of a deleted project, up to a limit.
DELETE FROM message WHERE project_id = :project AND id IN (
    SELECT x.id FROM message AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_campaign_deliveries
-- The deliveries of campaigns of a deleted project, up to a limit.
DELETE FROM campaign_delivery WHERE project_id = :project AND (campaign_id, minute) IN (
    SELECT x.campaign_id, x.minute FROM campaign_delivery AS x WHERE x.project_id = :project
    ORDER BY x.campaign_id, x.minute LIMIT :limit
);

-- name: purge_campaigns
-- Campaigns of a deleted project, up to a limit.
DELETE FROM campaign WHERE project_id = :project AND id IN (
    SELECT x.id FROM campaign AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_senders
-- Senders of a deleted project, up to a limit.
DELETE FROM sender WHERE project_id = :project AND id IN (
    SELECT x.id FROM sender AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_deliveries
-- Deliveries of a deleted project's webhooks, up to a limit.
DELETE FROM webhook_delivery WHERE project_id = :project AND id IN (
    SELECT x.id FROM webhook_delivery AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_webhooks
-- Webhooks of a deleted project, up to a limit.
DELETE FROM webhook WHERE project_id = :project AND id IN (
    SELECT x.id FROM webhook AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_events
-- Events of a deleted project, up to a limit.
DELETE FROM event WHERE project_id = :project AND id IN (
    SELECT x.id FROM event AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_triggers
-- Triggers of a deleted project, up to a limit.
DELETE FROM trigger WHERE project_id = :project AND id IN (
    SELECT x.id FROM trigger AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);

-- name: purge_daily
-- Figures of a deleted project's days, up to a limit.
DELETE FROM daily WHERE project_id = :project AND (what, day, key) IN (
    SELECT x.what, x.day, x.key FROM daily AS x WHERE x.project_id = :project
    ORDER BY x.what, x.day, x.key LIMIT :limit
);

-- name: purge_cart_figures
-- Figures of a deleted project's carts, up to a limit.
DELETE FROM cart_figure WHERE project_id = :project AND (connection_id, day) IN (
    SELECT x.connection_id, x.day FROM cart_figure AS x WHERE x.project_id = :project
    ORDER BY x.connection_id, x.day LIMIT :limit
);

-- name: purge_cart_orders
-- Orders of a deleted project's shops, up to a limit.
DELETE FROM cart_order WHERE project_id = :project AND (connection_id, name, order_id) IN (
    SELECT x.connection_id, x.name, x.order_id FROM cart_order AS x WHERE x.project_id = :project
    ORDER BY x.connection_id, x.name, x.order_id LIMIT :limit
);

-- name: purge_carts
-- Carts of a deleted project's shops, up to a limit.
DELETE FROM cart WHERE project_id = :project AND (connection_id, key) IN (
    SELECT x.connection_id, x.key FROM cart AS x WHERE x.project_id = :project
    ORDER BY x.connection_id, x.key LIMIT :limit
);

-- name: purge_write_backs
-- What a deleted project's connections were to write back, up to a limit.
DELETE FROM write_back WHERE project_id = :project AND (connection_id, external_id, channel) IN (
    SELECT x.connection_id, x.external_id, x.channel FROM write_back AS x WHERE x.project_id = :project
    ORDER BY x.connection_id, x.external_id, x.channel LIMIT :limit
);

-- name: purge_webhook_events
-- What systems announced to a deleted project's connections, up to a limit.
DELETE FROM webhook_event WHERE project_id = :project AND (connection_id, key) IN (
    SELECT x.connection_id, x.key FROM webhook_event AS x WHERE x.project_id = :project
    ORDER BY x.connection_id, x.key LIMIT :limit
);

-- name: purge_links
-- Links of a deleted project's connections, up to a limit.
DELETE FROM external_link WHERE project_id = :project AND (connection_id, external_id) IN (
    SELECT x.connection_id, x.external_id FROM external_link AS x WHERE x.project_id = :project
    ORDER BY x.connection_id, x.external_id LIMIT :limit
);

-- name: purge_connections
-- Connections of a deleted project, up to a limit.
DELETE FROM connection WHERE project_id = :project AND id IN (
    SELECT x.id FROM connection AS x WHERE x.project_id = :project
    ORDER BY x.id LIMIT :limit
);
