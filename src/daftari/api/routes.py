"""The routes of the API, one line each. Knows nothing about what the handlers do."""

from __future__ import annotations

from daftari.api import (
    audiences,
    campaigns,
    consent,
    contacts,
    events,
    exports,
    feed,
    groups,
    imports,
    inbound,
    messages,
    meta,
    senders,
    triggers,
    webhooks,
)
from daftari.model.limits import BODY_BYTES_MAX, FILE_BYTES_MAX, INBOUND_BODY_BYTES_MAX
from daftari.web.routing import LARGE, BodyPolicy, Route, Router

NDJSON = "application/x-ndjson"
CSV = "text/csv; charset=utf-8"
TEXT = "text/plain; charset=utf-8"

VERSION = "/v1"
DOCS = "/docs"
"""A route that is also at this path, without the version."""
PREFIX = "/api"

FILE = BodyPolicy(FILE_BYTES_MAX + BODY_BYTES_MAX, "file")
"""A file, and the rest of the form around it."""
LINES = BodyPolicy(FILE_BYTES_MAX, "lines")
INBOUND = BodyPolicy(INBOUND_BODY_BYTES_MAX)

ROUTES = (
    Route("GET", "/contacts", contacts.list_contacts, "read", inline=True),
    Route("POST", "/contacts", contacts.create_contacts, "write", body=LARGE),
    Route("POST", "/contacts/stream", imports.stream_contacts, "write", body=LINES, media_type=NDJSON),
    Route("GET", "/contacts/{reference}", contacts.get_contact, "read", inline=True),
    Route("PUT", "/contacts/{reference}", contacts.update_contact, "write", body=LARGE),
    Route("PATCH", "/contacts/{reference}", contacts.update_contact, "write", body=LARGE),
    Route("DELETE", "/contacts/{reference}", contacts.delete_contact, "write"),
    Route("GET", "/groups", groups.list_groups, "read", inline=True),
    Route("POST", "/groups", groups.create_group, "write", body=LARGE),
    Route("GET", "/groups/{name}", groups.get_group, "read", inline=True),
    Route("PUT", "/groups/{name}", groups.update_group, "write", body=LARGE),
    Route("PATCH", "/groups/{name}", groups.update_group, "write", body=LARGE),
    Route("DELETE", "/groups/{name}", groups.delete_group, "write"),
    Route("POST", "/groups/{name}/contacts", groups.join_group, "write", body=LARGE),
    Route("DELETE", "/groups/{name}/contacts", groups.leave_group, "write", body=LARGE),
    Route("GET", "/contacts/{reference}/consent", consent.show_consent, "read"),
    Route("GET", "/contacts/{reference}/export", consent.export_number, "read"),
    Route("GET", "/opt-outs", consent.list_opt_outs, "read"),
    Route("POST", "/opt-outs", consent.create_opt_outs, "write", body=LARGE),
    Route("GET", "/opt-outs/near-misses", consent.list_near_misses, "read"),
    Route("POST", "/opt-ins", consent.create_opt_ins, "write", body=LARGE),
    Route("POST", "/can-message", consent.may_message, "read", body=LARGE),
    Route("POST", "/erasures", consent.erase_number, "manage", body=LARGE),
    Route("GET", "/audience", audiences.stream_audience, "read", media_type=NDJSON),
    Route("POST", "/audiences", audiences.freeze_audience, "write", body=LARGE),
    Route("GET", "/audiences/{number}", audiences.get_audience, "read"),
    Route("GET", "/audiences/{number}/recheck", audiences.recheck_audience, "read"),
    Route("GET", "/audiences/{number}/compare/{other}", audiences.compare_audiences, "read"),
    Route("GET", "/campaigns", campaigns.list_campaigns, "read"),
    Route("POST", "/campaigns", campaigns.create_campaign, "write", body=LARGE),
    Route("GET", "/campaigns/{number}", campaigns.get_campaign, "read", inline=True),
    Route("PUT", "/campaigns/{number}", campaigns.update_campaign, "write", body=LARGE),
    Route("PATCH", "/campaigns/{number}", campaigns.update_campaign, "write", body=LARGE),
    Route("DELETE", "/campaigns/{number}", campaigns.delete_campaign, "write"),
    Route("POST", "/campaigns/{number}/preview", campaigns.preview_campaign, "read", body=LARGE),
    Route("POST", "/campaigns/{number}/test", campaigns.test_campaign, "write", body=LARGE),
    Route("POST", "/campaigns/{number}/start", campaigns.start_campaign, "manage", body=LARGE),
    Route("POST", "/campaigns/{number}/pause", campaigns.pause_campaign, "write", body=LARGE),
    Route("POST", "/campaigns/{number}/resume", campaigns.resume_campaign, "manage", body=LARGE),
    Route("POST", "/campaigns/{number}/cancel", campaigns.cancel_campaign, "write", body=LARGE),
    Route("POST", "/campaigns/{number}/retry", campaigns.retry_campaign, "manage", body=LARGE),
    Route("GET", "/campaigns/{number}/messages", campaigns.list_messages, "read"),
    Route("GET", "/changes", feed.list_changes, "read"),
    Route("GET", "/exports", exports.list_exports, "read", inline=True),
    Route("POST", "/exports", exports.create_export, "write", body=LARGE),
    Route("GET", "/exports/{number}", exports.get_export, "read", inline=True),
    Route("DELETE", "/exports/{number}", exports.delete_export, "write"),
    Route("GET", "/exports/{number}/file", exports.fetch_export, "read", media_type=CSV),
    Route("GET", "/imports", imports.list_imports, "read"),
    Route("POST", "/imports", imports.create_import, "write", body=FILE),
    Route("GET", "/imports/{number}", imports.get_import, "read"),
    Route("GET", "/imports/{number}/rows", imports.list_rows, "read"),
    Route("GET", "/imports/{number}/rejects", imports.fetch_rejects, "read", media_type=imports.CSV),
    Route("POST", "/imports/{number}/apply", imports.apply_import, "write", body=LARGE),
    Route("POST", "/imports/{number}/pause", imports.pause_import, "write", body=LARGE),
    Route("POST", "/imports/{number}/resume", imports.resume_import, "write", body=LARGE),
    Route("POST", "/imports/{number}/cancel", imports.cancel_import, "write", body=LARGE),
    Route("POST", "/imports/{number}/undo", imports.undo_import, "write", body=LARGE),
    Route("GET", "/senders", senders.list_senders, "read"),
    Route("POST", "/senders", senders.create_sender, "manage", body=LARGE),
    Route("GET", "/senders/{number}", senders.get_sender, "read"),
    Route("PUT", "/senders/{number}", senders.update_sender, "manage", body=LARGE),
    Route("PATCH", "/senders/{number}", senders.update_sender, "manage", body=LARGE),
    Route("DELETE", "/senders/{number}", senders.delete_sender, "manage"),
    Route("POST", "/senders/{number}/check", senders.check_sender, "manage", body=LARGE),
    Route("POST", "/senders/{number}/pause", senders.pause_sender, "manage", body=LARGE),
    Route("POST", "/senders/{number}/resume", senders.resume_sender, "manage", body=LARGE),
    Route("POST", "/senders/{number}/rotate", senders.rotate_address, "manage", body=LARGE),
    Route("GET", "/inbound/review", inbound.list_reviews, "read", body=INBOUND),
    Route("POST", "/inbound/review/{number}", inbound.settle_review, "write", body=INBOUND),
    Route("GET", "/inbound/{provider}/{token}", inbound.check_address, "token", body=INBOUND, media_type=TEXT),
    Route("POST", "/inbound/{provider}/{token}", inbound.receive_request, "token", body=INBOUND),
    Route("GET", "/messages", messages.list_messages, "read"),
    Route("POST", "/messages", messages.create_messages, "write", body=LARGE),
    Route("GET", "/messages/{number}", messages.get_message, "read"),
    Route("GET", "/contacts/{reference}/messages", messages.list_contact_messages, "read"),
    Route("GET", "/webhooks", webhooks.list_webhooks, "read"),
    Route("POST", "/webhooks", webhooks.create_webhook, "manage", body=LARGE, completes=True),
    Route("GET", "/webhooks/{number}", webhooks.get_webhook, "read"),
    Route("PUT", "/webhooks/{number}", webhooks.update_webhook, "manage", body=LARGE),
    Route("PATCH", "/webhooks/{number}", webhooks.update_webhook, "manage", body=LARGE),
    Route("DELETE", "/webhooks/{number}", webhooks.delete_webhook, "manage"),
    Route("GET", "/webhooks/{number}/deliveries", webhooks.list_deliveries, "read"),
    Route("POST", "/webhooks/{number}/pause", webhooks.pause_webhook, "manage", body=LARGE),
    Route("POST", "/webhooks/{number}/replay", webhooks.replay_webhook, "manage", body=LARGE),
    Route("POST", "/webhooks/{number}/resume", webhooks.resume_webhook, "manage", body=LARGE),
    Route("POST", "/webhooks/{number}/rotate", webhooks.rotate_secret, "manage", body=LARGE, completes=True),
    Route("POST", "/webhooks/{number}/test", webhooks.test_webhook, "manage", body=LARGE),
    Route("GET", "/triggers", triggers.list_triggers, "read"),
    Route("POST", "/triggers", triggers.create_trigger, "manage", body=LARGE),
    Route("GET", "/triggers/{number}", triggers.get_trigger, "read"),
    Route("PUT", "/triggers/{number}", triggers.update_trigger, "manage", body=LARGE),
    Route("PATCH", "/triggers/{number}", triggers.update_trigger, "manage", body=LARGE),
    Route("DELETE", "/triggers/{number}", triggers.delete_trigger, "manage"),
    Route("POST", "/triggers/{number}/pause", triggers.pause_trigger, "manage", body=LARGE),
    Route("POST", "/triggers/{number}/resume", triggers.resume_trigger, "manage", body=LARGE),
    Route("POST", "/events", events.record_events, "write", body=LARGE),
    Route("GET", "/health", meta.show_health, "open", inline=True),
    Route("GET", "/openapi.json", meta.show_openapi, "open", inline=True),
    Route("GET", "/docs", meta.show_docs, "open", inline=True, media_type=meta.HTML),
)


def build_router(*, base: str = "") -> Router:
    """The routes at their paths, and below ``base``. The name of a group may hold slashes."""
    table = [(VERSION + route.path, route) for route in ROUTES]
    table += [(route.path, route) for route in ROUTES if route.path == DOCS]
    return Router(table, prefix=PREFIX, base=base, spanning={f"{VERSION}/groups/": ("/contacts",)})
