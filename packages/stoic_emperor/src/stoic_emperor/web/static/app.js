// Forms that speak to the API, and the conversation. Nothing typed is stored here; HTML is our own renderer's only.

const $ = (what, within = document) => within.querySelector(what);
const $$ = (what, within = document) => [...within.querySelectorAll(what)];
const rest = (seconds) => new Promise((go) => setTimeout(go, seconds * 1000));
const copyOf = (id) => $(`#${id}`).content.firstElementChild.cloneNode(true);
const make = (tag, values) => Object.assign(document.createElement(tag), values);
const sentence = (text) => text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/** No answer; without `status`, the server was not reached. */
class Refused extends Error {
  constructor(detail, status) {
    super(sentence(detail));
    this.status = status;
  }
}

async function ask(method, url, { json, body } = {}) {
  const headers = { "X-CSRF-Token": $("meta[name=csrf]")?.content ?? "" };
  if (json) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(url, { method, headers, body: json ? JSON.stringify(json) : body });
  } catch {
    throw new Refused("the server cannot be reached; what you typed is still here: try again soon");
  }
  if (response.ok) return response;
  let detail;
  try {
    ({ detail } = await response.json());
  } catch {
    detail = `the server answered ${response.status}: try again in a moment`;
  }
  if (response.status === 401) detail = "you are signed out: sign in again in another tab, then try once more";
  throw new Refused(String(detail), response.status);
}

// Times, in the reader's zone

for (const time of $$("time")) {
  const exact = "exact" in time.dataset ? { timeStyle: "short" } : {};
  time.textContent = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", ...exact }).format(new Date(time.dateTime));
}

// Colours

const themes = $(".themes");
function showTheme() {
  for (const button of $$("button", themes)) {
    button.ariaPressed = String(button.dataset.themeTo === (document.documentElement.dataset.theme ?? ""));
  }
}
themes.addEventListener("click", ({ target }) => {
  const to = target.dataset.themeTo;
  if (to === undefined) return;
  if (to) document.documentElement.dataset.theme = to;
  else delete document.documentElement.dataset.theme;
  document.cookie = `theme=${to}; Path=/; SameSite=Lax; Max-Age=${to ? 31536000 : 0}`;
  showTheme();
});
themes.hidden = false;
showTheme();

// Forms: data-send="METHOD /path", and data-then, which says what follows

function values(form) {
  const json = JSON.parse(form.dataset.json ?? "{}");
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.type === "checkbox") json[field.name] = field.checked;
    else json[field.name] = field.value === "" && "none" in field.dataset ? null : field.value;
  }
  return Object.keys(json).length ? json : undefined;
}

function list(items, tag = "ul") {
  const made = make(tag);
  made.append(...items.map((textContent) => make("li", { textContent })));
  return made;
}

function helpCard(html) {
  const card = copyOf("help-card");
  $(".prose", card).innerHTML = html;
  return card;
}

function replaceBySaying(node, lines) {
  Object.assign(node, { className: "said-so", tabIndex: -1, textContent: lines.map(sentence).join(" ") });
  node.focus();
}

const followUps = {
  reload: () => location.reload(),
  go: (form, answer, where) => location.assign(where),
  say: (form, answer, words) => ($(".said-so", form).textContent = words),
  gone(form, answer) {
    const item = form.closest("[data-item]");
    const count = $(".count", item.closest("section"));
    if (count) count.textContent -= 1;
    replaceBySaying(item, answer.lines ?? ["Done."]);
  },
  turn(form, answer) {
    const said = form.closest(".turn");
    while (said.nextElementSibling && !said.nextElementSibling.matches(".said")) said.nextElementSibling.remove();
    delete said.dataset.id;
    replaceBySaying(said, answer.lines);
    document.dispatchEvent(new Event("turns"));
  },
  codes(form, { codes }) {
    const made = Object.assign(list(codes, "ol"), { className: "codes" });
    $(".said-so", form).replaceChildren("These are shown only now. Write them down, or print this page.", made);
  },
  receipt(form, { erased, elsewhere, notes }) {
    const receipt = $("#receipt");
    for (const row of $$("[data-table]", receipt)) {
      const rows = erased[row.dataset.table];
      if (rows) row.lastElementChild.textContent = rows;
      else row.remove();
    }
    const files = elsewhere.map((name) => `a copy or an older file may still hold some of it: ${name}`);
    $("#notes").append(...[...notes, ...files].map((note) => make("p", { textContent: sentence(note) })));
    $("main").replaceChildren(receipt);
    $(".top nav")?.remove();
    receipt.hidden = false;
    receipt.focus();
  },
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.send) return;
  event.preventDefault();
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  for (const place of $$(".error, .said-so", form)) place.textContent = "";
  try {
    const [method, url] = form.dataset.send.split(" ");
    const response = await ask(method, url, { json: values(form) });
    const answer = response.status === 204 ? {} : await response.json();
    const [, what, more] = form.dataset.then.match(/^(\w+):?(.*)$/s);
    followUps[what](form, answer, more);
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    $(".error", form).textContent = problem.message;
  } finally {
    form.ariaBusy = "false";
  }
});

