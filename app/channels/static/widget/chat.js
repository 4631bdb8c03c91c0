// @ts-check
// `<footnote-chat>`: a conversation with the team's pages, floating over a page, inside it, or as the whole of it.

import { person, recall, remember, Server, Trouble } from "./calling.js";
import { icon, make } from "./nodes.js";
import { dress, readableOn } from "./style.js";
import { Turn } from "./turn.js";
import { speak } from "./words.js";

const OWN_ORIGIN = new URL(import.meta.url).origin;
const MOST_KEPT = 20;
const LONGEST_FIELD = 160;
const PATHS = {
  chat: "M4 5h16v11H9l-5 4zM8 9h8M8 12.5h5",
  fresh: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  note: "M5 7h10M5 12h7M5 17h10M19 6v4",
};
const phone = matchMedia("(max-width: 600px)");
const dark = matchMedia("(prefers-color-scheme: dark)");

export class FootnoteChat extends HTMLElement {
  // All made when the element comes into a page.
  /** @type {ReturnType<typeof speak>} */ speech;
  /** @type {Server} */ server;
  /** @type {HTMLElement} */ banner;
  /** @type {HTMLElement} */ column;
  /** @type {HTMLElement} */ log;
  /** @type {HTMLElement} */ told;
  /** @type {HTMLElement} */ panel;
  /** @type {HTMLTextAreaElement} */ field;
  /** @type {HTMLElement} */ send;
  /** @type {HTMLElement} */ latest;
  /** @type {HTMLFormElement} */ form;
  /** @type {HTMLElement | undefined} only where it floats */ launcher;
  memory = "";

  constructor() {
    super();
    this.root = this.attachShadow({ mode: "open" });
    dress(this.root);
    /** @type {AbortController | null} */
    this.running = null;
    /** @type {Turn[]} */
    this.turns = [];
    /** @type {string | null} */
    this.conversation = null;
    this.look = () => this.paint();
    this.online = () => this.showBanner();
  }

  connectedCallback() {
    this.speech = speak([this.getAttribute("lang"), document.documentElement.lang, ...navigator.languages]);
    this.server = new Server(this.getAttribute("server") ?? OWN_ORIGIN, this.getAttribute("site"));
    this.memory = `footnote:${this.server.base}:${this.server.site ?? ""}:${person() ?? ""}`;
    this.isFloating = !["inline", "page"].includes(this.getAttribute("mode") ?? "");
    this.build();
    this.paint();
    this.restore();
    dark.addEventListener("change", this.look);
    addEventListener("online", this.online);
    addEventListener("offline", this.online);
    if (this.getAttribute("mode") === "page") this.field.focus();
  }

  disconnectedCallback() {
    this.running?.abort();
    dark.removeEventListener("change", this.look);
    removeEventListener("online", this.online);
    removeEventListener("offline", this.online);
    this.root.replaceChildren();
    this.turns = [];
  }

  /** Light or dark, and letters that can be read on the accent. */
  paint() {
    const theme = this.getAttribute("theme") ?? "auto";
    this.toggleAttribute("data-dark", theme === "dark" || (theme === "auto" && dark.matches));
    readableOn(this);
  }

  build() {
    const { say, language, direction } = this.speech;
    this.banner = make("p", { class: "banner", role: "status", hidden: true });
    this.column = make("div", { class: "column" });
    this.log = make("div", { class: "log", role: "log", tabindex: 0, "aria-live": "off", "aria-label": say("log"),
      onscroll: () => this.noticeScroll() }, this.column);
    this.told = make("p", { class: "hidden", role: "status" });
    this.panel = make("section", { class: "panel", id: "panel", "aria-label": this.heading }, this.buildBar(), this.banner, this.log, this.told, this.buildFoot());
    const top = make("div", { class: this.isFloating ? "root floating" : "root", lang: language, dir: direction }, this.panel);
    if (this.isFloating) {
      this.panel.setAttribute("role", "dialog");
      this.panel.hidden = true;
      this.launcher = make("button", { type: "button", class: "launcher", "aria-label": say("open"), "aria-expanded": "false", "aria-controls": "panel",
        onclick: () => (this.panel.hidden ? this.open() : this.close()) }, icon(PATHS.chat));
      top.append(this.launcher);
      top.addEventListener("keydown", (event) => this.watchKeys(event));
    }
    this.root.replaceChildren(top);
    this.showEmpty();
    this.showBanner();
  }

  get heading() {
    return this.getAttribute("heading") ?? this.speech.say("title");
  }

