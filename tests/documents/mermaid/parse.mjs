// Parses diagrams with Mermaid: an array of {place, text} comes on standard input, and what is wrong
// goes to standard output, a line for each.
//
// Mermaid would clean labels with DOMPurify, which needs a browser. To parse, nothing has to be clean.

import { readFileSync } from "node:fs";
import DOMPurify from "dompurify";

DOMPurify.sanitize = (text) => text;
DOMPurify.addHook = () => {};
const { default: mermaid } = await import("mermaid");

for (const { place, text } of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    await mermaid.parse(text);
  } catch (error) {
    console.log(`${place}: ${String(error.message).replaceAll("\n", " ")}`);
  }
}
