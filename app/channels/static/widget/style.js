// @ts-check
// How the chat looks. A host page sets the variables that begin with --footnote-; nothing else of it comes in.

const CSS = `
:host { all: initial !important; display: block !important; --accent: var(--footnote-accent, #1f5f5b); --on-accent: #fff;
  --radius: var(--footnote-radius, 14px); --ink: #1c2423; --soft: #56625f; --paper: #fbfaf7; --card: #fff; --line: #dde2dd;
  --hover: #eef2ef; --mark: #fbefc6; --warn: #8a4b00; color-scheme: light; }
:host([data-dark]) { --accent: var(--footnote-accent-dark, #7cccc1); --ink: #e8edeb; --soft: #a3b0ad; --paper: #141919; --card: #1d2424;
  --line: #364342; --hover: #283130; --mark: #5a4a12; --warn: #eec06f; color-scheme: dark; }
:host([hidden]) { display: none !important; }
:host(:not([mode])), :host([mode="floating"]) { position: fixed !important; inset-block-end: max(20px, env(safe-area-inset-bottom)) !important;
  inset-inline-end: 20px !important; z-index: 2147483000 !important; }
:host([placement="start"]) { inset-inline: 20px auto !important; }
:host([mode="inline"]) { block-size: var(--footnote-height, 600px) !important; }
:host([mode="page"]) { block-size: 100dvh !important; }
* { box-sizing: border-box; }
.root { font: 15.5px/1.55 var(--footnote-font, system-ui, sans-serif); color: var(--ink); block-size: 100%; text-align: start; }
.panel { display: flex; flex-direction: column; block-size: 100%; background: var(--paper); overflow: hidden; }
[hidden] { display: none !important; }
:host([mode="inline"]) .panel { border: 1px solid var(--line); border-radius: var(--radius); }
.floating .panel { position: fixed; inset-block-end: 88px; inset-inline-end: 20px; inline-size: min(430px, calc(100vw - 40px)); block-size: min(680px, calc(100dvh - 120px));
  border: 1px solid var(--line); border-radius: calc(var(--radius) + 4px); box-shadow: 0 12px 48px rgb(0 0 0 / .22); animation: rise .18s ease-out; }
:host([placement="start"]) .panel { inset-inline: 20px auto; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; border-radius: 8px; }
button:disabled { opacity: .55; cursor: default; }
:is(button, a, input, textarea, summary, pre, .wide, .log):focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
svg { inline-size: 20px; block-size: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; }
a { color: var(--link); text-underline-offset: 2px; }
h2, h3, p, ol, ul, blockquote, pre, fieldset { margin: 0; padding: 0; border: 0; }
.hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.launcher { display: grid; place-items: center; inline-size: 56px; block-size: 56px; border-radius: 50%; background: var(--accent); color: var(--on-accent);
  box-shadow: 0 6px 22px rgb(0 0 0 / .28); transition: transform .15s; }
.launcher:hover { transform: scale(1.06); }
.launcher svg { inline-size: 26px; block-size: 26px; }
.bar { display: flex; align-items: center; gap: 10px; padding: 10px 14px; border-block-end: 1px solid var(--line); background: var(--card); }
.bar h2 { font-size: 15.5px; font-weight: 650; flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.badge { display: grid; place-items: center; inline-size: 28px; block-size: 28px; border-radius: 8px; background: var(--accent); color: var(--on-accent); }
.icon { display: inline-grid; place-items: center; min-inline-size: 34px; min-block-size: 34px; color: var(--soft); }
.icon:hover, .text:hover { background: var(--hover); color: var(--ink); }
.icon[aria-pressed="true"] { color: var(--link); }
.icon[aria-pressed="true"] svg { fill: currentColor; fill-opacity: .25; }
.log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px; scrollbar-width: thin; }
.column { max-inline-size: 46rem; margin-inline: auto; }
.empty { display: grid; gap: 6px; justify-items: center; text-align: center; padding-block: 12% 0; }
.empty h3 { font-size: 21px; line-height: 1.3; font-weight: 650; text-wrap: balance; }
.empty p { color: var(--soft); text-wrap: balance; }
.suggestions { display: flex; flex-wrap: wrap; justify-content: center; gap: 8px; margin-block-start: 16px; }
.suggestions button { padding: 8px 14px; border: 1px solid var(--line); border-radius: 99px; background: var(--card); text-align: start; }
.suggestions button:hover { border-color: var(--accent); }
.turn { display: grid; grid-template-columns: minmax(0, 1fr); }
.turn + .turn { margin-block-start: 30px; }
.question { inline-size: fit-content; max-inline-size: 86%; justify-self: end; margin-block-end: 14px; padding: 8px 14px; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--accent); color: var(--on-accent); border-radius: 16px; border-end-end-radius: 4px; }
.status { color: var(--soft); display: flex; align-items: center; gap: 9px; }
.status:empty { display: none; }
.working::before { content: ""; inline-size: 9px; block-size: 9px; border-radius: 50%; background: var(--accent); animation: pulse 1.1s infinite ease-in-out; }
.sentence { margin-block-end: 8px; overflow-wrap: anywhere; animation: appear .25s; }
.sentence p { white-space: pre-line; }
.sentence ul { padding-inline-start: 20px; }
code { font: .9em ui-monospace, Menlo, Consolas, monospace; background: var(--hover); padding: 1px 4px; border-radius: 4px; }
pre { overflow-x: auto; padding: 10px 12px; background: var(--hover); border-radius: 8px; }
pre code { background: none; padding: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .94em; }
:is(td, th) { border: 1px solid var(--line); padding: 4px 9px; text-align: start; vertical-align: top; }
.chip { display: inline-grid; place-items: center; min-inline-size: 24px; block-size: 24px; margin-inline-start: 4px; padding-inline: 5px; font-size: 12px; font-weight: 650; line-height: 1;
  font-variant-numeric: tabular-nums; color: var(--link); background: var(--hover); border: 1px solid var(--line); border-radius: 99px; vertical-align: 1px; }
.chip:hover { background: var(--accent); color: var(--on-accent); }
.sources { margin-block-start: 14px; }
.sources h3 { font-size: 12.5px; font-weight: 600; letter-spacing: .03em; color: var(--soft); margin-block-end: 6px; }
.cards { list-style: none; display: grid; gap: 6px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; font-size: 14px; overflow: hidden; }
.card[open] { border-color: var(--link); }
.card summary { display: flex; align-items: baseline; gap: 9px; padding: 7px 11px; cursor: pointer; list-style: none; }
.card summary:focus-visible { outline-offset: -3px; border-radius: 10px; }
.card summary::-webkit-details-marker { display: none; }
.card summary:hover { background: var(--hover); }
.number { flex: none; min-inline-size: 16px; text-align: center; font-size: 12px; font-weight: 700; color: var(--link); font-variant-numeric: tabular-nums; }
.path { flex: 1; min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--soft); }
.path b { font-weight: 600; color: var(--ink); }
.card[open] .path { white-space: normal; }
blockquote { margin: 2px 12px 8px; padding-inline-start: 12px; border-inline-start: 3px solid var(--accent); white-space: pre-wrap; overflow-wrap: anywhere; max-block-size: 16em; overflow-y: auto; }
mark { background: var(--mark); color: inherit; border-radius: 3px; padding: 1px 2px; -webkit-box-decoration-break: clone; box-decoration-break: clone; }
.about { color: var(--soft); font-size: 13px; }
.card .about { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 12px; padding: 0 12px 10px; }
.flash { animation: flash 1s; }
.closest { padding-inline-start: 20px; margin-block: 4px 8px; }
.refused { color: var(--warn); font-weight: 550; margin-block-end: 6px; }
.notice { color: var(--soft); font-size: 13px; margin-block-start: 10px; }
.warn { color: var(--warn); padding-inline-start: 12px; border-inline-start: 3px solid; }
.after { margin-block-start: 6px; }
.actions { display: flex; align-items: center; gap: 2px; margin-inline-start: -8px; }
.gap { inline-size: 8px; }
.said { font-size: 13px; color: var(--soft); }
.text { display: inline-flex; align-items: center; gap: 7px; padding: 6px 12px; border: 1px solid var(--line); background: var(--card); font-size: 14px; font-weight: 550; }
.text svg { inline-size: 16px; block-size: 16px; }
.why { display: grid; gap: 9px; margin-block-start: 8px; padding: 12px; border: 1px solid var(--line); border-radius: 10px; background: var(--card); justify-items: start; }
.why legend { font-size: 13px; font-weight: 600; margin-block-end: 6px; padding: 0; }
.why fieldset { display: flex; flex-wrap: wrap; gap: 6px; min-inline-size: 0; }
.reason { display: inline-flex; align-items: center; gap: 6px; padding: 4px 11px; border: 1px solid var(--line); border-radius: 99px; font-size: 14px; cursor: pointer; }
.reason:has(:checked) { border-color: var(--accent); background: var(--hover); }
.reason input { accent-color: var(--accent); margin: 0; }
.foot { padding: 10px 14px max(14px, env(safe-area-inset-bottom)); position: relative; }
.box { display: flex; align-items: flex-end; gap: 6px; padding-block: 5px; padding-inline-end: 5px; background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); }
.box:focus-within { border-color: var(--link); }
textarea, .why input[type="text"], .key input { font: inherit; font-size: 16px; color: inherit; background: var(--card); border: 0; resize: none; inline-size: 100%; }
textarea { unicode-bidi: plaintext; padding: 6px 14px; max-block-size: 160px; background: none; }
.box textarea:focus-visible { outline: none; }
::placeholder { color: var(--soft); opacity: 1; }
.why input[type="text"], .key input { padding: 7px 11px; border: 1px solid var(--line); border-radius: 8px; font-size: 16px; }
.send { flex: none; display: grid; place-items: center; inline-size: 38px; block-size: 38px; border-radius: calc(var(--radius) - 5px); background: var(--accent); color: var(--on-accent); }
.send.stop svg { fill: currentColor; stroke: none; }
.latest { position: absolute; inset-block-end: 100%; inset-inline: 0; margin: 0 auto 8px; inline-size: fit-content; padding: 5px 13px; border-radius: 99px; background: var(--card); border: 1px solid var(--line);
  box-shadow: 0 3px 12px rgb(0 0 0 / .14); font-size: 13px; }
.banner { padding: 7px 14px; background: var(--mark); font-size: 13.5px; text-align: center; }
.key { display: grid; gap: 8px; padding: 12px; margin-block-end: 10px; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
.key div { display: flex; gap: 8px; }
.key .text { flex: none; }
@keyframes rise { from { opacity: 0; transform: translateY(10px); } }
@keyframes appear { from { opacity: 0; transform: translateY(3px); } }
@keyframes pulse { 50% { opacity: .25; transform: scale(.75); } }
@keyframes flash { from { background: var(--mark); } }
@media (max-width: 600px) {
  .floating .panel { inset: 0; inline-size: 100%; block-size: 100dvh; border: 0; border-radius: 0; }
  .log { padding-inline: 14px; }
}
@media (prefers-reduced-motion: reduce) { *, ::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .question, .chip, .launcher, .send { border: 1px solid; } }
`;

const sheet = new CSSStyleSheet();
sheet.replaceSync(CSS);

/**
 * Gives a shadow root its looks, without a style element that a policy could refuse.
 * @param {ShadowRoot} root
 */
export function dress(root) {
  root.adoptedStyleSheets = [sheet];
}

/**
 * Black or white, whichever can be read on the host page's accent; and the accent for letters on paper, if it can be read there.
 * @param {HTMLElement} host
 */
export function readableOn(host) {
  const probe = document.createElement("span");
  probe.style.color = "var(--accent)";
  host.shadowRoot?.append(probe);
  const found = getComputedStyle(probe).color.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0];
  probe.remove();
  const [r, g, b] = found.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  host.style.setProperty("--on-accent", light > 0.179 ? "#0b1211" : "#fff");
  // Contrast of 4.5 to what lies below a chip, dark or light.
  host.style.setProperty("--link", (host.hasAttribute("data-dark") ? light > 0.31 : light < 0.155) ? "var(--accent)" : "var(--ink)");
}
