/** When a guest of Xen is started again, and what is said of it. */
import type { Ending } from '../../hypervisor/index.ts';
import type { GuestToRun } from './guests.ts';

/** Whether a new domain takes its place: on_poweroff, on_reboot and on_crash of xl.cfg(5). */
export function isStartedAgain({ xen, onReset, onPoweroff, onCrash }: GuestToRun, { kind }: Ending): boolean {
  const action = kind === 'reset' ? onReset : kind === 'poweroff' ? onPoweroff : kind === 'crash' ? onCrash : 'end';
  return xen !== undefined && action === 'restart';
}

/** Why it is started again, and as which domain, where a new one takes its place. */
export function restartSentence(name: string, why: string, domid?: number): string {
  return `${name} is started again${domid === undefined ? '' : ` as domain ${domid}`}: ${why}`;
}
