-- name: insert_connection
-- Inserts a connection.
INSERT INTO connection (project_id, id, name, folded, kind, account, definition, credentials, address, state, reason,
    cursor, complete_until, progress, due_at, fence, write_back_from, created_at)
VALUES (CAST(:project AS bigint), :id, :name, :folded, :kind, :account, :definition, :credentials, :address, :state,
    :reason, :cursor, :complete_until, :progress, :due_at, :fence, :write_back_from, :created_at);

-- name: get_connection
-- One connection.
SELECT c.id, c.name, c.kind, c.account, c.definition, c.credentials, c.address, c.state, c.reason, c.cursor,
    c.complete_until, c.progress, c.due_at, c.fence, c.write_back_from, c.created_at
FROM connection AS c WHERE c.project_id = :project AND c.id = :id;

-- name: get_connection_account
-- The account and the state of a connection.
SELECT c.account, c.state FROM connection AS c WHERE c.project_id = :project AND c.id = :id;

-- name: find_connection
-- The connection with a folded name.
SELECT c.id, c.name, c.kind, c.account, c.definition, c.credentials, c.address, c.state, c.reason, c.cursor,
    c.complete_until, c.progress, c.due_at, c.fence, c.write_back_from, c.created_at
FROM connection AS c WHERE c.project_id = :project AND c.folded = :folded;

-- name: list_connections
-- All connections, in order of creation.
SELECT c.id, c.name, c.kind, c.account, c.definition, c.credentials, c.address, c.state, c.reason, c.cursor,
    c.complete_until, c.progress, c.due_at, c.fence, c.write_back_from, c.created_at
FROM connection AS c WHERE c.project_id = :project ORDER BY c.id;

-- name: list_due_connections
-- The connections that are to be read, planned, removed, written back to or asked about carts now, or whose carts count as
-- abandoned from now on.
SELECT c.id FROM connection AS c
WHERE c.project_id = :project AND (
    (c.due_at > 0 AND c.due_at <= :now)
    OR (c.write_back_from > 0 AND c.write_back_from <= :now AND c.state IN ('importing', 'live', 'behind', 'limited',
        'needs_confirmation') AND EXISTS (
            SELECT 1 FROM write_back AS w
            WHERE w.project_id = :project AND w.connection_id = c.id AND w.due_at > 0 AND w.due_at <= :now
    ))
    OR (c.state IN ('importing', 'live', 'behind', 'limited', 'needs_confirmation') AND EXISTS (
        SELECT 1 FROM cart AS i
        WHERE i.project_id = :project AND i.connection_id = c.id AND i.idle_at > 0 AND i.idle_at <= :now
    ))
    OR (c.state IN ('importing', 'live', 'behind') AND EXISTS (
        SELECT 1 FROM cart AS k
        WHERE k.project_id = :project AND k.connection_id = c.id AND k.ask_at > 0 AND k.ask_at <= :now
    ))
) ORDER BY c.id;

-- name: update_connection
-- Saves a connection as a person changed it.
UPDATE connection SET name = :name, folded = :folded, account = :account, definition = :definition,
    credentials = :credentials, address = :address, state = :state, reason = :reason, cursor = :cursor,
    complete_until = :complete_until, progress = :progress, due_at = :due_at,
    write_back_from = :write_back_from
WHERE project_id = :project AND id = :id;

-- name: save_connection
-- Saves a connection as a worker left it.
UPDATE connection SET account = :account, definition = :definition, state = :state, reason = :reason, cursor = :cursor,
    complete_until = :complete_until, progress = :progress, due_at = :due_at, write_back_from = :write_back_from
WHERE project_id = :project AND id = :id;

-- name: take_connection
-- Raises the fence of a connection.
UPDATE connection SET fence = fence + 1 WHERE project_id = :project AND id = :id;

-- name: get_connection_fence
-- The fence of a connection.
SELECT c.fence FROM connection AS c WHERE c.project_id = :project AND c.id = :id;

-- name: delete_connection
-- Deletes a connection.
DELETE FROM connection WHERE project_id = :project AND id = :id;

-- name: bring_forward
-- Has a connection that reads by itself looked at earlier.
UPDATE connection SET due_at = :due_at
WHERE project_id = :project AND id = :id AND due_at > :due_at AND state IN ('importing', 'live', 'behind');

