// Moments of a histogram: from places on its axis to what the search form takes.

/** The moment that lies at a fraction (0 to 1) between two moments, all in milliseconds since 1970. */
export const momentAt = (start, end, fraction) =>
  Math.round(start + (end - start) * Math.min(Math.max(fraction, 0), 1));

/** A moment as the search form takes it: 2019-05-18 21:57:52.885, in UTC. */
export const utcText = (milliseconds) => new Date(milliseconds).toISOString().replace("T", " ").replace("Z", "");

/** The range between two places on the axis, whichever of them comes first. */
export const rangeBetween = (start, end, one, other) => ({
  from: utcText(momentAt(start, end, Math.min(one, other))),
  to: utcText(momentAt(start, end, Math.max(one, other))),
});
