import assert from "node:assert/strict";
import { test } from "node:test";

import { isArrow, nearest } from "../../static/js/lib/nearest.js";

const box = (x, y) => ({ x, y, width: 10, height: 10 });

test("the nearest node ahead is found, in each direction", () => {
  const boxes = [box(0, 0), box(100, 0), box(200, 0), box(100, 50), box(100, -50)];
  assert.equal(nearest(boxes[0], boxes, "ArrowRight"), 1);
  assert.equal(nearest(boxes[2], boxes, "ArrowLeft"), 1);
  assert.equal(nearest(boxes[1], boxes, "ArrowDown"), 3);
  assert.equal(nearest(boxes[1], boxes, "ArrowUp"), 4);
});

test("straight ahead comes before aside", () => {
  assert.equal(nearest(box(0, 0), [box(60, 40), box(100, 0)], "ArrowRight"), 1);
});

test("what a process did hangs below it, and its child lies to its right", () => {
  const process = { x: 0, y: 0, width: 170, height: 50 };
  const deed = { x: 12, y: 60, width: 158, height: 20 };
  const child = { x: 210, y: 0, width: 130, height: 50 };
  assert.equal(nearest(process, [deed, child], "ArrowRight"), 1);
  assert.equal(nearest(process, [deed, child], "ArrowDown"), 0);
  assert.equal(nearest(deed, [process, child], "ArrowUp"), 0);
});

test("where nothing lies in a direction there is none", () => {
  assert.equal(nearest(box(0, 0), [box(0, 0), box(-50, 0)], "ArrowRight"), -1);
});

test("only arrows are arrows", () => {
  assert.ok(isArrow("ArrowUp"));
  assert.ok(!isArrow("Enter"));
});
