import assert from "node:assert/strict";
import { test } from "node:test";

import { nextPlace, paneOf, withoutPick } from "../../static/js/lib/rows.js";

test("without a picked row either key picks the first", () => {
  assert.equal(nextPlace(3, -1, 1), 0);
  assert.equal(nextPlace(3, -1, -1), 0);
});

test("keys stop at the first and the last row", () => {
  assert.equal(nextPlace(3, 0, 1), 1);
  assert.equal(nextPlace(3, 2, 1), 2);
  assert.equal(nextPlace(3, 0, -1), 0);
});

test("a table without rows has none to pick", () => {
  assert.equal(nextPlace(0, -1, 1), -1);
});

test("the pane of a row keeps the row's address", () => {
  const pane = new URL(paneOf("http://127.0.0.1:8000/search?q=a%26b&sel=pc~1~-~7"));
  assert.equal(pane.searchParams.get("q"), "a&b");
  assert.equal(pane.searchParams.get("sel"), "pc~1~-~7");
  assert.equal(pane.searchParams.get("part"), "pane");
});

test("closing the pane takes the pick from the address, and nothing else", () => {
  const address = withoutPick("http://127.0.0.1:8000/search?q=a%26b&sel=pc~1~-~7#picked");
  assert.equal(new URL(address).searchParams.get("q"), "a&b");
  assert.equal(new URL(address).searchParams.has("sel"), false);
  assert.equal(new URL(address).hash, "");
});
