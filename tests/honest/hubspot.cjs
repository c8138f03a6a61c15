// Asks the fake at the given address as a program of HubSpot's customer would, and prints what it got.
const { Client } = require("@hubspot/api-client");

async function main(url) {
  const { contacts, lists } = new Client({ accessToken: "pat-eu1-kikapu", basePath: url }).crm;
  const page = await contacts.basicApi.getPage(5, undefined, ["firstname", "mobilephone"]);
  const found = await contacts.searchApi.doSearch({
    filterGroups: [{ filters: [{ propertyName: "hs_object_id", operator: "GT", value: page.results[4].id }] }],
    sorts: [{ propertyName: "hs_object_id", direction: "ASCENDING" }],
    properties: ["firstname"],
    limit: 3,
  });
  const read = await contacts.batchApi.read({
    inputs: [{ id: page.results[0].id }, { id: "99999" }],
    properties: ["firstname"],
    propertiesWithHistory: [],
  });
  const searched = await lists.listsApi.doSearch({
    query: "", offset: 0, count: 10, processingTypes: [], additionalProperties: [], listIds: [],
  });
  const members = await lists.membershipsApi.getPage("12", undefined, undefined, 2);
  return {
    page: page.results.map((one) => [one.id, one.properties.firstname]),
    after: page.paging.next.after,
    total: found.total,
    found: found.results.map((one) => one.id),
    read: read.results.map((one) => one.id),
    missing: read.errors[0].context.ids,
    lists: searched.lists.map((one) => [one.listId, one.name, one.additionalProperties.hs_list_size]),
    members: members.results.map((one) => one.recordId),
  };
}

main(process.argv[2]).then((got) => console.log(JSON.stringify(got)));
