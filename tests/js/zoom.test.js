import assert from "node:assert/strict";
import { test } from "node:test";

import { clampScale, fitScale, inSight, scrolledTo, wheelFactor } from "../../static/js/lib/zoom.js";

test("scales stay between a fifth and three times the size", () => {
  assert.equal(clampScale(0.01), 0.2);
  assert.equal(clampScale(1.5), 1.5);
  assert.equal(clampScale(9), 3);
});

test("what is under the pointer stays there", () => {
  // The point 300 of the picture is under 100 of the frame; twice as large it is at 600.
  assert.equal(scrolledTo(200, 100, 2), 500);
  assert.equal(scrolledTo(500, 100, 0.5), 200);
});

test("a picture that fits is not made larger", () => {
  assert.equal(fitScale({ width: 1000, height: 500 }, { width: 400, height: 200 }), 1);
  assert.equal(fitScale({ width: 1000, height: 500 }, { width: 2000, height: 500 }), 0.5);
});

test("one turn of the wheel zooms a little, whatever the mouse says", () => {
  assert.equal(wheelFactor(0), 1);
  assert.ok(wheelFactor(-100) > 1);
  assert.equal(wheelFactor(-100000), wheelFactor(-200));
});

test("what is in sight is told in the measure of the picture, and nothing where all is", () => {
  const frame = { scrollLeft: 100, scrollTop: 0, clientWidth: 500, clientHeight: 300, scrollWidth: 1000, scrollHeight: 300 };
  assert.deepEqual(inSight(frame, 0.5), { x: 200, y: 0, width: 1000, height: 600 });
  assert.equal(inSight({ ...frame, scrollWidth: 500 }, 0.5), null);
});
