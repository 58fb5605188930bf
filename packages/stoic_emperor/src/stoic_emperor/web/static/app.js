// Forms that speak to the API, and the conversation. HTML is our own renderer's only.

const $ = (what, within = document) => within.querySelector(what);
const $$ = (what, within = document) => [...within.querySelectorAll(what)];
const rest = (seconds) => new Promise((go) => setTimeout(go, seconds * 1000));
const copyOf = (id) => $(`#${id}`).content.firstElementChild.cloneNode(true);
const make = (tag, values) => Object.assign(document.createElement(tag), values);
const root = document.documentElement;
const drafts = sessionStorage;
const on = (node, kind, deed, how) => node.addEventListener(kind, deed, how);
const sentence = (text) => text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/** No answer; without `status`, the server was not reached. */
const refusal = (detail, status, help) => Object.assign(Error(sentence(detail)), { refused: true, status, help });

async function ask(method, url, { json, body } = {}) {
  const headers = { "X-CSRF-Token": $("meta[name=csrf]")?.content ?? "" };
  if (json) headers["Content-Type"] = "application/json";
  const response = await fetch(url, { method, headers, body: JSON.stringify(json) ?? body }).catch(() => {
    throw refusal("the server cannot be reached; what you typed is still here: try again soon");
  });
  if (response.ok) return response;
  const broken = { detail: `the server answered ${response.status}: try again in a moment` };
  let { detail, help, reason = detail } = await response.json().catch(() => broken);
  if (response.status === 401) reason = "you are signed out: sign in again in another tab, then try once more";
  throw refusal(String(reason), response.status, help);
}

// Times, in the reader's zone

for (const time of $$("time")) {
  const timeStyle = "exact" in time.dataset ? "short" : undefined;
  time.textContent = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle }).format(new Date(time.dateTime));
}

// Colours

const themes = $(".themes");
function showTheme() {
  for (const node of $$("button", themes)) node.ariaPressed = node.dataset.themeTo === (root.dataset.theme ?? "");
}
on(themes, "click", ({ target }) => {
  const to = target.dataset.themeTo;
  if (to === undefined) return;
  root.dataset.theme = to;
  document.cookie = `theme=${to}; Path=/; SameSite=Lax; Max-Age=${to ? 31536000 : 0}`;
  showTheme();
});
themes.hidden = false;
showTheme();

// Forms: data-send="METHOD /path", and data-then, which says what follows

function values(form) {
  const json = JSON.parse(form.dataset.json ?? "{}");
  for (const { name, type, checked, value, dataset } of form.elements) {
    if (name) json[name] = type === "checkbox" ? checked : value === "" && "none" in dataset ? null : value;
  }
  return Object.keys(json).length ? json : undefined;
}

function list(items, tag = "ul", values) {
  const made = make(tag, values);
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
    delete drafts[`draft ${form.dataset.send.split("/").at(-1)}`];
    replaceBySaying(item, answer.lines ?? ["Done."]);
  },
  named(form, { title }) {
    const link = $(".title", form.closest("[data-item]"));
    link.textContent = title;
    form.closest("details").open = false;
    link.focus();
    $("#told").textContent = `The title is now: ${title}`;
  },
  turn(form, answer) {
    const said = form.closest(".turn");
    for (let next; (next = said.nextElementSibling) && !next.matches(".said");) next.remove();
    said.dataset.id = "";
    replaceBySaying(said, answer.lines);
    document.dispatchEvent(new Event("turns"));
  },
  codes(form, { codes }) {
    const told = "These are shown only now. Write them down, or print this page.";
    $(".said-so", form).replaceChildren(told, list(codes, "ol", { className: "codes" }));
  },
  receipt(form, { erased, elsewhere, notes }) {
    const receipt = $("#receipt");
    for (const row of $$("[data-table]", receipt)) {
      const rows = erased[row.dataset.table];
      if (rows) row.lastElementChild.textContent = rows;
      else row.remove();
    }
    const files = elsewhere.map((name) => `a copy or an older file may still hold some of it: ${name}`);
    $("#notes").append(...notes.concat(files).map((note) => make("p", { textContent: sentence(note) })));
    drafts.clear();
    $("main").replaceChildren(receipt);
    $(".top nav")?.remove();
    receipt.hidden = false;
    receipt.focus();
  },
};

