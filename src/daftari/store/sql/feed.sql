-- name: list_changes
-- Changes of some types after a number and up to another one, in order, with what the journal knows of their writes.
SELECT ch.seq, COALESCE(ch.at, j.at), ch.type, j.key_id, j.user_id, COALESCE(ch.request_id, j.request_id), COALESCE(j.action, ''), ch.group_id,
    ch.former_name, ch.contacts, ch.first_fact, ch.last_fact, ch.detail
FROM change AS ch LEFT JOIN journal AS j ON j.project_id = :project AND j.seq = ch.journal_seq
WHERE ch.project_id = :project AND ch.seq > :after AND ch.seq <= :last
    AND ch.type IN (SELECT wanted.type FROM rows(:types AS wanted, type text))
ORDER BY ch.seq LIMIT :limit;

-- name: get_last_change
-- The number that the next change gets.
SELECT b.next_change FROM book AS b WHERE b.project_id = :project;

-- name: get_oldest_change
-- The number of the oldest change that is kept.
SELECT ch.seq FROM change AS ch WHERE ch.project_id = :project ORDER BY ch.seq LIMIT 1;

-- name: list_fact_mobiles
-- The numbers of facts from one id to another; those of erased numbers are not known.
SELECT f.id, f.subject_id FROM fact AS f
WHERE f.project_id = :project AND f.id >= :first AND f.id <= :last AND f.subject_id > 0
ORDER BY f.id;

-- name: list_former_names
-- What some groups were called until a rename or a delete, in order.
SELECT ch.group_id, ch.seq, ch.former_name FROM rows(:ids AS wanted, id bigint) CROSS JOIN change AS ch
WHERE ch.project_id = :project AND ch.group_id = wanted.id AND ch.former_name IS NOT NULL
ORDER BY ch.group_id, ch.seq;

-- name: list_key_starts
-- The first characters of some keys of the project.
SELECT k.id, k.start FROM rows(:ids AS wanted, id bigint) CROSS JOIN key AS k
WHERE k.project_id = :project AND k.id = wanted.id;

-- name: list_naming_changes
-- The changes of consent that are about facts of a number.
SELECT ch.seq FROM (
    SELECT f.id, (
        SELECT MAX(c.first_fact) FROM change AS c WHERE c.project_id = :project AND c.first_fact <= f.id
    ) AS first_fact
    FROM fact AS f WHERE f.project_id = :project AND f.subject_id = :mobile
) AS known CROSS JOIN change AS ch
WHERE ch.project_id = :project AND ch.first_fact = known.first_fact AND ch.last_fact >= known.id
ORDER BY ch.seq;

-- name: list_change_contacts
-- Changes from one number to another, in order, with the contacts that they name.
SELECT ch.seq, ch.type, ch.contacts FROM change AS ch
WHERE ch.project_id = :project AND ch.seq >= :first AND ch.seq <= :last
ORDER BY ch.seq LIMIT :limit;

-- name: update_change
-- Replaces the contacts that a change names.
UPDATE change SET contacts = :contacts WHERE project_id = :project AND seq = :seq;

-- name: list_change_times
-- The first changes that are kept, up to a limit, with their times.
SELECT ch.seq, COALESCE(ch.at, j.at)
FROM change AS ch LEFT JOIN journal AS j ON j.project_id = :project AND j.seq = ch.journal_seq
WHERE ch.project_id = :project
ORDER BY ch.seq LIMIT :limit;

-- name: delete_changes
-- Deletes the changes up to a number.
DELETE FROM change WHERE project_id = :project AND seq <= :last;
