// Asks the fake at the given address as a program of a shop's owner would, and prints what it got.
const { createHmac } = require("node:crypto");
const axios = require("axios");
const WooCommerceRestApi = require("@woocommerce/woocommerce-rest-api").default;

const SHOP = "https://ziwa.example";

async function main(url) {
  // The client sends a key as it is over https alone, so what it sends there is sent to the fake.
  const send = axios.getAdapter("http");
  const adapter = (config) => send({ ...config, url: config.url.replace(SHOP, url) });
  const shop = new WooCommerceRestApi({
    url: SHOP, consumerKey: "ck_kikapu", consumerSecret: "cs_kikapu", version: "wc/v3", axiosConfig: { adapter },
  });

  const page = await shop.get("customers", { per_page: 2, orderby: "id", order: "asc" });
  const more = await shop.get("customers", { per_page: 2, offset: 4, orderby: "id", order: "asc", role: "all" });
  const found = await shop.get("customers", { email: "p1@shop.example" });
  const [first] = page.data;
  const metas = [{ key: "vip", value: "yes" }];
  const changed = await shop.put(`customers/${first.id}`, { meta_data: metas });
  const batch = await shop.post("customers/batch", { update: [{ id: first.id, meta_data: metas }, { id: 99999 }] });
  const orders = await shop.get("orders", { after: "2026-11-20T09:00:00", dates_are_gmt: true, _fields: "id,status" });
  const searched = await shop.get("orders", { search: "juma", status: "processing", orderby: "id", order: "desc" });
  const order = await shop.get(`orders/${searched.data[0].id}`);
  const wanted = { name: "Books", topic: "order.updated", delivery_url: "https://book.example/hook", secret: "kikapu" };
  const made = await shop.post("webhooks", wanted);
  const hooks = await shop.get("webhooks", { per_page: 10 });
  const sent = (await axios.get(`${url}/deliveries`)).data;
  const isSigned = (one) =>
    createHmac("sha256", "kikapu").update(one.body).digest("base64") === one.headers["x-wc-webhook-signature"];
  const removed = await shop.delete(`webhooks/${made.data.id}`, { force: true });
  return {
    page: page.data.map((one) => [one.first_name, one.billing.phone]),
    total: [page.headers["x-wp-total"], page.headers["x-wp-totalpages"]],
    more: more.data.map((one) => one.first_name),
    found: found.data.map((one) => one.email),
    changed: changed.data.meta_data.map((one) => [one.key, one.value]),
    batch: batch.data.update.map((one) => (one.error ? one.error.code : "written")),
    orders: orders.data.map((one) => Object.keys(one).length),
    order: [order.data.billing.first_name, order.data.order_key.startsWith("wc_order_"), order.data.line_items[0].name],
    hooks: hooks.data.map((one) => [one.topic, one.status, one.delivery_url]),
    signed: sent.map((one) => [one.headers["x-wc-webhook-topic"], isSigned(one), JSON.parse(one.body).status]),
    removed: removed.data.topic,
  };
}

main(process.argv[2]).then((got) => console.log(JSON.stringify(got)));