on(document, "submit", async (event) => {
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
    const [what, more] = form.dataset.then.split(":");
    followUps[what](form, answer, more);
  } catch (problem) {
    if (!problem.refused) throw problem;
    $(".error", form).textContent = problem.message;
  } finally {
    form.ariaBusy = "false";
  }
});

// A form for many things stands once on the page, and is put where it is opened.
on(document, "toggle", ({ target }) => {
  const { from, at, value } = target.dataset;
  if (!from || $("form", target)) return;
  const form = copyOf(from);
  form.dataset.send += ` ${at}`;
  if (value) $("[name]", form).value = value;
  target.append(form);
}, true);

// What is read off the page's path; and files

async function follow(url, item) {
  const bar = $("progress", item);
  const told = $("output", item);
  for (let read; !read; await rest(1)) {
    const response = await ask("GET", url).catch((problem) => (told.textContent = problem.message));
    if (!response.ok) continue;
    const { state, total, done, report } = await response.json();
    told.textContent = state === "waiting" ? "Waits its turn" : "Is being read";
    if (total) Object.assign(bar, { max: total, value: done });
    if (!(read = report)) continue;
    bar.remove();
    told.textContent = report.failed.map(({ why }) => sentence(why)).join(" ") || "Read";
    if (report.help) item.append(helpCard(report.help));
  }
}

for (const item of $$("[data-follow]")) follow(item.dataset.follow, item);

for (const form of $$("form[data-import]")) {
  on(form, "submit", async (event) => {
    event.preventDefault();
    const file = $("[type=file]", form);
    const error = $(".error", form);
    error.textContent = "";
    for (const one of file.files) {
      const { name, lastModified: modified } = one;
      const item = copyOf("upload");
      $(".title", item).textContent = name;
      $("#uploads").prepend(item);
      const about = { ...Object.fromEntries(new FormData(form)), kind: form.dataset.import, name, modified };
      try {
        const { id } = await (await ask("POST", `/api/uploads?${new URLSearchParams(about)}`, { body: one })).json();
        follow(`/api/uploads/${id}`, item);
      } catch (problem) {
        item.remove();
        error.textContent += `${name}: ${problem.message}\n`;
      }
    }
    file.value = "";
  });
}

// The conversation

