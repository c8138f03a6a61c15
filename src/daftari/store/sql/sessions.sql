-- name: insert_session
-- Inserts a session, of whose token only a hash is kept.
INSERT INTO user_session (id, user_id, hash, address, browser, created_at, expires_at, last_seen_at)
VALUES (:id, :user, :hash, :address, :browser, :now, :until, :now);

-- name: get_session
-- A session that has not expired, with its user, who is not removed.
SELECT s.id, s.user_id, s.address, s.browser, s.created_at, s.expires_at, s.last_seen_at,
    u.id, u.email, u.name, u.language, u.is_operator, u.created_at, u.removed_at, u.password
FROM user_session AS s JOIN console_user AS u ON u.id = s.user_id
WHERE s.hash = :hash AND s.expires_at > :now AND u.removed_at IS NULL;

-- name: list_sessions
-- The sessions of a user that have not expired, the newest first.
SELECT s.id, s.user_id, s.address, s.browser, s.created_at, s.expires_at, s.last_seen_at
FROM user_session AS s WHERE s.user_id = :user AND s.expires_at > :now ORDER BY s.id DESC;

-- name: touch_session
-- Saves when a session was last used.
UPDATE user_session SET last_seen_at = :now WHERE id = :id AND last_seen_at < :now;

-- name: delete_session
-- Ends a session.
DELETE FROM user_session WHERE hash = :hash;

-- name: delete_user_sessions
-- Ends the sessions of a user, but for one.
DELETE FROM user_session WHERE user_id = :user AND id <> :kept;

-- name: delete_expired_sessions
-- Deletes the sessions that have expired.
DELETE FROM user_session WHERE expires_at <= :now;

-- name: insert_link
-- Inserts a link, of whose token only a hash is kept.
INSERT INTO user_link (id, user_id, hash, by_owner, created_at, expires_at)
VALUES (:id, CAST(:user AS bigint), :hash, :by_owner, :now, :until);

-- name: get_link
-- A link that has not expired.
SELECT l.id, l.user_id, l.by_owner, l.created_at, l.expires_at FROM user_link AS l
WHERE l.hash = :hash AND l.expires_at > :now;

-- name: delete_user_links
-- Deletes the links of a user.
DELETE FROM user_link WHERE user_id = :user;

-- name: delete_owners_links
-- Deletes the links of a user that owners made.
DELETE FROM user_link WHERE user_id = :user AND by_owner = 1;

-- name: delete_first_links
-- Deletes the links that make the first user.
DELETE FROM user_link WHERE user_id IS NULL;

-- name: delete_expired_links
-- Deletes the links that have expired.
DELETE FROM user_link WHERE expires_at <= :now;

-- name: insert_attempt
-- Notes an attempt to sign in.
INSERT INTO sign_in_attempt AS a (account, address, at, attempts, succeeded) VALUES (:account, :address, :now, 1, 0)
ON CONFLICT (account, address, at) DO UPDATE SET attempts = a.attempts + 1;

-- name: note_success
-- Notes that an attempt succeeded.
UPDATE sign_in_attempt SET succeeded = succeeded + 1 WHERE account = :account AND address = :address AND at = :at;

-- name: count_attempts_at
-- How many attempts there were for an account from an address since a time, and when the first of them was.
SELECT CAST(COALESCE(SUM(a.attempts), 0) AS bigint), MIN(a.at) FROM sign_in_attempt AS a
WHERE a.account = :account AND a.address = :address AND a.at > :since;

-- name: count_attempts_from
-- How many attempts there were from an address since a time, and when the first of them was.
SELECT CAST(COALESCE(SUM(a.attempts), 0) AS bigint), MIN(a.at) FROM sign_in_attempt AS a
WHERE a.address = :address AND a.at > :since;

-- name: count_attempts_for
-- How many attempts there were for an account since a time, and when the first of them was.
SELECT CAST(COALESCE(SUM(a.attempts), 0) AS bigint), MIN(a.at) FROM sign_in_attempt AS a
WHERE a.account = :account AND a.at > :since;

-- name: has_signed_in
-- Whether someone signed in to an account from an address.
SELECT 1 FROM sign_in_attempt AS a
WHERE a.account = :account AND a.address = :address AND a.succeeded > 0 LIMIT 1;

-- name: delete_failed_attempts
-- Deletes attempts outside of a span of time that did not succeed.
DELETE FROM sign_in_attempt WHERE (at < :since OR at > :until) AND succeeded = 0;

-- name: delete_old_attempts
-- Deletes attempts before a time.
DELETE FROM sign_in_attempt WHERE at < :since;

-- name: forget_account
-- Deletes the attempts for an account.
DELETE FROM sign_in_attempt WHERE account = :account;
