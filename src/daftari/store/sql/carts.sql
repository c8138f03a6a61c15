-- name: find_carts
-- Some carts of a connection by their keys.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM rows(:keys AS wanted, key text) CROSS JOIN cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection AND c.key = wanted.key;

-- name: find_carts_by_id
-- Some carts of a connection by the shop's other name for them.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM rows(:cart_ids AS wanted, cart_id text) CROSS JOIN cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection AND c.cart_id = wanted.cart_id AND c.cart_id <> '';

-- name: find_carts_by_token
-- The carts of a connection that have some tokens which are not their keys. A shop may make several of one.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM rows(:cart_tokens AS wanted, cart_token text) CROSS JOIN cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection AND c.cart_token = wanted.cart_token
    AND c.cart_token <> '';

-- name: find_carts_of_customers
-- The carts of some of a shop's customers.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM rows(:customer_ids AS wanted, customer_id text) CROSS JOIN cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection AND c.customer_id = wanted.customer_id
    AND c.customer_id <> '';

-- name: find_carts_of_emails
-- The carts that have some e-mail addresses.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM rows(:emails AS wanted, email text) CROSS JOIN cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection AND c.email = wanted.email AND c.email <> '';

-- name: find_carts_of_numbers
-- The carts of all connections that have some numbers.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM rows(:subject_ids AS wanted, subject_id bigint) CROSS JOIN cart AS c
WHERE c.project_id = :project AND c.subject_id = wanted.subject_id AND c.subject_id <> 0;

-- name: list_idle_carts
-- Carts of a connection that count as abandoned by now, the longest first.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection AND c.idle_at > 0 AND c.idle_at <= :now
ORDER BY c.idle_at, c.key LIMIT :limit;

-- name: list_due_questions
-- Carts of a connection of which its shop is to be asked now, those first that have waited longest.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection AND c.ask_at > 0 AND c.ask_at <= :now
ORDER BY c.ask_at, c.key LIMIT :limit;

-- name: find_next_question
-- When a connection's shop is to be asked about a cart next.
SELECT c.ask_at FROM cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection AND c.ask_at > 0 ORDER BY c.ask_at LIMIT 1;

-- name: save_carts
-- Inserts carts, or saves them.
INSERT INTO cart AS c (project_id, connection_id, key, cart_id, cart_token, state, subject_id, accepted, customer_id,
    email, fields, began_at, at, received_at, idle_at, group_id, counted, answer, asked_at, ask_at, tries,
    waits_from, message_id, sent_at, expires_at)
SELECT CAST(:project AS bigint), given.connection_id, given.key, given.cart_id, given.cart_token, given.state,
    given.subject_id, given.accepted, given.customer_id, given.email, given.fields, given.began_at, given.at,
    given.received_at, given.idle_at, given.group_id, given.counted, given.answer, given.asked_at, given.ask_at,
    given.tries, given.waits_from, given.message_id, given.sent_at, given.expires_at
FROM rows(:items AS given, connection_id bigint, key text, cart_id text, cart_token text, state text,
    subject_id bigint, accepted bigint, customer_id text, email text, fields text, began_at bigint, at bigint,
    received_at bigint, idle_at bigint, group_id bigint, counted bigint, answer text, asked_at bigint, ask_at bigint,
    tries bigint, waits_from bigint, message_id bigint, sent_at bigint, expires_at bigint)
WHERE true
ON CONFLICT (project_id, connection_id, key) DO UPDATE SET cart_id = excluded.cart_id,
    cart_token = excluded.cart_token, state = excluded.state, subject_id = excluded.subject_id,
    accepted = excluded.accepted, customer_id = excluded.customer_id, email = excluded.email,
    fields = excluded.fields, began_at = excluded.began_at, at = excluded.at, received_at = excluded.received_at,
    idle_at = excluded.idle_at, group_id = excluded.group_id, counted = excluded.counted,
    answer = excluded.answer, asked_at = excluded.asked_at, ask_at = excluded.ask_at, tries = excluded.tries,
    waits_from = excluded.waits_from, message_id = excluded.message_id, sent_at = excluded.sent_at, expires_at = excluded.expires_at;

-- name: list_carts
-- Carts of a connection before a place, those first that were heard of last.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection
    AND (c.received_at, c.key) < (CAST(:before AS bigint), CAST(:before_key AS text))
ORDER BY c.received_at DESC, c.key DESC LIMIT :limit;

-- name: find_last_cart
-- When a delivery about a cart of a connection came last.
SELECT c.received_at FROM cart AS c
WHERE c.project_id = :project AND c.connection_id = :connection ORDER BY c.received_at DESC LIMIT 1;

-- name: find_last_order
-- When a delivery about an order of a connection came last.
SELECT o.received_at FROM cart_order AS o
WHERE o.project_id = :project AND o.connection_id = :connection ORDER BY o.received_at DESC LIMIT 1;

-- name: find_orders
-- The orders of a connection that have some names.
SELECT o.connection_id, o.name, o.order_id, o.at, o.received_at, o.subject_id, o.expires_at
FROM rows(:names AS wanted, name text) CROSS JOIN cart_order AS o
WHERE o.project_id = :project AND o.connection_id = :connection AND o.name = wanted.name;

