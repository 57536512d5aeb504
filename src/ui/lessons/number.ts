/** A number as it is said in a lesson. */

/** `none`: what stands where there is no number. */
export const number = (value: number, none = '–'): string =>
  Number.isNaN(value) ? none : Number.isInteger(value) ? String(value) : value.toFixed(1);
