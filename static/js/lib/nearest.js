// Which node lies in a direction: straight ahead counts less than aside.

const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

/** Whether a key is an arrow. */
export const isArrow = (key) => key in DIRECTIONS;

const middle = (box) => [box.x + box.width / 2, box.y + box.height / 2];

// How far a box lies ahead: from the edge that faces it to its own facing edge.
const ahead = (here, box, [dx, dy]) => {
  if (dx) return dx > 0 ? box.x - (here.x + here.width) : here.x - (box.x + box.width);
  return dy > 0 ? box.y - (here.y + here.height) : here.y - (box.y + box.height);
};

const aside = (here, box, [dx]) => {
  const [[x, y], [bx, by]] = [middle(here), middle(box)];
  return Math.abs(dx ? by - y : bx - x);
};

/** The place in ``boxes`` of the nearest one in the direction of an arrow key, or -1: there is none. */
export const nearest = (here, boxes, key) => {
  const direction = DIRECTIONS[key];
  let best = -1;
  let least = Infinity;
  boxes.forEach((box, place) => {
    const far = ahead(here, box, direction);
    const way = far + 2 * aside(here, box, direction);
    if (far > -3 && box !== here && way < least) {
      best = place;
      least = way;
    }
  });
  return best;
};