-- name: save_orders
-- Inserts names of orders; one that is there stays, and is kept for longer.
INSERT INTO cart_order AS o (project_id, connection_id, name, order_id, at, received_at, subject_id, expires_at)
SELECT CAST(:project AS bigint), given.connection_id, given.name, given.order_id, given.at, given.received_at,
    given.subject_id, given.expires_at
FROM rows(:items AS given, connection_id bigint, name text, order_id text, at bigint, received_at bigint,
    subject_id bigint, expires_at bigint)
WHERE true
ON CONFLICT (project_id, connection_id, name, order_id) DO UPDATE SET received_at = excluded.received_at,
    expires_at = excluded.expires_at;

-- name: find_orders_of
-- The names of the orders of some numbers. Their keys come first, from the index alone, so that SQLite takes it.
SELECT o.connection_id, o.name, o.order_id, o.at, o.received_at, o.subject_id, o.expires_at
FROM rows(:subject_ids AS wanted, subject_id bigint) CROSS JOIN cart_order AS k CROSS JOIN cart_order AS o
WHERE k.project_id = :project AND k.subject_id = wanted.subject_id
    AND o.project_id = :project AND o.connection_id = k.connection_id AND o.name = k.name AND o.order_id = k.order_id;

-- name: delete_orders
-- Deletes some names of orders.
DELETE FROM cart_order WHERE project_id = :project AND (connection_id, name, order_id) IN (
    SELECT gone.connection_id, gone.name, gone.order_id
    FROM rows(:items AS gone, connection_id bigint, name text, order_id text)
);

-- name: has_expired_cart
-- Whether a cart is to be looked at.
SELECT 1 FROM cart AS c WHERE c.project_id = :project AND c.expires_at <= :now LIMIT 1;

-- name: list_expired_carts
-- Carts that are to be looked at, the longest first.
SELECT c.connection_id, c.key, c.cart_id, c.cart_token, c.state, c.subject_id, c.accepted, c.customer_id, c.email,
    c.fields, c.began_at, c.at, c.received_at, c.idle_at, c.group_id, c.counted, c.answer, c.asked_at, c.ask_at,
    c.tries, c.waits_from, c.message_id, c.sent_at, c.expires_at
FROM cart AS c WHERE c.project_id = :project AND c.expires_at <= :now ORDER BY c.expires_at LIMIT :limit;

-- name: delete_carts
-- Deletes some carts.
DELETE FROM cart WHERE project_id = :project AND (connection_id, key) IN (
    SELECT gone.connection_id, gone.key FROM rows(:items AS gone, connection_id bigint, key text)
);

-- name: has_expired_order
-- Whether an order is to be looked at.
SELECT 1 FROM cart_order AS o WHERE o.project_id = :project AND o.expires_at <= :now LIMIT 1;

-- name: list_expired_orders
-- Orders that are to be looked at, the longest first.
SELECT o.connection_id, o.name, o.order_id, o.at, o.received_at, o.subject_id, o.expires_at
FROM cart_order AS o WHERE o.project_id = :project AND o.expires_at <= :now ORDER BY o.expires_at LIMIT :limit;

-- name: delete_some_carts
-- Deletes some carts of a connection.
DELETE FROM cart WHERE project_id = :project AND connection_id = :connection AND key IN (
    SELECT x.key FROM cart AS x WHERE x.project_id = :project AND x.connection_id = :connection ORDER BY x.key LIMIT :limit
);

-- name: delete_some_orders
-- Deletes some orders of a connection.
DELETE FROM cart_order WHERE project_id = :project AND connection_id = :connection AND (name, order_id) IN (
    SELECT x.name, x.order_id FROM cart_order AS x
    WHERE x.project_id = :project AND x.connection_id = :connection ORDER BY x.name, x.order_id LIMIT :limit
);

-- name: delete_some_figures
-- Deletes some figures of a connection.
DELETE FROM cart_figure WHERE project_id = :project AND connection_id = :connection AND day IN (
    SELECT x.day FROM cart_figure AS x
    WHERE x.project_id = :project AND x.connection_id = :connection ORDER BY x.day LIMIT :limit
);

-- name: add_cart_figures
-- Adds to the figures of a connection's day.
INSERT INTO cart_figure AS f (project_id, connection_id, day, abandoned, bought_in_time, asked, came_back, no_number,
    not_accepted)
VALUES (CAST(:project AS bigint), :connection, :day, :abandoned, :bought_in_time, :asked, :came_back, :no_number,
    :not_accepted)
ON CONFLICT (project_id, connection_id, day) DO UPDATE SET abandoned = f.abandoned + excluded.abandoned,
    bought_in_time = f.bought_in_time + excluded.bought_in_time, asked = f.asked + excluded.asked,
    came_back = f.came_back + excluded.came_back, no_number = f.no_number + excluded.no_number,
    not_accepted = f.not_accepted + excluded.not_accepted;

-- name: list_cart_figures
-- The figures of a connection since a day, in order.
SELECT f.day, f.abandoned, f.bought_in_time, f.asked, f.came_back, f.no_number, f.not_accepted
FROM cart_figure AS f WHERE f.project_id = :project AND f.connection_id = :connection AND f.day >= :since ORDER BY f.day;
