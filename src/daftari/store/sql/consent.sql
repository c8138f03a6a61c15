-- name: has_erasures
-- Whether the project has any erasure.
SELECT 1 FROM erasure WHERE project_id = :project ORDER BY id LIMIT 1;

-- name: find_consent
-- The states of some subjects.
SELECT s.subject_id, s.suppressed, s.state
FROM rows(:subject_ids AS wanted, subject_id bigint) CROSS JOIN consent AS s
WHERE s.project_id = :project AND s.subject_id = wanted.subject_id;

-- name: find_facts
-- All facts of some subjects, in the order of recording.
SELECT f.subject_id, f.id, f.kind, f.channel, f.sender, f.purpose, f.at, f.recorded_at, f.source, f.keyword, f.group_id,
    f.override, f.retracts, f.message_digest, f.key_id, f.user_id, f.evidence, f.given_at, f.receipt, f.single, f.from_file
FROM rows(:subject_ids AS wanted, subject_id bigint) CROSS JOIN fact AS f
WHERE f.project_id = :project AND f.subject_id = wanted.subject_id
ORDER BY f.id;

-- name: find_facts_by_id
-- Some facts, with their subjects.
SELECT f.subject_id, f.id, f.kind, f.channel, f.sender, f.purpose, f.at, f.recorded_at, f.source, f.keyword, f.group_id,
    f.override, f.retracts, f.message_digest, f.key_id, f.user_id, f.evidence, f.given_at, f.receipt, f.single, f.from_file
FROM rows(:ids AS wanted, id bigint) CROSS JOIN fact AS f
WHERE f.project_id = :project AND f.id = wanted.id;

-- name: find_mobiles_that_left
-- Numbers with a left_group fact for a folded group name.
SELECT DISTINCT f.subject_id FROM fact AS f
WHERE f.project_id = :project AND f.kind = 'left_group' AND f.keyword = :keyword AND f.subject_id > 0
ORDER BY f.subject_id;

-- name: get_last_fact
-- The id of the fact that was recorded last.
SELECT f.id FROM fact AS f WHERE f.project_id = :project ORDER BY f.id DESC LIMIT 1;

-- name: get_next_fact
-- The first fact after an id, with its time of recording.
SELECT f.id, f.recorded_at FROM fact AS f
WHERE f.project_id = :project AND f.id > :after
ORDER BY f.id LIMIT 1;

-- name: list_facts
-- Facts after an id, in the order of recording. An erased number's facts have a negative subject.
SELECT f.id, f.subject_id, f.recorded_at, f.kind FROM fact AS f
WHERE f.project_id = :project AND f.id > :after
ORDER BY f.id LIMIT :limit;

-- name: list_newest_facts
-- Facts before an id, the newest first. An erased number's facts have a negative subject.
SELECT f.id, f.subject_id, f.recorded_at, f.kind FROM fact AS f
WHERE f.project_id = :project AND f.id < :before
ORDER BY f.id DESC LIMIT :limit;

-- name: list_facts_between
-- Facts from one id to another, with their subjects.
SELECT f.subject_id, f.id, f.kind, f.channel, f.sender, f.purpose, f.at, f.recorded_at, f.source, f.keyword, f.group_id,
    f.override, f.retracts, f.message_digest, f.key_id, f.user_id, f.evidence, f.given_at, f.receipt, f.single, f.from_file
FROM fact AS f
WHERE f.project_id = :project AND f.id >= :first AND f.id <= :last
ORDER BY f.id;

-- name: count_states
-- How many of the first numbers have each state, without erased ones.
SELECT k.state, COUNT(*) FROM (
    SELECT s.state FROM consent AS s
    WHERE s.project_id = :project AND s.subject_id > 0
    ORDER BY s.subject_id LIMIT :limit
) AS k
GROUP BY k.state;

-- name: count_contact_states
-- How many of the first numbers have each state, and how many of those are contacts, without erased ones.
SELECT k.state, COUNT(*), COUNT(c.id) FROM (
    SELECT s.subject_id, s.state FROM consent AS s
    WHERE s.project_id = :project AND s.subject_id > 0
    ORDER BY s.subject_id LIMIT :limit
) AS k
LEFT JOIN contact AS c ON c.project_id = :project AND c.mobile = k.subject_id
GROUP BY k.state;

-- name: save_consent
-- Inserts or replaces the states of some subjects.
INSERT INTO consent AS s (project_id, subject_id, suppressed, state)
SELECT CAST(:project AS bigint), changed.subject_id, changed.suppressed, changed.state
FROM rows(:items AS changed, subject_id bigint, suppressed bigint, state text)
WHERE true
ON CONFLICT (project_id, subject_id) DO UPDATE SET suppressed = excluded.suppressed, state = excluded.state;

-- name: delete_consent
-- Deletes the states of some subjects.
DELETE FROM consent
WHERE project_id = :project AND subject_id IN (SELECT gone.subject_id FROM rows(:subject_ids AS gone, subject_id bigint));

-- name: move_facts
-- Moves the facts of a number that is erased to its hash, without evidence, key and user.
UPDATE fact SET subject_id = :to, evidence = NULL, key_id = NULL, user_id = NULL
WHERE project_id = :project AND subject_id = :subject_id AND kind IN ('opt_out', 'opt_in', 'left_group', 'retraction');

-- name: delete_facts
-- Deletes all facts of a number.
DELETE FROM fact WHERE project_id = :project AND subject_id = :subject_id;

-- name: add_near_misses
-- Adds attempts to bring back numbers that opted out.
INSERT INTO near_miss AS n (project_id, key_id, user_id, source, import_id, attempts, first_at, last_at)
VALUES (CAST(:project AS bigint), :key, :user, :source, :import_id, :attempts, :now, :now)
ON CONFLICT (project_id, key_id, user_id, source, import_id) DO UPDATE SET attempts = n.attempts + excluded.attempts,
    last_at = excluded.last_at;

-- name: add_number_near_misses
-- Adds attempts to bring back some numbers that opted out, to each number.
INSERT INTO near_miss_number AS n (project_id, subject_id, key_id, user_id, source, import_id, attempts, first_at,
    last_at)
SELECT CAST(:project AS bigint), tried.subject_id, CAST(:key AS bigint), CAST(:user AS bigint), :source,
    CAST(:import_id AS bigint), tried.attempts, CAST(:now AS bigint), CAST(:now AS bigint)
FROM rows(:items AS tried, subject_id bigint, attempts bigint)
WHERE true
ON CONFLICT (project_id, subject_id, key_id, user_id, source) DO UPDATE SET
    attempts = n.attempts + excluded.attempts, import_id = excluded.import_id, last_at = excluded.last_at;

-- name: list_number_near_misses
-- Attempts to bring back a number, the last first.
SELECT key_id, user_id, source, import_id, attempts, first_at, last_at FROM near_miss_number
WHERE project_id = :project AND subject_id = :subject_id ORDER BY last_at DESC, key_id, user_id, source LIMIT :limit;

-- name: delete_number_near_misses
-- Deletes the attempts to bring back a number.
DELETE FROM near_miss_number WHERE project_id = :project AND subject_id = :subject_id;

-- name: list_near_misses
-- Attempts to bring back numbers that opted out, by key or user, source and import, the most first.
SELECT key_id, user_id, source, import_id, attempts, first_at, last_at FROM near_miss
WHERE project_id = :project ORDER BY attempts DESC, key_id, user_id, source, import_id LIMIT :limit;
