import assert from "node:assert/strict";
import { test } from "node:test";

import { bytesOf, describe, size } from "../../static/js/lib/files.js";

const file = (name, bytes) => ({ name, size: bytes });

test("nothing is said where nothing is chosen", () => {
  assert.equal(describe([]), "");
  assert.equal(bytesOf([]), 0);
});

test("three names are said and the others counted", () => {
  const files = ["a", "b", "c", "d", "e"].map((name) => file(name, 1_000));

  assert.equal(describe(files), "a, b, c + 2 (5.0 kB)");
  assert.equal(describe(files.slice(0, 2)), "a, b (2.0 kB)");
});

test("sizes read as on the server", () => {
  assert.equal(size(48), "48 bytes");
  assert.equal(size(1_700_000), "1.7 MB");
  assert.equal(size(665_062), "665 kB");
  assert.equal(size(4_294_967_296), "4.3 GB");
  assert.equal(size(5e12), "5.0 TB");
});
