-- name: add_daily
-- Adds to figures of days.
INSERT INTO daily AS d (project_id, day, what, key, count)
SELECT CAST(:project AS bigint), added.day, added.what, added.key, added.count
FROM rows(:items AS added, day bigint, what text, key text, count bigint)
WHERE true
ON CONFLICT (project_id, what, day, key) DO UPDATE SET count = d.count + excluded.count;

-- name: save_daily
-- Saves figures of days in the place of those that there are.
INSERT INTO daily (project_id, day, what, key, count)
SELECT CAST(:project AS bigint), saved.day, saved.what, saved.key, saved.count
FROM rows(:items AS saved, day bigint, what text, key text, count bigint)
WHERE true
ON CONFLICT (project_id, what, day, key) DO UPDATE SET count = excluded.count;

-- name: list_daily
-- Figures of several kinds, each since a day of its own, in order.
SELECT d.what, d.day, d.key, d.count FROM rows(:items AS wanted, what text, since bigint) CROSS JOIN daily AS d
WHERE d.project_id = :project AND d.what = wanted.what AND d.day >= wanted.since
ORDER BY d.what, d.day, d.key;

-- name: find_last_day
-- The last day that has a figure of a kind.
SELECT d.day FROM daily AS d WHERE d.project_id = :project AND d.what = :what ORDER BY d.day DESC LIMIT 1;

-- name: list_countable
-- Changes from one number to another, in order, with their times and facts, and the contacts that came or went.
SELECT ch.seq, COALESCE(ch.at, j.at), ch.type, CASE
    WHEN ch.type IN ('contacts.created', 'contacts.deleted', 'contacts.erased') THEN ch.contacts ELSE ''
END, ch.first_fact, ch.last_fact
FROM change AS ch LEFT JOIN journal AS j ON j.project_id = :project AND j.seq = ch.journal_seq
WHERE ch.project_id = :project AND ch.seq >= :first AND ch.seq <= :last
ORDER BY ch.seq;

-- name: list_countable_facts
-- The opt-outs among the facts from one id to another, and those that took an opt-out back, with what they took back.
SELECT f.id, f.kind, f.channel, f.at, r.kind, r.channel, r.at
FROM fact AS f LEFT JOIN fact AS r ON r.project_id = :project AND r.subject_id = f.subject_id AND r.id = f.retracts
WHERE f.project_id = :project AND f.id >= :first AND f.id <= :last AND f.kind IN ('opt_out', 'retraction')
ORDER BY f.id;
