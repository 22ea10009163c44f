// Names of nodes as addresses have them, and the addresses that belong to them.

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The address of the graph of the process that a node is; empty where it is none, or the picked one. */
export const processAddress = (prefix, name) => {
  const [kind, guid, ...more] = name.split("~");
  return prefix && kind === "p" && more.length === 0 && GUID.test(guid) ? prefix + guid : "";
};

/** The name of the node that an address picks; empty where it picks none. */
export const pickedIn = (href) => new URL(href).searchParams.get("sel") ?? "";

/** Whether two addresses show the same graph: only what is picked differs. */
export const sameGraph = (one, other) => {
  const bare = (href) => {
    const address = new URL(href);
    address.searchParams.delete("sel");
    address.hash = "";
    return address.href;
  };
  return bare(one) === bare(other);
};

const OPENS_BY_ITSELF = (name) => name === "p~" || name.endsWith("~children");

/** The address on which a node is the other way: open instead of folded, or back. As the server makes it. */
export const toggled = (href, name, isOpen) => {
  const address = new URL(href);
  const { searchParams } = address;
  const [opened, closed] = ["open", "shut"].map((key) => new Set(searchParams.getAll(key)));
  if (isOpen) {
    const wasSaid = opened.delete(name) && !opened.has("all") && !OPENS_BY_ITSELF(name);
    if (!wasSaid) closed.add(name);
  } else if (!closed.delete(name)) {
    opened.add(name);
  }
  for (const [key, names] of [["open", opened], ["shut", closed]]) {
    searchParams.delete(key);
    for (const each of names) searchParams.append(key, each);
  }
  return address.href;
};
