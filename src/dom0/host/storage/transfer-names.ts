/** How a guest's transfer disk is asked for, and what its volume is called. */

const PREFIX = 'transfer:';
const DEFAULT_BYTES = 64 * 2 ** 20,
  LEAST_BYTES = 4 * 2 ** 20,
  MOST_BYTES = 64 * 2 ** 30;

export const isTransfer = (target: string): boolean => target.startsWith(PREFIX);

/** The volume of a domain. */
export const transferVolume = (domain: string): string => `transfer-${domain.replace(/[^\w+.-]/g, '_').slice(0, 100)}`;

/** Whether it says how large; one that is there is taken as it is where it does not. */
export const namesSize = (target: string): boolean => target.length > PREFIX.length;

/** Bytes that `transfer:SIZE` asks for; a sentence: what is wrong with it. */
export function transferBytes(target: string): number | string {
  const text = target.slice(PREFIX.length);
  if (text === '') return DEFAULT_BYTES;
  const [, digits, unit = 'm'] = /^(\d{1,6})([mg])?i?b?$/i.exec(text) ?? [];
  const bytes = Number(digits) * (unit.toLowerCase() === 'g' ? 2 ** 30 : 2 ** 20);
  if (bytes >= LEAST_BYTES && bytes <= MOST_BYTES) return bytes;
  return `${target.slice(0, 40)}: a transfer disk has 4M to 64G. Write for example transfer:64M.`;
}
