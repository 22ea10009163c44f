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
