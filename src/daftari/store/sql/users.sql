-- name: insert_user
-- Inserts a user without a password.
INSERT INTO console_user (id, email, folded, name, language, is_operator, created_at)
VALUES (:id, :email, :folded, :name, :language, :operator, :now);

-- name: get_user
-- One user by the id; a removed one too.
SELECT u.id, u.email, u.name, u.language, u.is_operator, u.created_at, u.removed_at, u.password
FROM console_user AS u WHERE u.id = :user;

-- name: get_user_by_email
-- One user by the folded e-mail address.
SELECT u.id, u.email, u.name, u.language, u.is_operator, u.created_at, u.removed_at, u.password
FROM console_user AS u WHERE u.folded = :folded;

-- name: list_users
-- All users that are not removed, in order of their e-mail addresses.
SELECT u.id, u.email, u.name, u.language, u.is_operator, u.created_at, u.removed_at, u.password
FROM console_user AS u WHERE u.folded IS NOT NULL ORDER BY u.folded;

-- name: has_users
-- Whether there is a user that is not removed.
SELECT 1 FROM console_user AS u WHERE u.folded IS NOT NULL LIMIT 1;

-- name: list_user_names
-- The names of some users, removed ones included.
SELECT u.id, u.name, u.removed_at FROM rows(:ids AS wanted, id bigint) CROSS JOIN console_user AS u WHERE u.id = wanted.id;

-- name: update_user
-- Saves what may change of a user.
UPDATE console_user SET name = :name, language = :language, is_operator = :operator WHERE id = :user;

-- name: save_password
-- Saves a user's password as argon2 writes it.
UPDATE console_user SET password = :password WHERE id = :user;

-- name: remove_user
-- Removes a user; the id and the name are kept for the log.
UPDATE console_user SET email = '', folded = NULL, password = NULL, is_operator = 0, removed_at = :now WHERE id = :user;

-- name: insert_role
-- Inserts a user's role in a project.
INSERT INTO user_role (project_id, user_id, id, role, may_send, may_erase, given_at, given_by)
VALUES (:id_of_project, :user, :id, :role, :send, :erase, :now, CAST(:giver AS bigint));

-- name: get_role
-- A user's role in a project that is not deleted.
SELECT r.project_id, r.user_id, r.id, r.role, r.may_send, r.may_erase, r.given_at, r.given_by, r.last_used_at
FROM user_role AS r JOIN project AS p ON p.id = r.project_id
WHERE r.project_id = :id_of_project AND r.user_id = :user AND p.deleted_at IS NULL;

-- name: list_project_roles
-- The roles in a project, with the users who have them, in order of their e-mail addresses.
SELECT r.project_id, r.user_id, r.id, r.role, r.may_send, r.may_erase, r.given_at, r.given_by, r.last_used_at,
    u.id, u.email, u.name, u.language, u.is_operator, u.created_at, u.removed_at, u.password
FROM user_role AS r JOIN console_user AS u ON u.id = r.user_id
WHERE r.project_id = :id_of_project ORDER BY u.folded;

-- name: list_user_roles
-- The roles of a user, in projects that are not deleted, in order of the projects' creation.
SELECT r.project_id, r.user_id, r.id, r.role, r.may_send, r.may_erase, r.given_at, r.given_by, r.last_used_at
FROM user_role AS r JOIN project AS p ON p.id = r.project_id
WHERE r.user_id = :user AND p.deleted_at IS NULL ORDER BY r.project_id;

-- name: list_roles
-- All roles in projects that are not deleted.
SELECT r.project_id, r.user_id, r.id, r.role, r.may_send, r.may_erase, r.given_at, r.given_by, r.last_used_at
FROM user_role AS r JOIN project AS p ON p.id = r.project_id WHERE p.deleted_at IS NULL ORDER BY r.project_id, r.user_id;

-- name: has_other_owner
-- Whether another user than this one owns a project.
SELECT 1 FROM user_role AS r WHERE r.project_id = :id_of_project AND r.role = 'owner' AND r.user_id <> :user LIMIT 1;

-- name: update_role
-- Saves another role of a user in a project.
UPDATE user_role SET role = :role, may_send = :send, may_erase = :erase
WHERE project_id = :id_of_project AND user_id = :user;

-- name: touch_role
-- Saves when a user last used a project.
UPDATE user_role SET last_used_at = :now
WHERE project_id = :id_of_project AND user_id = :user AND COALESCE(last_used_at, 0) < :now;

-- name: delete_role
-- Deletes a user's role in a project.
DELETE FROM user_role WHERE project_id = :id_of_project AND user_id = :user;

-- name: delete_user_roles
-- Deletes all roles of a user.
DELETE FROM user_role WHERE user_id = :user;
