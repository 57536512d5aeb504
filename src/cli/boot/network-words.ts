/** What --net and --forward may say. */
import { type Forward, readForward, readForwardToAny } from '../../dom0/host/network/nat/index.ts';
import { UsageError } from './usage-error.ts';

/** @throws UsageError */
export function netWord(text: string): 'nat' {
  if (text !== 'nat') throw new UsageError(`--net takes nat, not "${text}".`);
  return text;
}

/** To a guest of the only network that there is. @throws UsageError */
export const forwardWord = (text: string): Forward => forwardBy(readForward, text);

/** To a guest of any network of a host that has several. @throws UsageError */
export const hostForwardWord = (text: string): Forward => forwardBy(readForwardToAny, text);

function forwardBy(read: (text: string) => Forward, text: string): Forward {
  try {
    return read(text);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--forward ${error.message}`);
    throw error;
  }
}

/** @throws UsageError */
export function checkForwards(net: 'nat' | undefined, forwards: readonly Forward[]): void {
  if (forwards.length > 0 && net === undefined)
    throw new UsageError('--forward is for a network that leads out. Add --net nat.');
}
