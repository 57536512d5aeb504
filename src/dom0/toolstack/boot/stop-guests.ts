/** The host is about to go: its guests are shut down in order, the one that was started last first, as the service xendomains does. */
import type { CommandHost, Guest, Uses } from '../command-host.ts';

/** How long one guest may take. */
export const MOST_STOP_MS = 30_000;
/** A guest that still boots may not have heard: it is asked again. */
const ASK_AGAIN_MS = 5000;

/** Asks each guest to shut down and waits for it; one that does not, or cannot, is destroyed. `say`: a line of what happens. */
export async function stopGuests(host: CommandHost, say: (line: string) => void): Promise<void> {
  const seen = new Set<string>();
  for (;;) {
    const member = [...host.toolstack.members.values()].findLast(({ record }) => !host.domains.lost.has(record.id));
    if (!member) break;
    const { name } = member;
    // One that starts again whenever it stops is asked once.
    const asked = !member.ending && !member.paused && !seen.has(name);
    seen.add(name);
    if (asked) {
      say(`Shutting down ${name} ...`);
      const over = await stopped(host, member);
      say(
        over === undefined
          ? `${name} has not shut down within ${MOST_STOP_MS / 1000} s and is destroyed.`
          : `${name} is down.`,
      );
    } else if (!member.ending) say(`${name} ${member.paused ? 'is paused' : 'has started again'} and is destroyed.`);
    const now = host.toolstack.members.get(member.record.id);
    if (now) await host.toolstack.remove(now);
  }
}

/** How it ended; undefined: it has not. */
function stopped(host: Uses<'clock' | 'toolstack'>, member: Guest): Promise<string | undefined> {
  return new Promise(resolve => {
    let stopAsking = (): void => {};
    const askAgain = (): void => {
      stopAsking = host.clock.later(ASK_AGAIN_MS, () => {
        host.toolstack.ask(member, 'poweroff');
        askAgain();
      });
    };
    const over = (how: string | undefined): void => {
      cancel();
      stopAsking();
      member.whenOver.delete(over);
      resolve(how);
    };
    const cancel = host.clock.later(MOST_STOP_MS, () => over(undefined));
    member.whenOver.add(over);
    host.toolstack.shutDown(member);
    askAgain();
  });
}
