/** Lists of devices that this host has not. */
import type { Judged } from '../options.ts';
import { isEmpty, type KeyRule, rule } from '../rule.ts';
import { verdicts } from './verdicts-part.ts';

/** A list whose texts are looked at all the same. */
export const devices = (general: Judged): KeyRule =>
  rule('list', general, {
    fits: isEmpty,
    judge: asked => void verdicts.loaded?.devices.judgeDeviceOptions(asked, general) as undefined,
  });