-- name: find_links
-- The links of some records.
SELECT l.connection_id, l.external_id, l.mobile, l.version, l.values_digest, l.link_state, l.group_ids, l.seen_in, l.flags,
    l.problems, l.why
FROM rows(:external_ids AS wanted, external_id text) CROSS JOIN external_link AS l
WHERE l.project_id = :project AND l.connection_id = :connection AND l.external_id = wanted.external_id;

-- name: find_links_by_mobile
-- The links of all connections to some numbers. Their keys come first, from the index alone, so that SQLite takes it.
SELECT l.connection_id, l.external_id, l.mobile, l.version, l.values_digest, l.link_state, l.group_ids, l.seen_in, l.flags,
    l.problems, l.why
FROM rows(:mobiles AS wanted, mobile bigint) CROSS JOIN external_link AS k CROSS JOIN external_link AS l
WHERE k.project_id = :project AND k.mobile = wanted.mobile
    AND l.project_id = :project AND l.connection_id = k.connection_id AND l.external_id = k.external_id;

-- name: list_links
-- Links of a connection after an id.
SELECT l.connection_id, l.external_id, l.mobile, l.version, l.values_digest, l.link_state, l.group_ids, l.seen_in, l.flags,
    l.problems, l.why
FROM external_link AS l
WHERE l.project_id = :project AND l.connection_id = :connection AND l.external_id > :after_record
ORDER BY l.external_id LIMIT :limit;

-- name: list_links_in_state
-- Links of a connection in a state, after an id.
SELECT l.connection_id, l.external_id, l.mobile, l.version, l.values_digest, l.link_state, l.group_ids, l.seen_in, l.flags,
    l.problems, l.why
FROM external_link AS l
WHERE l.project_id = :project AND l.connection_id = :connection AND l.link_state = :link_state AND l.link_state > 0
    AND l.external_id > :after_record
ORDER BY l.external_id LIMIT :limit;

-- name: list_problem_links
-- Links of a connection that a person has to look at, after an id.
SELECT l.connection_id, l.external_id, l.mobile, l.version, l.values_digest, l.link_state, l.group_ids, l.seen_in, l.flags,
    l.problems, l.why
FROM external_link AS l
WHERE l.project_id = :project AND l.connection_id = :connection AND l.problems > 0 AND l.external_id > :after_record
ORDER BY l.external_id LIMIT :limit;

-- name: save_links
-- Inserts links, or saves them.
INSERT INTO external_link AS l (project_id, connection_id, external_id, mobile, version, values_digest, link_state,
    group_ids, seen_in, flags, problems, why)
SELECT CAST(:project AS bigint), given.connection_id, given.external_id, given.mobile, given.version,
    given.values_digest, given.link_state, given.group_ids, given.seen_in, given.flags, given.problems, given.why
FROM rows(:items AS given, connection_id bigint, external_id text, mobile bigint, version bigint, values_digest bigint,
    link_state bigint, group_ids text, seen_in bigint, flags bigint, problems bigint, why text)
WHERE true
ON CONFLICT (project_id, connection_id, external_id) DO UPDATE SET mobile = excluded.mobile, version = excluded.version,
    values_digest = excluded.values_digest, link_state = excluded.link_state, group_ids = excluded.group_ids, seen_in = excluded.seen_in,
    flags = excluded.flags, problems = excluded.problems, why = excluded.why;

-- name: touch_links
-- Notes the comparison that saw some records.
UPDATE external_link SET seen_in = :seen_in
WHERE project_id = :project AND connection_id = :connection AND external_id IN (
    SELECT seen.external_id FROM rows(:external_ids AS seen, external_id text)
);

-- name: delete_some_links
-- Deletes the links of some records.
DELETE FROM external_link
WHERE project_id = :project AND connection_id = :connection AND external_id IN (
    SELECT gone.external_id FROM rows(:external_ids AS gone, external_id text)
);

-- name: insert_webhook_events
-- Inserts what a delivery announced, each event once.
INSERT INTO webhook_event (project_id, connection_id, key, topic, record_ids, merged, lists, record, at, received_at, state,
    tries)
SELECT CAST(:project AS bigint), given.connection_id, given.key, given.topic, given.record_ids, given.merged, given.lists,
    given.record, given.at, given.received_at, 'waiting', 0
FROM rows(:items AS given, connection_id bigint, key text, topic text, record_ids text, merged text, lists text,
    record text, at bigint, received_at bigint)
