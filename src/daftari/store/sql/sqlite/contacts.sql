-- name: list_contact_cards
-- Contacts in order of id, up to a consent status: their number, their cards joined with commas, and the book's state.
SELECT COUNT(*), CAST(group_concat(card, ',') AS BLOB), (
    SELECT b.next_id || '.' || b.next_group_id || '.' || b.next_seq || '.' || b.next_fact || '.' || b.next_item
        || '.' || COALESCE(j.at || '.' || j.request_id, '')
    FROM book AS b LEFT JOIN journal AS j ON j.project_id = :project AND j.seq = b.next_seq - 1
    WHERE b.project_id = :project
) FROM (
    SELECT c.card FROM contact AS c
    WHERE c.project_id = :project AND c.id >= :first AND c.consent_status <= :consent_status
    ORDER BY c.id LIMIT :limit OFFSET :skip
);

-- name: list_member_cards
-- Members of a group in order of id: their number, their cards joined with commas, and the book's state.
SELECT COUNT(*), CAST(group_concat(card, ',') AS BLOB), (
    SELECT b.next_id || '.' || b.next_group_id || '.' || b.next_seq || '.' || b.next_fact || '.' || b.next_item
        || '.' || COALESCE(j.at || '.' || j.request_id, '')
    FROM book AS b LEFT JOIN journal AS j ON j.project_id = :project AND j.seq = b.next_seq - 1
    WHERE b.project_id = :project
) FROM (
    SELECT c.card FROM (
        SELECT m.contact_id FROM membership AS m
        WHERE m.project_id = :project AND m.group_id = :group AND m.contact_id >= :first
        ORDER BY m.contact_id LIMIT :limit OFFSET :skip
    ) AS member CROSS JOIN contact AS c
    WHERE c.project_id = :project AND c.id = member.contact_id
    ORDER BY member.contact_id
);
