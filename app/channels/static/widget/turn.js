// @ts-check
// One question and its answer: sentences with numbered chips, source cards, and what can be done with the answer.

import { blockNode, icon, link, make } from "./nodes.js";

/** @typedef {import("./calling.js").Trouble} Trouble */
/** @typedef {{number: number, title: string, heading_path: string[], url: string, quote: string, above?: string[], source: string, space?: string, updated_at: string, is_outdated?: boolean}} Citation */
/** @typedef {{kind: "conflict" | "stale" | "outdated" | "unanswered", citations: number[]}} Notice */
/** @typedef {ReturnType<import("./words.js").speak>} Speech */
/** @typedef {{speech: Speech, base: string, contact: string, onRetry: (question: string) => void, onFeedback: (id: string, body: object) => Promise<void>}} Surroundings */
/** @typedef {{question: string, sentences: any[], answer: any}} Kept */

const DRAWINGS = {
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  retry: "M20 12a8 8 0 1 1-2.3-5.7M20 3v5h-5",
  up: "M7 11v9H4v-9zM7 11l4-8a2.5 2.5 0 0 1 2.5 2.7V9h5a2 2 0 0 1 2 2.4l-1.3 7a2 2 0 0 1-2 1.6H7",
  down: "M17 13V4h3v9zM17 13l-4 8a2.5 2.5 0 0 1-2.5-2.7V15h-5a2 2 0 0 1-2-2.4l1.3-7a2 2 0 0 1 2-1.6H17",
};
const REASONS = /** @type {const} */ ({ wrong: "wrong", outdated: "outdated", incomplete: "incomplete", irrelevant: "irrelevant" });

export class Turn {
  /**
   * @param {string} question
   * @param {Surroundings} around
   */
  constructor(question, around) {
    this.question = question;
    this.around = around;
    /** @type {any[]} what came, to be shown again after a reload */
    this.sentences = [];
    /** @type {any} */
    this.answer = null;
    /** @type {Map<number, HTMLElement>} */
    this.cards = new Map();
    this.status = make("p", { class: "status working" });
    this.body = make("div", { class: "sentences" });
    this.list = make("ol", { class: "cards", role: "list" });
    const say = around.speech.say;
    this.sources = make("section", { class: "sources", hidden: true, "aria-label": say("sources") },
      make("h3", { text: say("sources") }), this.list);
    this.after = make("div", { class: "after" });
    this.node = make("article", { class: "turn" },
      make("p", { class: "question", dir: "auto", text: question }),
      make("div", { class: "answer" }, this.status, this.body, this.sources, this.after));
  }

  /** @param {string} words */
  report(words) {
    this.status.textContent = words;
  }

  /** @param {any} event a `sentence` event */
  addSentence(event) {
    this.sentences.push(event);
    for (const citation of event.citations) this.addCard(citation);
    const blocks = event.blocks ?? [{ kind: "paragraph", spans: [{ kind: "text", text: event.sentence.text }] }];
    const nodes = blocks.map(blockNode);
    const sentence = make("div", { class: "sentence" }, ...nodes);
    const last = nodes.at(-1);
    const chips = event.sentence.citations.map((/** @type {number} */ number) => this.chip(number));
    (last?.tagName === "P" ? last : sentence).append(...chips);
    this.body.append(sentence);
  }

  /** @param {number} number */
  chip(number) {
    const named = this.around.speech.say("source", number);
    const title = this.cards.get(number)?.dataset.title ?? "";
    return make("button", { type: "button", class: "chip", text: number, title, "aria-label": `${named}: ${title}`,
      onclick: () => this.openCard(number) });
  }

  /** @param {Citation} citation */
  addCard(citation) {
    const { speech, base } = this.around;
    const title = [citation.title, ...citation.heading_path].join(" › ");
    const about = [citation.space || citation.source, speech.say("updated", speech.age(citation.updated_at))];
    if (citation.is_outdated) about.push(speech.say("outdated"));
    const card = make("details", { class: "card", "data-title": title },
      make("summary", {}, make("span", { class: "number", text: citation.number, "aria-hidden": "true" }),
        make("span", { class: "path", dir: "auto" }, make("b", { text: citation.title }), citation.heading_path.map((part) => ` › ${part}`).join("")),
        make("span", { class: "hidden", text: ` (${speech.say("source", citation.number)})` })),
      make("blockquote", { dir: "auto" }, (citation.above ?? []).map((line) => line + "\n").join(""), make("mark", { text: citation.quote })),
      make("p", { class: "about" }, make("span", { text: about.join(" · ") }), link(speech.say("page"), citation.url, base)));
    this.cards.set(citation.number, card);
    this.list.append(make("li", {}, card));
    this.sources.hidden = false;
  }

  /** @param {number} number */
  openCard(number) {
    const card = /** @type {HTMLDetailsElement | undefined} */ (this.cards.get(number));
    if (!card) return;
    card.open = true;
    card.classList.remove("flash");
    void card.offsetWidth; // the animation begins again
    card.classList.add("flash");
    /** @type {HTMLElement} */ (card.firstElementChild).focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }

  /** @param {any} answer the `done` event */
  finish(answer) {
    this.answer = answer;
    const say = this.around.speech.say;
    this.status.classList.remove("working");
    this.status.textContent = "";
    if (answer.status === "answered") {
      if (answer.mode === "sources") answer.citations.forEach((/** @type {Citation} */ each) => this.addCard(each));
      if (answer.reason) this.after.append(make("p", { class: "notice", text: say("strict") }));
      (answer.notices ?? []).forEach((/** @type {Notice} */ each) => this.warn(each));
    } else {
      this.body.append(make("p", { class: "refused", text: say(answer.status === "not_found" ? "notFound" : "unavailable") }));
      this.addClosest(answer.closest);
      if (this.around.contact) this.body.append(make("p", {}, this.contactLink()));
    }
    this.addActions();
  }