// A form for many things stands once on the page, and is put where it is opened.
document.addEventListener("toggle", ({ target }) => {
  const { from, at, value } = target.dataset;
  if (!from || $("form", target)) return;
  const form = copyOf(from);
  form.dataset.send += ` ${at}`;
  if (value) $("[name]", form).value = value;
  target.append(form);
}, true);

// Import: files as they are, each followed until it is read

async function follow(id, item) {
  const bar = $("progress", item);
  const told = $("output", item);
  for (let state = "waiting"; state === "waiting" || state === "working"; await rest(1)) {
    const response = await ask("GET", `/api/uploads/${id}`).catch((problem) => (told.textContent = problem.message));
    if (!response.ok) continue;
    const { total, done, report, ...upload } = await response.json();
    ({ state } = upload);
    told.textContent = state === "waiting" ? "Waits its turn" : "Is being read";
    if (total) Object.assign(bar, { max: total, value: done });
    if (!report) continue;
    bar.remove();
    told.textContent = report.failed.map(({ why }) => sentence(why)).join(" ") || "Read";
    if (report.help) item.append(helpCard(report.help));
  }
}

for (const item of $$("[data-upload]")) follow(item.dataset.upload, item);

for (const form of $$("form[data-import]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const file = $("input[type=file]", form);
    $(".error", form).textContent = "";
    for (const one of file.files) {
      const item = copyOf("upload");
      $(".title", item).textContent = one.name;
      $("#uploads").prepend(item);
      const about = new URLSearchParams({ kind: form.dataset.import, name: one.name });
      for (const field of $$("input:not([type=file])", form)) if (field.value) about.set(field.name, field.value);
      try {
        const { id } = await (await ask("POST", `/api/uploads?${about}`, { body: one })).json();
        follow(id, item);
      } catch (problem) {
        item.remove();
        $(".error", form).textContent += `${one.name}: ${problem.message}\n`;
      }
    }
    file.value = "";
  });
}

// The conversation

