"""What is asked of Shopify: every operation that the connector sends. Tests check each against the official schema."""

from __future__ import annotations

from msgspec import Struct

TITLE = "Shopify"
VERSION = "2026-10"
"""Of the API. Shopify answers with a later one, without a word, when it no longer serves this one."""


class Operation(Struct, frozen=True):
    """A query or mutation by its name. ``repeats``: whether a call that may have been obeyed may be sent again."""

    name: str
    text: str
    repeats: bool = True


_CONSENTS = "smsMarketingConsent { state updatedAt } whatsAppMarketingConsent { state updatedAt }"
_CUSTOMER = f"""
fragment Person on Customer {{
  id updatedAt firstName lastName tags
  defaultPhoneNumber {{ phoneNumber {_CONSENTS} }}
  defaultEmailAddress {{ emailAddress }}
  defaultAddress {{ phone city company countryCodeV2 }}
}}
"""

SHOP = Operation(
    "Shop",
    """
query Shop {
  shop { name myshopifyDomain ianaTimezone }
  currentAppInstallation { accessScopes { handle } }
}
""",
)
COUNT = Operation("Count", "query Count { customersCount(limit: null) { count } }")
CUSTOMERS = Operation(
    "Customers",
    f"""
query Customers($first: Int!, $query: String) {{
  customers(first: $first, query: $query, sortKey: ID) {{ nodes {{ ...Person }} pageInfo {{ hasNextPage }} }}
}}
{_CUSTOMER}""",
)
NEWEST = Operation(
    "Newest",
    f"""
query Newest($first: Int!) {{
  customers(first: $first, sortKey: UPDATED_AT, reverse: true) {{ nodes {{ ...Person }} pageInfo {{ hasNextPage }} }}
}}
{_CUSTOMER}""",
)
CUSTOMER_IDS = Operation(
    "CustomerIds",
    """
query CustomerIds($first: Int!, $query: String) {
  customers(first: $first, query: $query, sortKey: ID) { nodes { id } pageInfo { hasNextPage } }
}
""",
)
CUSTOMERS_BY_ID = Operation(
    "CustomersById",
    f"""
query CustomersById($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ...Person }}
}}
{_CUSTOMER}""",
)
GROUPS = Operation(
    "Groups",
    """
query Groups($after: String) {
  segments(first: 250, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } }
  shop { customerTags(first: 250) { nodes } }
}
""",
)
MEMBERS = Operation(
    "Members",
    """
query Members($first: Int!, $segment: ID!, $after: String) {
  customerSegmentMembers(first: $first, after: $after, segmentId: $segment) {
    edges { node { id } } pageInfo { hasNextPage endCursor } totalCount
  }
}
""",
)
SMS_CONSENT = Operation(
    "SmsConsent",
    """
mutation SmsConsent($input: CustomerSmsMarketingConsentUpdateInput!) {
  written: customerSmsMarketingConsentUpdate(input: $input) { userErrors { field message code } }
}
""",
)
WHATSAPP_CONSENT = Operation(
    "WhatsAppConsent",
    """
mutation WhatsAppConsent($input: CustomerWhatsAppMarketingConsentUpdateInput!) {
  written: customerWhatsAppMarketingConsentUpdate(input: $input) { userErrors { field message code } }
}
""",
)
CONSENTS = Operation(
    "Consents",
    f"""
query Consents($ids: [ID!]!) {{
  nodes(ids: $ids) {{ ... on Customer {{ id defaultPhoneNumber {{ {_CONSENTS} }} }} }}
}}
""",
)
SALES = Operation(
    "Sales",
    """
query Sales(
  $cart: String!, $withCart: Boolean!, $checkout: String!, $withCheckout: Boolean!
  $person: String!, $withPerson: Boolean!
) {
  cart: orders(first: 5, query: $cart, sortKey: ID) @include(if: $withCart) { nodes { ...Sale } }
  person: orders(first: 50, query: $person, sortKey: ID) @include(if: $withPerson) { nodes { ...Sale } }
  checkouts: abandonedCheckouts(first: 1, query: $checkout) @include(if: $withCheckout) { nodes { id completedAt } }
}
fragment Sale on Order {
  id createdAt checkoutToken cartToken
  ... @include(if: $withPerson) { phone email customer { id } shippingAddress { phone } }
}
""",
)
WEBHOOKS = Operation("Webhooks", "query Webhooks { webhookSubscriptions(first: 250) { nodes { id topic uri } } }")
CREATE_WEBHOOK = Operation(
    "CreateWebhook",
    """
mutation CreateWebhook($topic: WebhookSubscriptionTopic!, $uri: String!) {
  made: webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri, format: JSON}) {
    userErrors { field message }
  }
}
""",
    repeats=False,
)
DELETE_WEBHOOK = Operation(
    "DeleteWebhook",
    """
mutation DeleteWebhook($id: ID!) {
  deleted: webhookSubscriptionDelete(id: $id) { userErrors { field message } }
}
""",
)

OPERATIONS = (
    *(SHOP, COUNT, CUSTOMERS, NEWEST, CUSTOMER_IDS, CUSTOMERS_BY_ID, GROUPS, MEMBERS),
    *(SMS_CONSENT, WHATSAPP_CONSENT, CONSENTS, SALES, WEBHOOKS, CREATE_WEBHOOK, DELETE_WEBHOOK),
)