  /** @param {Notice} notice */
  warn({ kind, citations }) {
    if (!["conflict", "stale", "outdated", "unanswered"].includes(kind)) return;
    const chips = citations.filter((number) => this.cards.has(number)).map((number) => this.chip(number));
    this.after.append(make("p", { class: "notice warn", text: this.around.speech.say(kind) }));
    this.after.lastElementChild?.append(...chips);
  }

  /** @param {{title: string, url: string}[]} closest */
  addClosest(closest) {
    if (!closest.length) return;
    const pages = closest.map((page) => make("li", {}, link(page.title, page.url, this.around.base)));
    this.body.append(make("p", { class: "about", text: this.around.speech.say("closest") }), make("ul", { class: "closest" }, ...pages));
  }

  contactLink() {
    const { contact, speech, base } = this.around;
    if (!contact.startsWith("mailto:")) return link(speech.say("contact"), contact, base);
    return make("a", { href: contact, text: speech.say("contact") });
  }

  /**
   * What was already shown stays, marked as incomplete.
   * @param {Trouble} trouble
   */
  fail(trouble) {
    const { speech, onRetry } = this.around;
    this.status.classList.remove("working");
    this.status.textContent = "";
    const words = trouble.kind === "failed" && trouble.detail
      ? speech.say("tooLong", trouble.detail) : speech.say(trouble.kind, trouble.seconds || 5);
    const again = make("button", { type: "button", class: "text", onclick: () => onRetry(this.question) }, icon(DRAWINGS.retry), speech.say("retry"));
    this.after.append(make("p", { class: "refused", text: words }), again);
    if (trouble.seconds) this.wait(trouble.seconds, /** @type {HTMLButtonElement} */ (again));
    return words;
  }

  /**
   * @param {number} seconds
   * @param {HTMLButtonElement} button
   */
  wait(seconds, button) {
    const until = Date.now() + seconds * 1000;
    button.disabled = true;
    const timer = setInterval(() => {
      const left = Math.ceil((until - Date.now()) / 1000);
      const say = this.around.speech.say;
      button.lastChild?.replaceWith(left > 0 ? `${say("retry")} (${left})` : say("retry"));
      button.disabled = left > 0;
      if (left <= 0 || !this.node.isConnected) clearInterval(timer);
    }, 500);
  }

  addActions() {
    const { speech, onRetry } = this.around;
    const action = (/** @type {keyof typeof DRAWINGS} */ name, /** @type {() => void} */ does) =>
      make("button", { type: "button", class: "icon", title: speech.say(name), "aria-label": speech.say(name), onclick: does }, icon(DRAWINGS[name]));
    const copy = action("copy", () => this.copy(copy));
    const thumbs = /** @type {const} */ (["up", "down"]).map((rating) => {
      const button = action(rating, () => this.rate(rating, thumbs));
      button.setAttribute("aria-pressed", "false");
      return button;
    });
    const isAnswered = this.answer.status === "answered";
    this.after.append(make("div", { class: "actions" }, isAnswered ? copy : null, action("retry", () => onRetry(this.question)),
      make("span", { class: "gap" }), ...thumbs));
  }

  /** @param {HTMLElement} button */
  async copy(button) {
    await writeToClipboard(withFootnotes(this.answer, this.around.base));
    const said = make("span", { class: "said", role: "status", text: this.around.speech.say("copied") });
    button.after(said);
    setTimeout(() => said.remove(), 2000);
  }

  /**
   * @param {"up" | "down"} rating
   * @param {HTMLElement[]} thumbs
   */
  async rate(rating, thumbs) {
    thumbs.forEach((thumb, place) => thumb.setAttribute("aria-pressed", String((place === 0) === (rating === "up"))));
    this.after.querySelector(".why")?.remove();
    await this.around.onFeedback(this.answer.answer_id, { rating }).catch(() => {});
    if (rating === "down") this.askWhy();
  }

  askWhy() {
    const { speech, onFeedback } = this.around;
    const boxes = Object.entries(REASONS).map(([reason, word]) => make("label", { class: "reason" },
      make("input", { type: "checkbox", name: "reason", value: reason }), speech.say(word)));
    const comment = /** @type {HTMLInputElement} */ (make("input", { type: "text", maxlength: 1000, placeholder: speech.say("comment"), "aria-label": speech.say("comment") }));
    const form = /** @type {HTMLFormElement} */ (make("form", { class: "why" },
      make("fieldset", {}, make("legend", { text: speech.say("why") }), ...boxes), comment,
      make("button", { class: "text", text: speech.say("sendFeedback") })));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const reasons = new FormData(form).getAll("reason");
      await onFeedback(this.answer.answer_id, { rating: "down", reasons, comment: comment.value }).catch(() => {});
      form.replaceWith(make("p", { class: "notice", role: "status", text: speech.say("thanks") }));
    });
    this.after.append(form);
    form.querySelector("input")?.focus();
  }

  /** @returns {Kept} */
  keep() {
    return { question: this.question, sentences: this.sentences, answer: this.answer };
  }
}

/**
 * The answer as text that can be pasted anywhere, with its footnotes below.
 * @param {any} answer
 * @param {string} base
 */
export function withFootnotes(answer, base) {
  const notes = answer.citations.map((/** @type {Citation} */ each) =>
    `[${each.number}] ${[each.title, ...each.heading_path].join(" › ")} — ${new URL(each.url, base).href}`);
  return [answer.text, notes.join("\n")].filter(Boolean).join("\n\n");
}

/** @param {string} text */
async function writeToClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages that are not served over TLS have no clipboard.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