WHERE true
ON CONFLICT (project_id, connection_id, key) DO NOTHING;

-- name: list_waiting_events
-- Events whose records were not read since, those that came first.
SELECT e.connection_id, e.key, e.topic, e.record_ids, e.merged, e.lists, e.record, e.at, e.received_at, e.state, e.tries
FROM webhook_event AS e
WHERE e.project_id = :project AND e.connection_id = :connection AND e.state = 'waiting' AND e.received_at <= :until
ORDER BY e.received_at, e.key LIMIT :limit;

-- name: find_first_waiting
-- When the event came that waits longest.
SELECT e.received_at FROM webhook_event AS e
WHERE e.project_id = :project AND e.connection_id = :connection AND e.state = 'waiting'
ORDER BY e.received_at, e.key LIMIT 1;

-- name: find_first_unread
-- When the event came that waits longest and names a record.
SELECT e.received_at FROM webhook_event AS e
WHERE e.project_id = :project AND e.connection_id = :connection AND e.state = 'waiting' AND e.record_ids <> '[]'
ORDER BY e.received_at, e.key LIMIT 1;

-- name: list_webhook_events
-- Events before a place, the newest first.
SELECT e.connection_id, e.key, e.topic, e.record_ids, e.merged, e.lists, e.record, e.at, e.received_at, e.state, e.tries
FROM webhook_event AS e
WHERE e.project_id = :project AND e.connection_id = :connection
    AND (e.received_at, e.key) < (CAST(:before AS bigint), CAST(:before_key AS text))
ORDER BY e.received_at DESC, e.key DESC LIMIT :limit;

-- name: settle_webhook_events
-- Notes that the records of some events were read. What they said themselves is kept no longer.
UPDATE webhook_event SET state = 'settled', record = ''
WHERE project_id = :project AND connection_id = :connection AND key IN (
    SELECT done.key FROM rows(:keys AS done, key text)
);

-- name: count_tries
-- Notes that reading the records of some events failed, and which are given up by that.
UPDATE webhook_event SET tries = tries + 1, state = CASE WHEN tries + 1 >= :most THEN 'settled' ELSE state END,
    record = CASE WHEN tries + 1 >= :most THEN '' ELSE record END
WHERE project_id = :project AND connection_id = :connection AND key IN (
    SELECT failed.key FROM rows(:keys AS failed, key text)
);

-- name: replay_webhook_events
-- Has the records of some events since a time read again, those that came first.
UPDATE webhook_event SET state = 'waiting', tries = 0
WHERE project_id = :project AND connection_id = :connection AND key IN (
    SELECT x.key FROM webhook_event AS x
    WHERE x.project_id = :project AND x.connection_id = :connection AND x.received_at >= :since AND x.state = 'settled'
    ORDER BY x.received_at, x.key LIMIT :limit
);

-- name: has_old_webhook_event
-- Whether an event was kept long enough. One whose record is nowhere else is kept until that is applied.
SELECT 1 FROM webhook_event AS e
WHERE e.project_id = :project AND e.connection_id = :connection AND e.received_at < :before AND e.record = '' LIMIT 1;

-- name: delete_old_webhook_events
-- Deletes some of those.
DELETE FROM webhook_event WHERE project_id = :project AND connection_id = :connection AND key IN (
    SELECT x.key FROM webhook_event AS x
    WHERE x.project_id = :project AND x.connection_id = :connection AND x.received_at < :before AND x.record = ''
    ORDER BY x.received_at, x.key LIMIT :limit
);

-- name: list_kept_records
-- Events after a place that wait with what they said themselves of a record, in the order of their receipt.
SELECT e.connection_id, e.key, e.topic, e.record_ids, e.merged, e.lists, e.record, e.at, e.received_at, e.state, e.tries
FROM webhook_event AS e
WHERE e.project_id = :project AND e.connection_id = :connection AND e.state = 'waiting' AND e.record <> ''
    AND (e.received_at, e.key) > (CAST(:after AS bigint), CAST(:after_key AS text))
ORDER BY e.received_at, e.key LIMIT :limit;

-- name: wipe_kept_records
-- Forgets what some events said themselves of a record.
UPDATE webhook_event SET record = ''
WHERE project_id = :project AND connection_id = :connection AND key IN (
    SELECT done.key FROM rows(:keys AS done, key text)
);

