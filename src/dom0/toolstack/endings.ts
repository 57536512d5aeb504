/** What becomes of a domain that has stopped: on_poweroff, on_reboot and on_crash of xl.cfg(5), and what is said of it. */
import type { Ending } from '../../hypervisor/index.ts';
import type { Action, Definition } from '../definitions/config/index.ts';
import type { Restarts } from './running-domain.ts';

/** Of one that suspended itself nothing is said here: it was asked to. */
export function actionOf({ onPoweroff, onReboot, onCrash }: Definition, { kind }: Ending): Action {
  if (kind === 'crash') return onCrash;
  if (kind === 'reset') return onReboot;
  // A guest that writes to isa-debug-exit has come to its end.
  return kind === 'debug-exit' && onPoweroff === 'restart' ? 'destroy' : onPoweroff;
}

/** As `actionOf`, with the key that says it. */
export function follows(definition: Definition, ending: Ending): string {
  const key = ending.kind === 'crash' ? 'on_crash' : ending.kind === 'reset' ? 'on_reboot' : 'on_poweroff';
  return `${key} = "${actionOf(definition, ending)}"`;
}

/** Its state is to be kept as a core file first. */
export const dumpsCore = (action: Action): boolean => action.startsWith('coredump-');
/** It is started again; with rename-restart as a second domain next to the one that stopped. */
export const isStartedAgain = (action: Action): boolean => action.endsWith('restart');

/** The name of a domain that is kept next to its successor: preserve_domain() in tools/xl/xl_vmcontrol.c. */
export const keptName = (name: string, epochMs: number): string =>
  `${name}-${new Date(epochMs).toISOString().slice(0, 16).replace(/[-:]/g, '')}Z`;

/** A domain that ends sooner after its start, and this many times one after the other for the same reason, will do so for ever; xend had such a limit, too. */
const AT_ONCE_MS = 1000,
  MOST_AT_ONCE = 8;

/** One restart more, of a domain that has ended after `lastedMs`. */
export const oneMore = (before: Restarts | undefined, why: string, lastedMs: number): Restarts => ({
  count: (before?.count ?? 0) + 1,
  why,
  atOnce: lastedMs < AT_ONCE_MS ? (before?.why === why ? before.atOnce : 0) + 1 : 0,
});
export const restartsForEver = ({ atOnce }: Restarts): boolean => atOnce > MOST_AT_ONCE;
/** The last of these endings, a crash whatever it was; its report begins with why there are no more. */
export function noRestart(ending: Ending): Ending {
  const sentence = `${ending.sentence} It came to this ${MOST_AT_ONCE + 1} times, each within a second of its start, and is not started again. Look at what it boots: a kernel for another kind of guest or processor ends so.`;
  const report = ending.report?.replace(ending.sentence, () => sentence);
  return { ...ending, kind: 'crash', sentence, ...(report !== undefined && { report }) };
}

export const startsAgainAs = (sentence: string, before: number, domid: number): string =>
  `${sentence} Domain ${before} starts again as domain ${domid}.`;
export const startsAgain = (sentence: string): string => `${sentence} It starts again.`;
export const hasStopped = (name: string, { sentence }: Pick<Ending, 'sentence'>): string =>
  `${name} has stopped: ${sentence}`;

/** The part of a crash report that says how it came there. */
export function lastExits(report = ''): string {
  const at = report.indexOf('last exits');
  return at < 0 ? '' : `\n${report.slice(at)}`;
}
