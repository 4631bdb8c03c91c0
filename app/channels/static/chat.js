// The chat page: sends a question, shows each sentence as it is checked, and its footnotes. Text only ever enters the
// page as text nodes; links are those the server made, and only http(s).

const log = document.getElementById("log");
const form = document.getElementById("form");
const field = document.getElementById("question");
const button = document.getElementById("send");
const key = document.getElementById("key");
const keyDetails = key.closest("details");

let conversationId = null;
let running = null;

/** An element with text and attributes. */
function make(tag, { text = "", className = "", attributes = {} } = {}, children = []) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A link if the address is http(s), plain text otherwise. */
function makeLink(text, address) {
  let url;
  try {
    url = new URL(address, location.href);
  } catch {
    return make("span", { text });
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") return make("span", { text });
  return make("a", { text, attributes: { href: url.href, target: "_blank", rel: "noopener noreferrer" } });
}

function startTurn(question) {
  document.getElementById("empty")?.remove();
  const status = make("p", { text: "Searching…", className: "status", attributes: { role: "status" } });
  const body = make("div", { className: "sentences" });
  const notes = make("ol", { className: "notes" });
  const turn = make("article", { className: "turn" }, [
    make("p", { text: question, className: "question" }),
    make("div", { className: "answer" }, [status, body, notes]),
  ]);
  log.append(turn);
  turn.scrollIntoView({ block: "end", behavior: "smooth" });
  return { turn, status, body, notes };
}

function addSentence(view, sentence) {
  const isCode = sentence.text.includes("\n");
  const line = make(isCode ? "pre" : "p", { text: sentence.text, className: "sentence" });
  for (const number of sentence.citations) {
    line.append(make("a", { text: String(number), className: "chip", attributes: {
      href: `#${view.turn.id}-note-${number}`, "aria-label": `Source ${number}` } }));
  }
  view.body.append(line);
}

function addCitation(view, citation) {
  const path = [citation.title, ...citation.heading_path].join(" › ");
  const note = make("li", { className: "note", attributes: { id: `${view.turn.id}-note-${citation.number}`,
    value: String(citation.number) } }, [
    makeLink(path, citation.url),
    make("blockquote", { text: citation.quote }),
    make("p", { text: `${citation.source} · updated ${citation.updated_at.slice(0, 10)}`, className: "about" }),
  ]);
  view.notes.append(note);
}

function finish(view, answer) {
  conversationId = answer.conversation_id;
  if (answer.status === "answered") {
    if (answer.mode === "sources") answer.citations.forEach((citation) => addCitation(view, citation));
    view.status.textContent = answer.reason ?? "";
    view.status.hidden = !answer.reason;
    return;
  }
  const words = answer.status === "not_found" ? "Not found" : "Unavailable";
  view.status.textContent = `${words}: ${answer.reason}.`;
  view.status.classList.add("refused");
  if (answer.closest.length) {
    const pages = answer.closest.map((page) => make("li", {}, [makeLink(page.title, page.url)]));
    view.body.append(make("p", { text: "Closest pages:" }), make("ul", { className: "closest" }, pages));
  }
}

function fail(view, message) {
  view.status.textContent = message;
  view.status.classList.add("refused");
}

/** The events of a text/event-stream body, as [name, object]. */
async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const frames = rest.split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const [name, body] = frame.split("\n");
      yield [name.slice("event: ".length), JSON.parse(body.slice("data: ".length))];
    }
  }
}

/** The header that carries the key, if there is one. */
function keyHeader() {
  return key.value ? { Authorization: `Bearer ${key.value.trim()}` } : {};
}

async function ask(question, view, signal) {
  const headers = { "Content-Type": "application/json", ...keyHeader() };
  const body = JSON.stringify({ question, conversation_id: conversationId, stream: true });
  const response = await fetch("/api/v1/ask", { method: "POST", headers, body, signal });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    fail(view, problem.detail ?? `The server answered ${response.status}.`);
    if (response.status === 401) keyDetails.open = true;
    return;
  }
  let isOver = false;
  for await (const [name, event] of readEvents(response)) {
    if (name === "sources") view.status.textContent = "Reading the pages…";
    else if (name === "sentence") {
      view.status.textContent = "Checking…";
      addSentence(view, event.sentence);
      event.citations.forEach((citation) => addCitation(view, citation));
    } else if (name === "done") finish(view, event);
    else if (name === "error") fail(view, event.title);
    isOver ||= name === "done" || name === "error";
    view.turn.scrollIntoView({ block: "end" });
  }
  if (!isOver) fail(view, "The answer broke off; ask again.");
}

let turnCount = 0;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (running) {
    running.abort();
    return;
  }
  const question = field.value.trim();
  if (!question) return;
  field.value = "";
  field.style.height = "";
  const view = startTurn(question);
  view.turn.id = `turn-${++turnCount}`;
  running = new AbortController();
  button.textContent = "Stop";
  try {
    await ask(question, view, running.signal);
  } catch (error) {
    fail(view, error.name === "AbortError" ? "Stopped." : "The server does not answer; is it running?");
  } finally {
    running = null;
    button.textContent = "Ask";
    field.focus();
  }
});

// Links cannot carry a header: with this, those to stored documents open for the key's owner.
key.addEventListener("change", () => {
  if (key.value) fetch("/session", { method: "POST", headers: keyHeader() }).catch(() => {});
});

field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
field.addEventListener("input", () => {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 200)}px`;
});
field.focus();
