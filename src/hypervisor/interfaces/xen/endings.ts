/** What a guest that has shut down has come to, by the reason of SCHEDOP_shutdown (xen/include/public/sched.h). */
import type { Ending } from '../../domain/ending.ts';
import { SHUTDOWN } from './abi.ts';

/** `report`: of a crash, from its sentence on. */
export function endingOf(code: number, report: (sentence: string) => string): Ending {
  const crash = (sentence: string): Ending => ({ kind: 'crash', sentence, report: report(sentence) });
  switch (code) {
    case SHUTDOWN.POWEROFF:
      return { kind: 'poweroff', sentence: 'The guest powered off.' };
    case SHUTDOWN.REBOOT:
    case SHUTDOWN.SOFT_RESET:
      return { kind: 'reset', sentence: 'The guest asked for a reboot.' };
    case SHUTDOWN.SUSPEND:
      return { kind: 'suspend', sentence: 'The guest has suspended itself.' };
    case SHUTDOWN.WATCHDOG:
      return crash("The guest's watchdog ran out.");
    case SHUTDOWN.CRASH:
      return crash('The guest called SCHEDOP_shutdown with SHUTDOWN_crash.');
    default:
      return crash(`The guest called SCHEDOP_shutdown with ${code}, which is no reason.`);
  }
}
