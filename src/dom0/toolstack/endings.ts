/** What becomes of a domain that has stopped: on_poweroff, on_reboot and on_crash of xl.cfg(5), and what is said of it. */
import type { Ending } from '../../hypervisor/index.ts';
import type { Action, Definition } from '../config/definition.ts';

/** Of one that suspended itself nothing is said here: it was asked to. */
export function actionOf({ onPoweroff, onReboot, onCrash }: Definition, { kind }: Ending): Action {
  if (kind === 'crash') return onCrash;
  if (kind === 'reset') return onReboot;
  // Whoever writes to isa-debug-exit has come to its end.
  return kind === 'debug-exit' && onPoweroff === 'restart' ? 'destroy' : onPoweroff;
}

export const startsAgainAs = (sentence: string, before: number, domid: number): string => `${sentence} Domain ${before} starts again as domain ${domid}.`;
export const startsAgain = (sentence: string): string => `${sentence} It starts again.`;
export const hasStopped = (name: string, { sentence }: Pick<Ending, 'sentence'>): string => `${name} has stopped: ${sentence}`;

/** The part of a crash report that says how it came there. */
export function lastExits(report = ''): string {
  const at = report.indexOf('last exits');
  return at < 0 ? '' : `\n${report.slice(at)}`;
}
