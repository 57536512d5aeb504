/** What a host starts whose boot menu nobody is shown. */
import { type HostBoot, hostBootOf, whyNot } from './boot-host.ts';
import type { BootMenu } from './boot-menu.ts';

/** The entry that was asked for starts nothing; a sentence. */
export class BootError extends Error {
  override name = 'BootError';
}

/** The entry that was wanted, or the menu's default. @throws BootError */
export function bootWithout(menu: BootMenu): HostBoot {
  if (menu.mode.kind === 'menu' || menu.mode.kind === 'hidden') menu.take();
  const boot = hostBootOf(menu.choice);
  if (!boot) throw new BootError(`the host does not boot: ${whyNot(menu)}`);
  return boot;
}
