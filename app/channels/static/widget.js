// @ts-check
// The one script a page needs: `<script type="module" src="https://HOST/widget.js?site=ID">` adds a floating chat;
// `<footnote-chat>` in the page (mode="inline" or "page") is one where it stands.

import { FootnoteChat } from "./widget/chat.js";

// A page may load this twice.
if (!customElements.get("footnote-chat")) customElements.define("footnote-chat", FootnoteChat);

const site = new URL(import.meta.url).searchParams.get("site");
if (site !== null && !document.querySelector("footnote-chat")) {
  const chat = document.createElement("footnote-chat");
  chat.setAttribute("site", site);
  document.body.append(chat);
}
