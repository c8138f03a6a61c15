// Asks the fake at the given address as programs of a shop's owner would, and prints what they got.
const { createAdminApiClient } = require("@shopify/admin-api-client");
const { shopifyApi, ApiVersion, LogSeverity } = require("@shopify/shopify-api");
require("@shopify/shopify-api/adapters/node");
const { setAbstractFetchFunc } = require("@shopify/shopify-api/runtime");

const SHOP = "ziwa.myshopify.com";
const PEOPLE = `query People($first: Int!, $after: String) {
  customers(first: $first, after: $after, sortKey: ID) { nodes { id firstName } pageInfo { hasNextPage endCursor } }
}`;
const REST = `query Rest {
  currentAppInstallation { accessScopes { handle } }
  segments(first: 5) { nodes { id name } }
  customers(first: 5, query: "tag:'vip'") { nodes { id } }
}`;
const MEMBERS = `query Members($id: ID!) { customerSegmentMembers(first: 9, segmentId: $id) { totalCount } }`;
const OUT = `mutation Out($input: CustomerSmsMarketingConsentUpdateInput!) {
  customerSmsMarketingConsentUpdate(input: $input) {
    customer { defaultPhoneNumber { smsMarketingConsent { state } } } userErrors { message }
  }
}`;

async function main(url) {
  const at = (target, init) => fetch(target.replace(`https://${SHOP}`, url), init);
  setAbstractFetchFunc(at);
  const admin = createAdminApiClient({
    storeDomain: SHOP, apiVersion: "2026-10", accessToken: "shpat_kikapu", customFetchApi: at,
  });
  const ask = async (text, variables) => (await admin.request(text, { variables })).data;
  const { customers } = await ask(PEOPLE, { first: 2 });
  const more = (await ask(PEOPLE, { first: 2, after: customers.pageInfo.endCursor })).customers;
  const rest = await ask(REST);
  const segments = [];
  for (const one of rest.segments.nodes) {
    segments.push([one.name, (await ask(MEMBERS, { id: one.id })).customerSegmentMembers.totalCount]);
  }
  const input = {
    customerId: customers.nodes[0].id,
    smsMarketingConsent: { marketingState: "UNSUBSCRIBED", consentUpdatedAt: "2026-11-20T09:00:00Z" },
  };
  const written = (await ask(OUT, { input })).customerSmsMarketingConsentUpdate;
  const refused = await admin.request("query Fax { shop { fax } }");

  const shopify = shopifyApi({
    apiKey: "kikapu-app", apiSecretKey: "shpss_kikapu", apiVersion: ApiVersion.July26, hostName: "book.example",
    isEmbeddedApp: false, logger: { level: LogSeverity.Error },
  });
  const { session } = await shopify.auth.clientCredentials({ shop: SHOP });
  const graphql = new shopify.clients.Graphql({ session });
  const orders = await graphql.request("query Orders { orders(first: 1) { nodes { id checkoutToken } } }");
  const sent = await (await at(`https://${SHOP}/deliveries`)).json();
  const validate = (one, rawBody) =>
    shopify.webhooks.validate({ rawBody, rawRequest: { method: "POST", url: "/hook", headers: one.headers } });
  const topics = [];
  for (const one of sent) {
    const found = await validate(one, one.body);
    if (found.valid && found.domain === SHOP && found.topic) topics.push(one.headers["x-shopify-topic"]);
  }
  const names = (page) => page.nodes.map((one) => one.firstName);
  return {
    page: names(customers),
    more: [more.pageInfo.hasNextPage, names(more)],
    vip: rest.customers.nodes.length,
    scopes: rest.currentAppInstallation.accessScopes.map((one) => one.handle),
    segments,
    written: [written.userErrors, written.customer.defaultPhoneNumber.smsMarketingConsent.state],
    refused: refused.errors.graphQLErrors[0].message,
    token: [session.accessToken, session.scope],
    order: orders.data.orders.nodes[0].checkoutToken.length > 3,
    topics: [...new Set(topics)],
    forged: (await validate(sent[0], `${sent[0].body} `)).valid,
  };
}

main(process.argv[2]).then((got) => console.log(JSON.stringify(got)));
