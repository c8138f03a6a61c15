// Asks the fake at the given address as a program of Pipedrive's customer would, and prints what it got.
const { v1, v2 } = require("pipedrive");

async function main(url) {
  const first = new v1.Configuration({ apiKey: "a1b2c3d4e5f6kikapu", basePath: `${url}/v1` });
  const second = new v2.Configuration({ apiKey: "a1b2c3d4e5f6kikapu", basePath: `${url}/api/v2` });
  const persons = new v2.PersonsApi(second);
  const asked = {
    limit: 2, sort_by: "update_time", sort_direction: "asc",
    updated_since: "2026-01-01T00:00:00Z", updated_until: "2030-01-01T00:00:00Z", include_option_labels: true,
  };
  const page = await persons.getPersons(asked);
  const next = await persons.getPersons({ ...asked, cursor: page.additional_data.next_cursor });
  const some = await persons.getPersons({ ids: "7,9999" });
  const fields = await new v1.PersonFieldsApi(first).getPersonFields({});
  const segment = fields.data.find((one) => one.name === "Segment");
  const changed = await persons.updatePerson({
    id: 7, UpdatePersonRequest: { custom_fields: { [segment.key]: segment.options[1].id } },
  });
  const recents = await new v1.RecentsApi(first).getRecents({
    since_timestamp: "2026-01-01 00:00:00", items: "person", limit: 2,
  });
  const filters = await new v1.FiltersApi(first).getFilters({ type: "people" });
  const webhooks = new v1.WebhooksApi(first);
  await webhooks.addWebhook({
    AddWebhookRequest: {
      subscription_url: "https://book.example/hook", event_action: "*", event_object: "person", name: "Daftari",
      version: "2.0", http_auth_user: "daftari", http_auth_password: "kikapu",
    },
  });
  const made = await webhooks.getWebhooks();
  const me = await new v1.UsersApi(first).getCurrentUser();
  return {
    page: page.data.map((one) => [one.id, one.name, one.phones[0].value]),
    next: next.data.map((one) => one.id),
    some: some.data.map((one) => one.id),
    segment: changed.data.custom_fields[segment.key] === segment.options[1].id,
    recents: [recents.data.length, recents.additional_data.pagination.more_items_in_collection],
    filters: filters.data.map((one) => [one.id, one.name]),
    webhooks: made.data.map((one) => one.subscription_url),
    company: me.data.company_id,
  };
}

main(process.argv[2]).then((got) => console.log(JSON.stringify(got)));
