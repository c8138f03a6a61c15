// What makes pages quicker. Every page works without it; it knows no page, only these attributes:
//   data-live="NAME"       a search form: its part NAME is fetched as one types and when a filter changes; a button that
//                          has a name loads the whole page
//   data-part="NAME"       where that part stands; the server sends it alone for "Accept: text/html; part=NAME"
//   data-refresh="SECONDS" a part that is fetched again and again, until it comes without this attribute
//   data-then="URL"        where to go once such a part came without it
//   data-ticks="WORDS"     a table with boxes: one more box that ticks the page, called WORDS; Shift ticks a range
//   data-show, data-hide   a password, with the words of the button that shows and hides it
//   data-upload="WORDS"    a form with a file: one can be dropped on it, and a bar called WORDS shows how much is sent;
//   data-lost="WORDS"      what it says when the line is lost meanwhile
//   data-copy="TEXT"       a button that copies
//   data-preview="URL"     a part that shows what the form beside it would do: that is sent to URL as one types
//   data-inserts="ID"      buttons whose values are put into the field ID, where the cursor is
//   data-signed-out        the page that says so: what was typed before it comes back after signing in

const TYPING = 250, WRITING = 500, SLOW = 300, KEPT = "typed";
const all = (query, within = document) => [...within.querySelectorAll(query)];
const later = window.setTimeout;

// ---- parts of a page --------------------------------------------------------------------------------

let asked = 0;

async function fetchPart(url, name) {
  const number = ++asked, old = () => document.querySelector(`[data-part="${name}"]`);
  const dim = later(() => old()?.setAttribute("aria-busy", "true"), SLOW);
  try {
    const answer = await fetch(url, { headers: { Accept: `text/html; part=${name}` }, credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector(`[data-part="${name}"]`);
    if (!answer.ok || !found) location.assign(url);
    else if (number === asked) { old().replaceWith(found); begin(found); return found; }
  } catch { /* No line: what is there stays. */ } finally {
    clearTimeout(dim);
    old()?.removeAttribute("aria-busy");
  }
}

function live(form) {
  let waiting;
  const look = () => {
    const url = new URL(form.action), fields = new FormData(form);
    url.hash = location.hash;
    for (const [name, value] of fields) if (value) url.searchParams.append(name, value);
    history.replaceState(null, "", url);
    fetchPart(url, form.dataset.live);
  };
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = later(look, TYPING); });
  form.addEventListener("submit", (event) => {
    clearTimeout(waiting);
    if (event.submitter?.name) return;
    event.preventDefault();
    look();
  });
}

function refresh(part) {
  const seconds = Number(part.dataset.refresh);
  if (!seconds) return;
  later(async () => {
    if (!part.isConnected) return;
    const found = document.hidden ? null : await fetchPart(location.href, part.dataset.part);
    if (!found) refresh(part);
    else if (found.dataset.then) location.assign(found.dataset.then);
  }, seconds * 1000);
}

function preview(part) {
  const form = part.closest(".two").querySelector("form"), { preview: url, part: name } = part.dataset;
  let waiting, asking = false, again = false;
  const look = async () => {
    if (asking) { again = true; return; }
    asking = true;
    const body = new URLSearchParams(new FormData(form));
    try {
      const headers = { Accept: `text/html; part=${name}` };
      const answer = await fetch(url, { method: "POST", body, headers, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = answer.ok && page.querySelector(`[data-part="${name}"]`);
      if (found) part.replaceChildren(...found.childNodes);
    } catch { /* No line: what is there stays. */ }
    asking = false;
    if (again) { again = false; look(); }
  };
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = later(look, WRITING); });
}

// ---- ticks ------------------------------------------------------------------------------------------

function ticks(table) {
  const boxes = all("tbody [type=checkbox]", table), head = table.querySelector("thead .tick");
  if (!boxes.length || !head) return;
  const every = document.createElement("input"), label = document.createElement("label");
  every.type = "checkbox";
  every.setAttribute("aria-label", table.dataset.ticks);
  label.append(every);
  head.append(label);
  let last = -1;
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    every.checked = ticked === boxes.length;
    every.indeterminate = ticked > 0 && !every.checked;
  };
  every.addEventListener("change", () => { for (const box of boxes) box.checked = every.checked; });
  boxes.forEach((box, at) => box.addEventListener("click", (event) => {
    if (event.shiftKey && last >= 0)
      for (const other of boxes.slice(Math.min(at, last), Math.max(at, last))) other.checked = box.checked;
    last = at;
    count();
  }));
  count();
}

// ---- fields -----------------------------------------------------------------------------------------

