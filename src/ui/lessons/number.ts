/** A number as it is said in a lesson, in its language. */
import { language } from './language.ts';

const ONE_DIGIT = { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false };

/** `none`: what is shown where there is no number. */
export const number = (value: number, none = '–'): string =>
  Number.isNaN(value) ? none : Number.isInteger(value) ? String(value) : value.toLocaleString(language(), ONE_DIGIT);
