/** 1, 2, 4 or 5 times a power of ten: halves of it are read at a glance. */
export function niceTop(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 10].map(step => step * power).find(top => top >= most * 0.999) ?? most;
}
