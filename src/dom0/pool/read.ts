/** What somebody else wrote, who may have written anything. */

/** Of a text that is shown. */
const MOST_TEXT = 300;

export const fields = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
export const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= MOST_TEXT;
export const isCount = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 2 ** 53;
