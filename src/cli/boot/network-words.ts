/** What --net and --forward may say. */
import { type Forward, readForward } from '../../dom0/host/network/nat/index.ts';
import { UsageError } from './usage-error.ts';

/** @throws UsageError */
export function netWord(text: string): 'nat' {
  if (text !== 'nat') throw new UsageError(`--net takes nat, not "${text}".`);
  return text;
}

/** @throws UsageError */
export function forwardWord(text: string): Forward {
  try {
    return readForward(text);
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
