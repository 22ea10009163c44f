// Which row comes next, and the addresses of a picked row.

/** The place of the row to pick, or -1: there are none. Without a picked row (-1) the first. */
export const nextPlace = (count, at, step) => {
  if (count === 0) return -1;
  return at === -1 ? 0 : Math.min(Math.max(at + step, 0), count - 1);
};

/** The address of a page's pane alone. */
export const paneOf = (href) => {
  const address = new URL(href);
  address.searchParams.set("part", "pane");
  return address.href;
};

/** The address with nothing picked. */
export const withoutPick = (href) => {
  const address = new URL(href);
  address.searchParams.delete("sel");
  address.hash = "";
  return address.href;
};