/** Server-sent events, as our server writes them. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (held + value).split("\n\n");
    held = blocks.pop();
    for (const block of blocks) {
      const [, id, kind, data] = block.match(/^id: (\d+)\nevent: (\w+)\ndata: (.*)$/) ?? [];
      if (id) yield { id, kind, data: JSON.parse(data) };
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

  const prose = (node = turn.reply) => $(".prose", node);
  const at = (what) => `/api/sessions/${session}/${what}`;
  const kept = async () => (await ask("GET", at("messages"))).json();

  // The end is followed only while the reader is there.
  let atEnd = true;
  let held = false;
  const isFar = () => root.scrollHeight - innerHeight - scrollY > 90;
  const goToEnd = () => scrollTo(0, root.scrollHeight);
  function grown() {
    if (atEnd && !held) goToEnd();
    toEnd.hidden = !isFar();
  }
  on(window, "scroll", () => (atEnd = toEnd.hidden = !isFar()));
  on(toEnd, "click", () => {
    held = false;
    goToEnd();
    if (!onTouch) box.focus();
  });

  function setBusy(now) {
    busy = now;
    button.textContent = now ? "Stop" : "Send";
    waiting.hidden = !now;
    voice.textContent = now ? "Marcus is composing." : "";
    if (now) {
      since = Date.now();
      error.textContent = "";
    }
    showActs();
  }

  function act(node, textContent, deed) {
    const onclick = ({ target }) => deed(node, target);
    $(".acts", node).append(make("button", { type: "button", className: "quiet", textContent, onclick }));
  }

  function showActs() {
    const turns = $$(".turn:not([data-id=''])", log);
    const lastSaid = turns.findLast((node) => node.matches(".said"));
    for (const node of turns) {
      $(".acts", node).replaceChildren();
      if (node.matches(".said")) {
        if (node === lastSaid) act(node, "Reword", reword);
        if (busy) continue;
        const forget = copyOf("forget");
        forget.dataset.at = `/api/messages/${node.dataset.id}`;
        $(".acts", node).append(forget);
      } else if (!busy || node !== turn?.reply) {
        act(node, "Copy", copy);
      }
    }
    const last = turns.at(-1);
    if (last && !busy) act(last, "Ask again", again);
  }

  async function copy(node, made) {
    await navigator.clipboard.writeText(prose(node).innerText);
    made.textContent = voice.textContent = "Copied";
    await rest(2);
    made.textContent = "Copy";
  }

  async function reword(node) {
    if (busy) await stop();
    while (busy) await rest(0.1);
    box.value = (await kept()).find(({ id }) => id === node.dataset.id)?.content ?? "";
    setRewording(node);
    box.focus();
  }

  function setRewording(node) {
    for (const other of $$(".leaving", log)) other.classList.remove("leaving");
    rewording = node;
    $(".editing", form).hidden = !node;
    for (let next = node; next; next = next.nextElementSibling) next.classList.add("leaving");
  }

  const leave = $("[data-leave]", form);
  on(leave, "click", () => {
    setRewording(null);
    write(draft());
    box.focus();
  });

  /** New turns in the place of old ones, which are hidden until they go or stay. */
  function replace(old, ...fresh) {
    const hide = (hidden) => old.forEach((node) => (node.hidden = hidden));
    const remove = (nodes) => nodes.forEach((node) => node.remove());
    hide(true);
    log.append(...fresh);
    return { drop: () => remove(old), undo: () => hide(remove(fresh)) };
  }

  function again(last) {
    const said = $$(".said", log).at(-1);
    const reply = copyOf("reply-turn");
    run({ said, reply, ...replace(last === said ? [] : [last], reply) }, at(`again?said=${said.dataset.id}`));
  }

  // Saying something

  function send() {
    const message = box.value;
    if (busy || !message.trim()) return;
    const said = copyOf("said-turn");
    Object.assign(prose(said), { textContent: message, className: "prose tail" });
    const reply = copyOf("reply-turn");
    const instead = rewording;
    const turns = replace($$(".leaving, .first-words", main), said, reply);
    setRewording(null);
    box.value = instead ? draft() : "";
    fit();
    if (onTouch) box.blur();
    atEnd = true;
    held = false;
    grown();
    const undo = () => {
      turns.undo();
      if (instead) setRewording(instead);
      write(message);
    };
    const nodes = { said, reply, ...turns, undo };
    if (instead) run(nodes, at("edit"), { message_id: instead.dataset.id, message });
    else run(nodes, "/api/chat/stream", { message, session_id: session || null });
  }

  function failed(problem) {
    setBusy(false);
    error.textContent = problem.refused ? problem.message : "Something broke on this page: reload it.";
    if (!problem.refused) throw problem;
    if (problem.help) showHelp(problem.help, log, "append");
  }

  async function run(nodes, url, json) {
    setBusy(true);
    turn = { ...nodes, letters: [], upto: 0 };
    try {
      await listen(async () => {
        const response = await ask("POST", url, { json });
        // The draft is what was typed since.
        turn.taken = true;
        delete drafts[place()];
        if (!session) {
          [, , , session] = response.headers.get("Content-Location").split("/");
          history.replaceState(null, "", `/chat/${session}`);
        }
        keep();
        return response;
      });
    } catch (problem) {
      if (!turn.taken) turn.undo();
      failed(problem);
    }
  }

  /** Hear a reply to its end. */
  async function listen(open) {
    let last = 0;
    for (let tries = 0; !turn.over; tries += 1) {
      try {
        const response = await (open?.() ?? ask("GET", at(`stream?after=${last}`)));
        if (response.status === 204) break;
        for await (const event of events(response)) {
          last = event.id;
          tries = 0;
          heard[event.kind]?.(event.data);
          grown();
        }
      } catch (problem) {
        if (!turn.taken || problem.status || tries > 5) throw problem;
      }
      if (turn.over) return;
      open = null;
      await rest(Math.min(8, 0.25 * 2 ** tries));
    }
    await readAgain();
  }

  /** It ended while nobody listened, or another process gives it. */
  async function readAgain() {
    for (;;) {
      const all = await kept();
      // Words may stand after it that wait for its end.
      const reply = all.find(({ id }) => id === turn.reply.dataset.id) ?? all.at(-1);
      if (reply?.role === "user") return heard.failed({ said: reply, detail: "no reply came: ask again" });
      if (reply?.status !== "streaming") return reply ? heard.finished({ reply }) : setBusy(false);
      prose().innerHTML = reply.html;
      grown();
      await rest(2);
    }
  }

  const heard = {
    started({ session: where, said, reply, notice }) {
      stands(turn.said, said);
      stands(turn.reply, reply);
      if (notice) turn.reply.before(make("p", { className: "notice", textContent: notice }));
      if (where.title) $("h1", main).textContent = where.title;
      showActs();
    },
    help: ({ html, reply_stopped: stopped }) => showHelp(html, turn.reply, stopped ? "after" : "before"),
    piece({ text }) {
      turn.letters.push(...text);
      waiting.hidden = true;
      showTail();
    },
    rendered({ html, upto }) {
      prose().innerHTML = html;
      turn.upto = upto;
      showTail();
    },
    finished({ reply, sources = [], passages = [] }) {
      turn.over = true;
      show(reply);
      if (sources.length || passages.length) prose().after(sourcesOf(sources, passages));
      setBusy(false);
      voice.textContent = reply.status === "stopped" ? "Stopped." : `Marcus wrote: ${prose().textContent}`;
    },
    failed({ said, reply, detail }) {
      turn.over = true;
      if (reply) show(reply);
      else if (said || turn.reply.dataset.id) {
        if (said) stands(turn.said, said);
        turn.reply.remove();
      } else turn.undo();
      setBusy(false);
      error.textContent = sentence(detail);
    },
  };

  /** It is stored now, in the place of what was there. */
  function stands(node, { id, html = "" }) {
    turn.drop();
    node.dataset.id = id;
    node.id = `m-${id}`;
    Object.assign(prose(node), { innerHTML: html, className: "prose" });
    main.classList.remove("blank");
  }

  function showHelp(html, place, where) {
    const card = helpCard(html);
    place[where](card);
    card.scrollIntoView();
    held = true;
  }

  function showTail() {
    const tail = $(".tail", prose()) ?? prose().appendChild(make("p", { className: "tail" }));
    tail.textContent = turn.letters.slice(turn.upto).join("").trimStart();
  }

  function show({ status, html }) {
    prose().innerHTML = html;
    turn.reply.dataset.status = status;
    const words = { stopped: "Stopped here.", failed: "This reply failed." }[status];
    if (words) $(".acts", turn.reply).before(make("p", { className: "ended", textContent: words }));
  }

  function sourcesOf(sources, passages) {
    const made = copyOf("sources");
    $("summary", made).textContent = sources.length ? "Sources" : "Passages at hand";
    if (sources.length) $("ul", made).before(list(sources));
    for (const passage of passages) {
      const item = $("ul:last-of-type", made).appendChild(make("li"));
      item.append(
        make("a", { href: `/library/${encodeURIComponent(passage.id)}`, textContent: passage.credit }),
        make("blockquote", { textContent: passage.text }),
      );
    }
    return made;
  }

  async function stop() {
    if (session) await ask("POST", at("stop")).catch(({ message }) => (error.textContent = message));
  }

  // What is typed, until it is sent

  const place = () => `draft ${session}`;
  const draft = () => drafts[place()] ?? "";
  function keep() {
    fit();
    if (rewording) return;
    if (box.value) drafts[place()] = box.value;
    else delete drafts[place()];
  }
  function write(text) {
    box.value = text;
    keep();
  }

  // Keys and the button

  function fit() {
    if (CSS.supports("field-sizing", "content")) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }
  on(box, "input", keep);
  on(box, "keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || onTouch) return;
    event.preventDefault();
    send();
  });
  on(form, "submit", (event) => {
    event.preventDefault();
    if (!busy) send();
    // A double click is no wish to stop.
    else if (Date.now() - since > 600) stop();
  });
  on(window, "keydown", ({ key }) => {
    if (key !== "Escape") return;
    if (busy) stop();
    else if (rewording) leave.click();
  });
  on(document, "turns", showActs);
  $(".starters")?.addEventListener("click", ({ target }) => {
    if (target.type) write(target.textContent);
    box.focus();
  });

  // Coming in

  if (drafts.who !== main.dataset.who) drafts.clear();
  drafts.who = main.dataset.who;
  write(draft());
  showActs();
  if ($(".turn", log) && !location.hash) {
    history.scrollRestoration = "manual";
    goToEnd();
  }
  const open = $$(".reply", log).at(-1);
  if (open?.dataset.status === "streaming") {
    turn = { said: $$(".said", log).at(-1), reply: open, letters: [], upto: 0, drop() {}, taken: true };
    setBusy(true);
    listen().catch(failed);
  }
}

if (location.pathname === "/sign-in") drafts.clear();
if ("chat" in $("main").dataset) talk($("main"));