function showing(field) {
  const button = document.createElement("button");
  const name = () => { button.textContent = field.type === "password" ? field.dataset.show : field.dataset.hide; };
  button.type = "button";
  button.className = "quiet small";
  button.setAttribute("aria-controls", field.id);
  name();
  button.addEventListener("click", () => { field.type = field.type === "password" ? "text" : "password"; name(); });
  const box = document.createElement("span");
  box.className = "secret";
  field.replaceWith(box);
  box.append(field, button);
  field.form?.addEventListener("submit", () => { field.type = "password"; });
}

function copying(button) {
  if (!navigator.clipboard) return button.remove();
  button.hidden = false;
  button.addEventListener("click", () => navigator.clipboard.writeText(button.dataset.copy));
}

function inserts(buttons) {
  const field = document.getElementById(buttons.dataset.inserts);
  buttons.hidden = false;
  buttons.addEventListener("click", ({ target }) => {
    if (!target.value) return;
    field.setRangeText(target.value, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// ---- files ------------------------------------------------------------------------------------------

function uploading(form) {
  const field = form.querySelector("[type=file]"), bar = document.createElement("progress"), note = document.createElement("p");
  note.setAttribute("role", "alert");
  bar.setAttribute("aria-label", form.dataset.upload);
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) field.files = event.dataTransfer.files;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (bar.isConnected) return;
    const sent = new XMLHttpRequest();
    note.remove();
    form.append(bar);
    sent.upload.addEventListener("progress", ({ loaded, total }) => { bar.max = total; bar.value = loaded; });
    sent.addEventListener("error", () => { note.textContent = form.dataset.lost; bar.replaceWith(note); });
    sent.addEventListener("load", () => {
      const page = new DOMParser().parseFromString(sent.responseText, "text/html"), main = page.querySelector("main");
      if (sent.responseURL !== form.action || !main) return location.assign(sent.responseURL);
      document.title = page.title;
      document.querySelector("main").replaceWith(main);
      begin(main);
      main.querySelector("[role=alert]")?.focus();
    });
    sent.open("POST", form.action);
    sent.send(new FormData(form));
  });
}

// ---- what was typed, kept in this tab until it is sent ----------------------------------------------

function once(form) {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}

function keep(form) {
  if (form.method !== "post" || form.querySelector("[type=password], [type=file]")) return;
  form.addEventListener("submit", () => {
    const fields = [...new FormData(form)].filter(([name]) => name !== "token" && name !== "once");
    sessionStorage.setItem(KEPT, JSON.stringify({ at: location.pathname, to: form.action, fields, lost: false }));
  });
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
  if (!kept) return;
  if (document.querySelector("[data-signed-out]"))
    return sessionStorage.setItem(KEPT, JSON.stringify({ ...kept, lost: true }));
  if (!kept.lost) return sessionStorage.removeItem(KEPT);
  const form = kept.at === location.pathname && all("form").find((each) => each.action === kept.to);
  if (!form) return;
  sessionStorage.removeItem(KEPT);
  for (const box of all("[type=checkbox], [type=radio]", form)) box.checked = false;
  const places = {};
  for (const [name, value] of kept.fields) {
    const field = all("input:not([type=hidden]), select, textarea", form).filter((each) => each.name === name);
    const box = field.find((each) => each.value === value && /checkbox|radio/.test(each.type));
    const at = (places[name] = (places[name] ?? -1) + 1);
    if (box) box.checked = true;
    else if (field[at]) field[at].value = value;
  }
}

// ---- keys -------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (document.documentElement.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    const open = document.querySelector("details.project[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
    else if (location.hash === "#menu") location.hash = "#main";
  } else if (event.key === "/" && !event.target.closest("input, select, textarea, [contenteditable]")) {
    const search = document.querySelector("[type=search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
});

function begin(within) {
  const found = (query) => all(query, within).concat(within.matches?.(query) ? [within] : []);
  found("[data-live]").forEach(live);
  found("[data-refresh]").forEach(refresh);
  found("[data-ticks]").forEach(ticks);
  found("[data-show]").forEach(showing);
  found("[data-copy]").forEach(copying);
  found("[data-upload]").forEach(uploading);
  found("[data-preview]").forEach(preview);
  found("[data-inserts]").forEach(inserts);
  found("form").forEach(once);
  found("form").forEach(keep);
}

begin(document);
restore();
document.querySelector("[role=alert][tabindex]")?.focus();
window.addEventListener("pageshow", () => { for (const form of all("form")) delete form.dataset.sent; });
document.addEventListener("click", (event) => {
  for (const open of all("details.project[open]")) if (!open.contains(event.target)) open.open = false;
});
