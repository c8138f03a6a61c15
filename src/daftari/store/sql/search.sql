-- name: get_search_index
-- How far the search index is.
SELECT i.seq, i.filled_to, i.searchable, i.version, i.revision FROM search_index AS i WHERE i.project_id = :project;

-- name: save_search_index
-- Saves how far the search index is.
INSERT INTO search_index AS i (project_id, seq, filled_to, searchable, version, revision)
VALUES (:project, :seq, :filled_to, :searchable, :version, :revision)
ON CONFLICT (project_id) DO UPDATE SET seq = excluded.seq, filled_to = excluded.filled_to,
    searchable = excluded.searchable, version = excluded.version, revision = excluded.revision;

-- name: find_postings
-- The contacts that have some tokens, by block.
SELECT p.block, p.token, p.ids
FROM rows(:keys AS wanted, block bigint, token text) CROSS JOIN search_posting AS p
WHERE p.project_id = :project AND p.block = wanted.block AND p.token = wanted.token;

-- name: list_block_postings
-- The tokens of one block after a token, in order, with the contacts that have them.
SELECT p.token, p.ids FROM search_posting AS p
WHERE p.project_id = :project AND p.block = :block AND p.token > :after_token
ORDER BY p.token LIMIT :limit;

-- name: delete_postings
-- Deletes some tokens of some blocks.
DELETE FROM search_posting WHERE project_id = :project AND (block, token) IN (
    SELECT gone.block, gone.token FROM rows(:keys AS gone, block bigint, token text)
);

-- name: find_search_entries
-- What the index holds of some contacts.
SELECT e.contact_id, e.mobile, e.words
FROM rows(:ids AS wanted, id bigint) CROSS JOIN search_entry AS e
WHERE e.project_id = :project AND e.contact_id = wanted.id;

-- name: list_search_entries
-- What the index holds of contacts from one id to another, in order.
SELECT e.contact_id, e.mobile, e.words FROM search_entry AS e
WHERE e.project_id = :project AND e.contact_id >= :first AND e.contact_id <= :last
ORDER BY e.contact_id;

-- name: find_search_entry_after
-- The first contact after an id that the index holds.
SELECT e.contact_id FROM search_entry AS e
WHERE e.project_id = :project AND e.contact_id > :after
ORDER BY e.contact_id LIMIT 1;

-- name: find_block_after
-- The first block after one in which the index has a token.
SELECT p.block FROM search_posting AS p
WHERE p.project_id = :project AND p.block > :after
ORDER BY p.block LIMIT 1;

-- name: delete_search_entries
-- Deletes what the index holds of some contacts.
DELETE FROM search_entry
WHERE project_id = :project AND contact_id IN (SELECT gone.id FROM rows(:ids AS gone, id bigint));

-- name: list_contact_changes
-- Changes of contacts after one number and before another, the newest first.
SELECT ch.seq, ch.type, ch.contacts FROM change AS ch
WHERE ch.project_id = :project AND ch.seq > :after AND ch.seq < :before
    AND ch.type IN ('contacts.created', 'contacts.updated', 'contacts.deleted', 'contacts.erased')
ORDER BY ch.seq DESC LIMIT :limit;

-- name: get_change_time
-- When a change was made.
SELECT COALESCE(ch.at, j.at)
FROM change AS ch LEFT JOIN journal AS j ON j.project_id = :project AND j.seq = ch.journal_seq
WHERE ch.project_id = :project AND ch.seq = :seq;

-- name: find_ids_by_mobiles_between
-- The ids of the contacts whose numbers are in a range.
SELECT c.id FROM contact AS c WHERE c.project_id = :project AND c.mobile >= :first AND c.mobile <= :last;
