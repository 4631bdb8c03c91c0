// @ts-check
// Nodes from text: no markup is ever assigned, so that nothing a page or a model wrote can act.

/** @typedef {{kind: "text" | "strong" | "emphasis" | "code", text: string}} Span */
/** @typedef {{kind: "paragraph" | "heading" | "code" | "list" | "table", spans?: Span[], rows?: Span[][][]}} Block */

const SPAN_TAGS = { strong: "strong", emphasis: "em", code: "code" };

/**
 * An element. `on…` options are listeners, `text` is its text, everything else an attribute (false: none).
 * @param {string} tag
 * @param {Record<string, any>} [options]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElement}
 */
export function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/**
 * A link to an http(s) address that the server made; anything else is its text alone.
 * @param {string} text
 * @param {string} address
 * @param {string} base
 */
export function link(text, address, base) {
  let url = null;
  try {
    url = new URL(address, base);
  } catch {
    // No address: shown as text.
  }
  if (!url || !/^https?:$/.test(url.protocol)) return make("span", { text, dir: "auto" });
  return make("a", { text, href: url.href, target: "_blank", rel: "noopener noreferrer", dir: "auto" });
}

/**
 * A drawing of one path on a 24 × 24 field.
 * @param {string} path
 */
export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/**
 * A block of an answer, as the server parsed it.
 * @param {Block} block
 * @returns {HTMLElement}
 */
export function blockNode(block) {
  const spans = (/** @type {Span[]} */ some) => some.map(spanNode);
  const rows = block.rows ?? [];
  switch (block.kind) {
    case "code":
      return make("pre", { tabindex: 0, dir: "ltr" }, make("code", {}, ...spans(block.spans ?? [])));
    case "list":
      return make("ul", {}, ...rows.map((row) => make("li", { dir: "auto" }, ...spans(row[0] ?? []))));
    case "table": {
      const cells = rows.map((row, place) => row.map((cell) => make(place ? "td" : "th", { dir: "auto" }, ...spans(cell))));
      return make("div", { class: "wide", tabindex: 0 }, make("table", {}, ...cells.map((row) => make("tr", {}, ...row))));
    }
    default:
      return make("p", { dir: "auto" }, ...spans(block.spans ?? []));
  }
}

/** @param {Span} span */
function spanNode(span) {
  return span.kind === "text" ? document.createTextNode(span.text) : make(SPAN_TAGS[span.kind] ?? "span", { text: span.text });
}
