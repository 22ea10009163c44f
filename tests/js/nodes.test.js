import assert from "node:assert/strict";
import { test } from "node:test";

import { pickedIn, processAddress, sameGraph, toggled } from "../../static/js/lib/nodes.js";

const GUID = "aa6b4a20-7b8d-5ce0-0000-001028031c00";

test("a process has a graph of its own", () => {
  assert.equal(processAddress("/processes/pc/", `p~${GUID}`), `/processes/pc/${GUID}`);
});

test("groups, hidden children, the picked process and those without a GUID have none", () => {
  for (const name of ["p~", `p~${GUID}~children`, `file~${GUID}~1a2b`, "p~created-by-x", "group~~registry~all"]) {
    assert.equal(processAddress("/processes/pc/", name), "", name);
  }
  assert.equal(processAddress("", `p~${GUID}`), "");
});

test("the picked node stands in the address", () => {
  assert.equal(pickedIn("http://127.0.0.1/processes/pc/x?open=a&sel=p~b"), "p~b");
  assert.equal(pickedIn("http://127.0.0.1/processes/pc/x"), "");
});

test("two addresses show the same graph where only the pick differs", () => {
  const one = "http://127.0.0.1/processes/pc/x?open=a&sel=p~b";
  assert.ok(sameGraph(one, "http://127.0.0.1/processes/pc/x?open=a&sel=p~c#list"));
  assert.ok(!sameGraph(one, "http://127.0.0.1/processes/pc/x?sel=p~b"));
  assert.ok(!sameGraph(one, "http://127.0.0.1/processes/pc/y?open=a&sel=p~b"));
});

const PAGE = "http://127.0.0.1/processes/pc/x";
const said = (href, key) => new URL(href).searchParams.getAll(key);

test("a group is opened by saying so, and folded by not saying so any more", () => {
  const opened = toggled(`${PAGE}?hide=dns`, "group~~registry~all", false);
  assert.deepEqual(said(opened, "open"), ["group~~registry~all"]);
  assert.deepEqual(said(opened, "hide"), ["dns"]);
  assert.equal(toggled(opened, "group~~registry~all", true), `${PAGE}?hide=dns`);
});

test("what is open by itself is folded by saying so", () => {
  const folded = toggled(PAGE, "p~", true);
  assert.deepEqual(said(folded, "shut"), ["p~"]);
  assert.equal(toggled(folded, "p~", false), PAGE);
  assert.deepEqual(said(toggled(`${PAGE}?open=p~a~children`, "p~a~children", true), "shut"), ["p~a~children"]);
});

test("of all that is open one group is folded", () => {
  const folded = toggled(`${PAGE}?open=all`, "group~~file~all", true);
  assert.deepEqual(said(folded, "open"), ["all"]);
  assert.deepEqual(said(folded, "shut"), ["group~~file~all"]);
});
