// Scales and places of a picture in a frame that scrolls.

const LEAST = 0.2;
const MOST = 3;

/** The nearest scale that is allowed. */
export const clampScale = (scale) => Math.min(Math.max(scale, LEAST), MOST);

/** Where to scroll so that what is under a point stays there: ``k`` is the new scale by the old one. */
export const scrolledTo = (scroll, at, k) => (scroll + at) * k - at;

/** The scale at which a picture fits into its frame; never larger than it is. */
export const fitScale = (frame, picture) =>
  clampScale(Math.min(frame.width / picture.width, frame.height / picture.height, 1));

/** How much a turn of the wheel zooms. */
export const wheelFactor = (deltaY) => Math.exp(-Math.max(-200, Math.min(200, deltaY)) / 400);

/** What of the picture is in sight, in its own measure; null where all of it is. */
export const inSight = (frame, scale) => {
  const fits = frame.scrollWidth <= frame.clientWidth + 2 && frame.scrollHeight <= frame.clientHeight + 2;
  if (fits) return null;
  const { scrollLeft: x, scrollTop: y, clientWidth: width, clientHeight: height } = frame;
  return { x: x / scale, y: y / scale, width: width / scale, height: height / scale };
};