  buildBar() {
    const say = this.speech.say;
    const button = (/** @type {"fresh" | "close"} */ name, /** @type {() => void} */ does) =>
      make("button", { type: "button", class: "icon", title: say(name), "aria-label": say(name), onclick: does }, icon(PATHS[name]));
    return make("header", { class: "bar" }, make("span", { class: "badge" }, icon(PATHS.note)), make("h2", { text: this.heading }),
      button("fresh", () => this.startFresh()), this.isFloating ? button("close", () => this.close()) : null);
  }

  buildFoot() {
    const say = this.speech.say;
    this.field = /** @type {HTMLTextAreaElement} */ (make("textarea", { rows: 1, id: "question", placeholder: say("placeholder"), "aria-label": say("field"),
      enterkeyhint: "send", oninput: () => this.fitField(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.noticeEnter(event) }));
    this.send = make("button", { class: "send" });
    this.latest = make("button", { type: "button", class: "latest", hidden: true, text: `↓ ${say("latest")}`, onclick: () => this.scrollDown(true) });
    const form = make("form", { class: "column" }, make("div", { class: "box" }, this.field, this.send));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.running) this.running.abort();
      else this.ask(this.field.value);
    });
    this.form = /** @type {HTMLFormElement} */ (form);
    this.showSend();
    return make("div", { class: "foot" }, this.latest, form);
  }

  showSend() {
    const name = this.running ? "stop" : "send";
    this.send.classList.toggle("stop", name === "stop");
    this.send.setAttribute("aria-label", this.speech.say(name));
    this.send.title = this.speech.say(name);
    this.send.replaceChildren(icon(PATHS[name]));
  }

  showEmpty() {
    const say = this.speech.say;
    const wanted = (this.getAttribute("suggestions") ?? "").split("|").map((each) => each.trim()).filter(Boolean);
    const buttons = wanted.map((question) => make("button", { type: "button", dir: "auto", text: question, onclick: () => this.ask(question) }));
    this.column.replaceChildren(make("div", { class: "empty" }, make("h3", { text: say("empty") }), make("p", { text: say("emptyMore") }),
      make("div", { class: "suggestions" }, ...buttons)));
  }

  showBanner() {
    this.banner.hidden = navigator.onLine;
    this.banner.textContent = navigator.onLine ? "" : this.speech.say("offline");
  }

  /** Show the panel and give it the cursor. */
  open() {
    if (!this.launcher) return;
    this.panel.hidden = false;
    // On a phone it covers the page.
    this.panel.setAttribute("aria-modal", String(phone.matches));
    this.launcher.hidden = phone.matches;
    this.launcher.setAttribute("aria-expanded", "true");
    this.scrollDown(true);
    this.field.focus();
    this.tell("open", {});
  }

  /** Hide the panel; the conversation stays. */
  close() {
    if (!this.launcher) return;
    this.panel.hidden = true;
    this.launcher.hidden = false;
    this.launcher.setAttribute("aria-expanded", "false");
    this.launcher.focus();
    this.tell("close", {});
  }

  startFresh() {
    this.running?.abort();
    this.turns = [];
    this.conversation = null;
    remember(this.memory, "");
    this.showEmpty();
    this.field.focus();
  }

  /**
   * Ask a question as if it had been typed.
   * @param {string} words
   */
  async ask(words) {
    const question = words.trim();
    if (!question || this.running) return;
    if (this.panel.hidden) this.open();
    this.field.value = "";
    this.fitField();
    const turn = this.addTurn(question);
    const running = new AbortController();
    this.running = running;
    this.showSend();
    this.log.setAttribute("aria-busy", "true");
    this.report(turn, this.speech.say("searching"));
    try {
      await this.follow(turn, running.signal);
    } catch (error) {
      this.showTrouble(turn, error instanceof Trouble ? error : new Trouble("failed"));
    } finally {
      if (this.running === running) this.running = null;
      this.log.setAttribute("aria-busy", "false");
      this.showSend();
      this.scrollDown();
    }
  }

  /**
   * @param {Turn} turn
   * @param {AbortSignal} signal
   */
  async follow(turn, signal) {
    const { say } = this.speech;
    for await (const [name, event] of this.server.ask({ question: turn.question, conversation_id: this.conversation }, signal)) {
      if (name === "sources") this.report(turn, say("reading", new Set(event.passages.map((/** @type {any} */ each) => each.document_id)).size));
      if (name === "sentence") {
        turn.addSentence(event);
        turn.report(say("checking"));
      }
      if (name === "done") {
        this.conversation = event.conversation_id;
        turn.finish(event);
        this.told.textContent = say("answer", event.text || say(event.status === "not_found" ? "notFound" : "unavailable"));
        this.save();
        this.tell("answer", { answer_id: event.answer_id, status: event.status });
      }
      this.scrollDown();
    }
  }

  /**
   * @param {Turn} turn
   * @param {Trouble} trouble
   */
  showTrouble(turn, trouble) {
    this.told.textContent = turn.fail(trouble);
    if (trouble.kind !== "refused") return;
    if (this.server.site === null) this.askForKey(turn);
    else console.warn(`footnote-chat: ${trouble.detail || "this page's origin is not allowed for its site"}`);
  }

  /** @param {Turn} turn */
  askForKey(turn) {
    const say = this.speech.say;
    const field = /** @type {HTMLInputElement} */ (make("input", { type: "password", autocomplete: "off", spellcheck: "false", placeholder: "fn_…", "aria-label": say("key") }));
    const form = make("form", { class: "key" }, make("b", { text: say("keyNeeded") }), make("div", {}, field, make("button", { class: "text", text: say("keyUse") })));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const isGood = await this.server.useKey(field.value).then(() => true, () => false);
      field.setAttribute("aria-invalid", String(!isGood));
      if (isGood) this.again(turn);
    });
    turn.after.replaceChildren(form);
    field.focus();
  }

  /** @param {Turn} turn */
  again(turn) {
    turn.node.remove();
    this.turns = this.turns.filter((each) => each !== turn);
    this.ask(turn.question);
  }

  /** @param {string} question */
  addTurn(question) {
    this.column.querySelector(".empty")?.remove();
    /** @type {Turn} */
    const turn = new Turn(question, {
      speech: this.speech,
      base: this.server.base,
      contact: this.getAttribute("contact") ?? "",
      onRetry: (again) => (turn.answer ? this.ask(again) : this.running || this.again(turn)),
      onFeedback: async (id, body) => {
        await this.server.post(`/api/v1/answers/${encodeURIComponent(id)}/feedback`, body);
        this.tell("feedback", { answer_id: id, ...body });
      },
    });
    this.turns.push(turn);
    this.column.append(turn.node);
    this.scrollDown(true);
    return turn;
  }

  /** What survives a reload of the page, and ends with the tab. */
  save() {
    const turns = this.turns.filter((turn) => turn.answer).slice(-MOST_KEPT).map((turn) => turn.keep());
    remember(this.memory, JSON.stringify({ conversation: this.conversation, turns }));
  }

  restore() {
    try {
      const kept = JSON.parse(recall(this.memory) ?? "null");
      for (const each of kept?.turns ?? []) {
        const turn = this.addTurn(each.question);
        each.sentences.forEach((/** @type {any} */ event) => turn.addSentence(event));
        turn.finish(each.answer);
      }
      this.conversation = kept?.conversation ?? null;
    } catch {
      // Another version's, or not ours: begin anew.
      this.startFresh();
    }
  }

  /**
   * @param {Turn} turn
   * @param {string} words
   */
  report(turn, words) {
    turn.report(words);
    this.told.textContent = words;
  }

  /**
   * Tell the host page: events `footnote-open`, `-close`, `-answer`, `-feedback`.
   * @param {string} name
   * @param {object} detail
   */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`footnote-${name}`, { detail, bubbles: true }));
  }

  /** @param {KeyboardEvent} event */
  noticeEnter(event) {
    // Enter also ends the composing of a letter.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!this.running) this.form.requestSubmit();
  }

  /** @param {KeyboardEvent} event */
  watchKeys(event) {
    if (event.key === "Escape" && !this.panel.hidden) this.close();
    if (event.key !== "Tab" || !phone.matches || this.panel.hidden) return;
    const stops = [...this.panel.querySelectorAll("button, a, input, textarea, summary, [tabindex='0']")].filter((each) => /** @type {HTMLElement} */ (each).offsetParent);
    const [from, to] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
    if (this.root.activeElement !== from) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (to).focus();
  }

  fitField() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, LONGEST_FIELD)}px`;
  }

  noticeScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < 60;
    this.latest.hidden = this.isAtEnd;
  }

  /** Follow the answer, unless the reader went elsewhere. */
  scrollDown(always = false) {
    if (always || this.isAtEnd !== false) this.log.scrollTop = this.log.scrollHeight;
    this.noticeScroll();
  }
}
