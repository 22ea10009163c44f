// Which node lies in a direction: straight ahead counts less than aside.

const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

/** Whether a key is an arrow. */
export const isArrow = (key) => key in DIRECTIONS;

const middle = (box) => [box.x + box.width / 2, box.y + box.height / 2];

/** The place in ``boxes`` of the nearest one in the direction of an arrow key, or -1: there is none. */
export const nearest = (here, boxes, key) => {
  const [dx, dy] = DIRECTIONS[key];
  const [x, y] = middle(here);
  let best = -1;
  let least = Infinity;
  boxes.forEach((box, place) => {
    const [bx, by] = middle(box);
    const along = (bx - x) * dx + (by - y) * dy;
    const aside = Math.abs((bx - x) * dy) + Math.abs((by - y) * dx);
    if (along > 4 && along + 2 * aside < least) {
      best = place;
      least = along + 2 * aside;
    }
  });
  return best;
};
