import assert from "node:assert/strict";
import { test } from "node:test";

import { momentAt, rangeBetween, utcText } from "../../static/js/lib/range.js";

const START = Date.UTC(2019, 4, 18, 18);
const END = Date.UTC(2019, 4, 18, 22);

test("a place on the axis is a moment between its ends", () => {
  assert.equal(momentAt(START, END, 0), START);
  assert.equal(momentAt(START, END, 0.5), Date.UTC(2019, 4, 18, 20));
  assert.equal(momentAt(START, END, 1), END);
});

test("places beyond the axis are its ends", () => {
  assert.equal(momentAt(START, END, -0.2), START);
  assert.equal(momentAt(START, END, 7), END);
});

test("a moment is written in UTC with milliseconds", () => {
  assert.equal(utcText(START + 1), "2019-05-18 18:00:00.001");
});

test("dragging backwards gives the same range as forwards", () => {
  const range = { from: "2019-05-18 19:00:00.000", to: "2019-05-18 21:00:00.000" };
  assert.deepEqual(rangeBetween(START, END, 0.25, 0.75), range);
  assert.deepEqual(rangeBetween(START, END, 0.75, 0.25), range);
});
