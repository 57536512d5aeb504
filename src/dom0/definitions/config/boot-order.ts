/** What firmware tries, as letters: `boot` of a definition and --boot. Source: xl.cfg(5), "Boot Device"; libxl hands the letters on as they are. */

export const BOOT_DEVICES: Readonly<Record<string, string>> = {
  a: 'floppy drives',
  c: 'disks',
  d: 'CD-ROM drives',
  n: 'the network',
};

/** The letter of a drive of a kind, and of the network. */
export const BOOT_LETTERS = { disk: 'c', cdrom: 'd', floppy: 'a', network: 'n' } as const;

/** Each device once, where it is first named: what could not be started is not tried again. Letters without a meaning are left out. */
export const bootOrder = (text: string): string =>
  [...new Set(text)].filter(letter => Object.hasOwn(BOOT_DEVICES, letter)).join('');

/** What is wrong with a boot order, or undefined: the end of a sentence that begins with its position. */
export function bootOrderProblem(text: string): string | undefined {
  const letters = [...text];
  const at = letters.findIndex(letter => !Object.hasOwn(BOOT_DEVICES, letter));
  if (at < 0) return undefined;
  return `the letters are c (disk), d (CD-ROM), a (floppy) and n (network). Letter ${at + 1} is ‘${letters[at]}’. Write for example "${bootOrder(text) || 'dc'}".`;
}

/** Whether a letter comes again, and what becomes of it; '' where none does. */
export function repeatedLetters(text: string): string {
  const again = [...bootOrder(text)].filter(letter => text.split(letter).length > 2);
  return again.length === 0
    ? ''
    : ` No device is tried twice: ${again.map(letter => `‘${letter}’`).join(' and ')} ${again.length === 1 ? 'counts where it comes first' : 'count where they come first'}, as in "${bootOrder(text)}".`;
}