-- name: delete_some_webhook_events
-- Deletes some of what a connection's system announced.
DELETE FROM webhook_event WHERE project_id = :project AND connection_id = :connection AND key IN (
    SELECT x.key FROM webhook_event AS x
    WHERE x.project_id = :project AND x.connection_id = :connection ORDER BY x.key LIMIT :limit
);

-- name: delete_some_write_backs
-- Deletes some of what a connection was to write back.
DELETE FROM write_back WHERE project_id = :project AND connection_id = :connection AND (external_id, channel) IN (
    SELECT x.external_id, x.channel FROM write_back AS x
    WHERE x.project_id = :project AND x.connection_id = :connection ORDER BY x.external_id, x.channel LIMIT :limit
);

-- name: ask_write_backs
-- Has the records that have some numbers looked at, of the connections that opt-outs are written back to but one. Returns
-- the connection of each.
INSERT INTO write_back AS w (project_id, connection_id, external_id, channel, word, at, state, tries, due_at, why, written,
    written_at, repeated_at)
SELECT CAST(:project AS bigint), k.connection_id, k.external_id, asked.channel, 'out', CAST(:now AS bigint), 'waiting', 0,
    CAST(:due_at AS bigint), '', '', 0, 0
FROM rows(:mobiles AS wanted, mobile bigint) CROSS JOIN external_link AS k CROSS JOIN connection AS c
    CROSS JOIN rows(:channels AS asked, channel text)
WHERE k.project_id = :project AND k.mobile = wanted.mobile AND k.connection_id <> :other_than
    AND c.project_id = :project AND c.id = k.connection_id AND c.write_back_from > 0 AND c.state <> 'removed'
ON CONFLICT (project_id, connection_id, external_id, channel) DO UPDATE SET tries = 0,
    due_at = CASE WHEN w.due_at > 0 AND w.due_at < excluded.due_at THEN w.due_at ELSE excluded.due_at END
RETURNING connection_id;

-- name: find_write_backs
-- The marks of some records of a connection.
SELECT w.connection_id, w.external_id, w.channel, w.word, w.at, w.state, w.tries, w.due_at, w.why, w.written, w.written_at, w.repeated_at
FROM rows(:external_ids AS wanted, external_id text) CROSS JOIN write_back AS w
WHERE w.project_id = :project AND w.connection_id = :connection AND w.external_id = wanted.external_id;

-- name: list_due_write_backs
-- The records of a connection that are to be looked at now, those first that have waited longest.
SELECT w.connection_id, w.external_id, w.channel, w.word, w.at, w.state, w.tries, w.due_at, w.why, w.written, w.written_at, w.repeated_at
FROM write_back AS w
WHERE w.project_id = :project AND w.connection_id = :connection AND w.due_at > 0 AND w.due_at <= :now
ORDER BY w.due_at, w.external_id LIMIT :limit;

-- name: list_unwritten
-- The channels of opt-outs that are still to be written back to a connection, up to a limit.
SELECT w.channel FROM write_back AS w
WHERE w.project_id = :project AND w.connection_id = :connection AND w.due_at > 0 AND w.written <> 'out'
    AND w.state IN ('waiting', 'written')
ORDER BY w.due_at LIMIT :limit;

-- name: save_write_backs
-- Inserts or saves the marks of records.
INSERT INTO write_back AS w (project_id, connection_id, external_id, channel, word, at, state, tries, due_at, why, written,
    written_at, repeated_at)
SELECT CAST(:project AS bigint), given.connection_id, given.external_id, given.channel, given.word, given.at, given.state,
    given.tries, given.due_at, given.why, given.written, given.written_at, given.repeated_at
FROM rows(:items AS given, connection_id bigint, external_id text, channel text, word text, at bigint, state text,
    tries bigint, due_at bigint, why text, written text, written_at bigint,
    repeated_at bigint)
WHERE true
ON CONFLICT (project_id, connection_id, external_id, channel) DO UPDATE SET word = excluded.word, at = excluded.at,
    state = excluded.state, tries = excluded.tries, due_at = excluded.due_at, why = excluded.why, written = excluded.written,
    written_at = excluded.written_at, repeated_at = excluded.repeated_at;

-- name: delete_write_backs
-- Deletes the marks of some records.
DELETE FROM write_back
WHERE project_id = :project AND connection_id = :connection AND (external_id, channel) IN (
    SELECT settled.external_id, settled.channel FROM rows(:items AS settled, external_id text, channel text)
);