/** Server-sent events. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (held + value).split(/\r?\n\r?\n/);
    held = blocks.pop();
    for (const block of blocks) {
      const event = { kind: "message", data: "" };
      for (const line of block.split(/\r?\n/)) {
        const [, field, text] = line.match(/^(\w+): ?(.*)$/s) ?? [];
        if (field === "event") event.kind = text;
        else if (field === "id") event.id = Number(text);
        else if (field === "data") event.data += text;
      }
      if (event.data) yield { ...event, data: JSON.parse(event.data) };
    }
  }
}

function talk(main) {
  const log = $("#log");
  const composer = $(".composer");
  const form = $("form", composer);
  const box = $("#say");
  const button = $("button[type=submit]", form);
  const error = $(".error", composer);
  const waiting = $(".waiting", composer);
  const voice = $("[role=status]", composer);
  const toEnd = $(".to-end", composer);
  const onTouch = matchMedia("(pointer: coarse)").matches;
  let session = main.dataset.session;
  let busy = false;
  let since = 0;
  let rewording = null;
  let turn = null;

  // The end is followed only while the reader is there.
  let atEnd = true;
  let held = false;
  const isFar = () => document.documentElement.scrollHeight - innerHeight - scrollY > 90;
  const goToEnd = () => scrollTo(0, document.documentElement.scrollHeight);
  function grown() {
    if (atEnd && !held) goToEnd();
    toEnd.hidden = !isFar();
  }
  addEventListener("scroll", () => {
    atEnd = !isFar();
    toEnd.hidden = atEnd;
  }, { passive: true });
  toEnd.addEventListener("click", () => {
    held = false;
    goToEnd();
    if (!onTouch) box.focus();
  });

  function setBusy(now) {
    busy = now;
    if (now) since = Date.now();
    button.textContent = now ? "Stop" : "Send";
    waiting.hidden = !now;
    voice.textContent = now ? "Marcus is composing." : "";
    if (now) error.textContent = "";
    showActs();
  }

  // Deeds

  function act(turnNode, label, deed) {
    const made = make("button", { type: "button", className: "quiet", textContent: label });
    made.addEventListener("click", () => deed(made));
    $(".acts", turnNode).append(made);
  }

  function showActs() {
    const said = $$(".said[data-id]", log);
    const replies = $$(".reply[data-id]", log);
    for (const node of [...said, ...replies]) {
      $(".acts", node).replaceChildren();
      if (!node.dataset.id) continue;
      const last = node === said.at(-1);
      if (node.matches(".said")) {
        if (last) act(node, "Reword", () => reword(node));
        if (busy) continue;
        const forget = copyOf("forget");
        forget.dataset.at = `/api/messages/${node.dataset.id}`;
        $(".acts", node).append(forget);
      } else if (!busy || node !== turn?.reply) {
        act(node, "Copy", (made) => copy(node, made));
      }
    }
    const last = $$(".turn[data-id]", log).at(-1);
    if (last?.dataset.id && !busy) act(last, "Ask again", () => again(last));
  }

  async function copy(node, made) {
    await navigator.clipboard.writeText($(".prose", node).innerText);
    made.textContent = voice.textContent = "Copied";
    await rest(2);
    made.textContent = "Copy";
  }

  async function reword(node) {
    if (busy) await stop();
    while (busy) await rest(0.1);
    const kept = await (await ask("GET", `/api/sessions/${session}/messages`)).json();
    box.value = kept.find((message) => message.id === node.dataset.id)?.content ?? "";
    setRewording(node);
    box.focus();
  }

  function setRewording(node) {
    for (const other of $$(".leaving", log)) other.classList.remove("leaving");
    rewording = node;
    $(".editing", form).hidden = !node;
    for (let next = node; next; next = next.nextElementSibling) next.classList.add("leaving");
  }

  $("[data-leave]", form).addEventListener("click", () => {
    setRewording(null);
    box.value = "";
    box.focus();
  });

  /** Out of sight, until they go or stay. */
  function setAside(nodes) {
    const hide = (hidden) => nodes.forEach((node) => (node.hidden = hidden));
    hide(true);
    return { back: () => hide(false), drop: () => nodes.forEach((node) => node.remove()) };
  }

  async function again(last) {
    const said = $$(".said", log).at(-1);
    const reply = copyOf("reply-turn");
    const gone = setAside(last === said ? [] : [last]);
    log.append(reply);
    await run({ said, reply, drop: gone.drop }, () => [`/api/sessions/${session}/again`], () => {
      reply.remove();
      gone.back();
    });
  }

  // Saying something

  async function send() {
    const message = box.value;
    if (busy || !message.trim()) return;
    const said = copyOf("said-turn");
    $(".prose", said).textContent = message;
    $(".prose", said).classList.add("tail");
    const reply = copyOf("reply-turn");
    const instead = rewording;
    const gone = setAside($$(".leaving, .first-words", main));
    setRewording(null);
    log.append(said, reply);
    box.value = "";
    fit();
    if (onTouch) box.blur();
    atEnd = true;
    held = false;
    grown();
    const url = () => instead
      ? [`/api/sessions/${session}/edit`, { message_id: instead.dataset.id, message }]
      : ["/api/chat/stream", { message, session_id: session }];
    await run({ said, reply, drop: gone.drop }, url, () => {
      said.remove();
      reply.remove();
      gone.back();
      if (instead) setRewording(instead);
      box.value = message;
      fit();
    });
  }

  function failed(problem) {
    setBusy(false);
    error.textContent = problem instanceof Refused ? problem.message : "Something broke on this page: reload it.";
    if (!(problem instanceof Refused)) throw problem;
  }

  async function run(nodes, url, undo) {
    setBusy(true);
    turn = { ...nodes, letters: [], upto: 0 };
    try {
      if (!session) {
        session = (await (await ask("POST", "/api/sessions")).json()).id;
        history.replaceState(null, "", `/chat/${session}`);
      }
      await listen(() => ask("POST", url()[0], { json: url()[1] }));
    } catch (problem) {
      if (!turn.begun) undo();
      failed(problem);
    }
  }

  /** Hear a reply to its end, also when the line breaks. */
  async function listen(open) {
    let last = 0;
    for (let tries = 0; !turn.over; tries += 1) {
      try {
        const response = await open();
        if (response.status === 204) break;
        for await (const event of events(response)) {
          if (event.id) last = event.id;
          tries = 0;
          heard[event.kind]?.(event.data);
          grown();
        }
      } catch (problem) {
        if (!turn.begun || problem.status || tries > 5) throw problem;
      }
      if (turn.over) return;
      open = () => ask("GET", `/api/sessions/${session}/stream?after=${last}`);
      await rest(Math.min(8, 0.25 * 2 ** tries));
    }
    await readAgain();
  }

  /** It ended while nobody listened, or another process gives it. */
  async function readAgain() {
    for (;;) {
      const kept = await (await ask("GET", `/api/sessions/${session}/messages`)).json();
      const reply = kept.findLast((message) => message.role !== "user");
      if (reply?.status !== "streaming") return reply ? heard.finished({ reply }) : setBusy(false);
      $(".prose", turn.reply).innerHTML = reply.html;
      grown();
      await rest(2);
    }
  }

  const heard = {
    started({ session: where, said, reply, notice }) {
      turn.begun = true;
      turn.drop();
      $(".prose", turn.reply).replaceChildren();
      $(".prose", turn.said).innerHTML = said.html;
      $(".prose", turn.said).classList.remove("tail");
      turn.said.dataset.id = said.id;
      turn.said.id = `m-${said.id}`;
      turn.reply.dataset.id = reply.id;
      turn.reply.id = `m-${reply.id}`;
      if (notice) turn.reply.before(make("p", { className: "notice", textContent: notice }));
      main.classList.remove("blank");
      $("#new").hidden = false;
      if (where.title) $("h1", main).textContent = where.title;
      showActs();
    },
    help({ html, reply_stopped: stopped }) {
      const card = helpCard(html);
      if (stopped) turn.reply.after(card);
      else turn.reply.before(card);
      // It stays in sight, whatever follows.
      card.scrollIntoView();
      held = true;
    },
    piece({ text }) {
      turn.letters.push(...text);
      waiting.hidden = true;
      showTail();
    },
    rendered({ html, upto }) {
      $(".prose", turn.reply).innerHTML = html;
      turn.upto = upto;
      showTail();
    },
    finished({ reply, sources = [], passages = [] }) {
      turn.over = true;
      show(reply);
      if (sources.length || passages.length) $(".prose", turn.reply).after(sourcesOf(sources, passages));
      setBusy(false);
      const text = $(".prose", turn.reply).textContent;
      voice.textContent = reply.status === "stopped" ? "Stopped." : `Marcus wrote: ${text}`;
    },
    failed({ reply, detail }) {
      turn.over = true;
      if (reply) show(reply);
      else turn.reply.remove();
      setBusy(false);
      error.textContent = sentence(detail);
    },
  };

  /** What is in no whole paragraph yet, as it is. */
  function showTail() {
    const prose = $(".prose", turn.reply);
    const tail = $(".tail", prose) ?? prose.appendChild(make("p", { className: "tail" }));
    tail.textContent = turn.letters.slice(turn.upto).join("").trimStart();
  }

  function show({ status, html }) {
    $(".prose", turn.reply).innerHTML = html;
    turn.reply.dataset.status = status;
    const words = { stopped: "Stopped here.", failed: "This reply failed." }[status];
    if (words) $(".acts", turn.reply).before(make("p", { className: "ended", textContent: words }));
  }

  function sourcesOf(sources, passages) {
    const made = copyOf("sources");
    $("summary", made).textContent = sources.length ? "Sources" : "Passages at hand";
    if (sources.length) $("ul", made).before(list(sources));
    for (const passage of passages) {
      const place = passage.credit;
      const item = $("ul:last-of-type", made).appendChild(make("li"));
      item.append(
        make("a", { href: `/library/${encodeURIComponent(passage.id)}`, textContent: place }),
        make("blockquote", { textContent: passage.text }),
      );
    }
    return made;
  }

  async function stop() {
    try {
      await ask("POST", `/api/sessions/${session}/stop`);
    } catch (problem) {
      error.textContent = problem.message;
    }
  }

  // Keys and the button

  function fit() {
    if (CSS.supports("field-sizing", "content")) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }
  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || onTouch) return;
    event.preventDefault();
    send();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy) send();
    // A double click is no wish to stop.
    else if (Date.now() - since > 600) stop();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (busy) stop();
    else if (rewording) $("[data-leave]", form).click();
  });
  document.addEventListener("turns", showActs);
  $(".starters")?.addEventListener("click", ({ target }) => {
    if (target.type) box.value = target.textContent;
    fit();
    box.focus();
  });

  // Coming in

  showActs();
  if ($(".turn", log) && !location.hash) {
    history.scrollRestoration = "manual";
    goToEnd();
  }
  const open = $$(".reply", log).at(-1);
  if (open?.dataset.status === "streaming") {
    turn = { said: $$(".said", log).at(-1), reply: open, letters: [], upto: 0, drop() {}, begun: true };
    setBusy(true);
    listen(() => ask("GET", `/api/sessions/${session}/stream?after=0`)).catch(failed);
  }
}

if ("chat" in $("main").dataset) talk($("main"));
