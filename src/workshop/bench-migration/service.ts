/**
 * Service downtime: a host pings a guest every 10 ms through its bridge while the guest moves, and the longest time between two answers is what who uses the guest
 * notices. The guest is minipv with Xen's network driver, which suspends itself; in its pauses it answers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pings } from '../../dom0/pool/index.ts';
import type { Host } from '../../dom0/service/index.ts';
import { later, sharedMs } from '../../cli/node-clock.ts';
import { repository } from '../../cli/repository.ts';

/** Pages that it writes again and again, and microseconds between two times. */
export interface Served {
  pages: number;
  pauseUs: number;
}

/** A guest that has said nothing for this long is gone. */
const GONE_MS = 300;
/** 10.0.2.101 */
const ADDRESS = 0x0a000265;
const PROMPT = 'minipv> ';
const MANY = 100_000_000;

/** Boots the guest, and has it write. @throws Error where it does not come */
export async function serve(
  host: Host,
  mib: number,
  { pages, pauseUs }: Served,
  pause: (ms: number) => Promise<void>,
): Promise<void> {
  const kernel = readFileSync(join(repository(), 'guests', 'minipv', 'minipv.elf'));
  const definition = `name = "served"\ntype = "pvh"\nmemory = ${mib}\nkernel = "minipv.elf"\nvif = [ "" ]\n`;
  const { id } = await host.create([
    { name: 'served.cfg', data: new Blob([definition]) },
    { name: 'minipv.elf', data: new Blob([kernel]) },
  ]);
  const { console } = await host.consoles.view(id);
  let shown = '';
  console.onmessage = ({ data }: MessageEvent<{ serial?: Uint8Array }>) => {
    if (data.serial) shown += new TextDecoder().decode(data.serial);
  };
  const prompt = async (): Promise<void> => {
    for (let tries = 0; !shown.endsWith(PROMPT); tries++) {
      if (tries > 1000) throw new Error(`minipv does not come to its prompt: ${shown.slice(-200)}`);
      await pause(10);
    }
    shown = '';
  };
  const type = (line: string): void => console.postMessage(new TextEncoder().encode(`${line}\r`));
  await prompt();
  type('ip 10.0.2.101');
  await prompt();
  if (pages > 0) type(`dirty ${pages} ${MANY} ${pauseUs}`);
  console.close();
}

/** From now on until it is asked for the longest time between two answers, in milliseconds. */
export function pings(host: Host): () => Promise<number> {
  const pinging = new Pings(host.toolstack.services.network, ADDRESS, 1, { later, nowMs: sharedMs });
  return async () => {
    const silentMs = await pinging.longest(sharedMs(), GONE_MS);
    pinging.end();
    // Where it does not answer any more, that is for ever.
    return silentMs ?? Infinity;
  };
}
