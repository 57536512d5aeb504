/** What the page asks of the host's whole state: one file of it, another one in its place, a new one. Each is in the task log. */
import * as Comlink from 'comlink';
import type { HostApi, StatePiece } from './api.ts';
import type { PageBoot } from '../toolstack/boot/menu/index.ts';
import { type BrowserState, readState, type StateHead } from '../host/state/index.ts';
import type { FirstHost } from './host.ts';
import type { Later } from '../host/index.ts';

/** What a guest that was just paused had under way is done by then. */
const SETTLE_MS = 100;
/** A page that asks for nothing this long has gone, or has given it up. */
const PATIENCE_MS = 30_000;

/** Guests that write the host's disk are paused until the answer is called. */
async function holdWriters(host: FirstHost, later: Later): Promise<() => void> {
  const { toolstack } = host;
  const held = [...toolstack.members.values()].filter(
    ({ attachments, released }) => attachments.held.length > 0 && !released,
  );
  // If a person pauses one of them meanwhile, or lets it run, that is done afterwards.
  for (const member of held) toolstack.setHeld(member, true);
  if (held.length > 0) await new Promise<void>(done => void later(SETTLE_MS, done));
  return () => {
    for (const member of held) if (toolstack.members.get(member.record.id) === member) toolstack.setHeld(member, false);
  };
}

async function headOf(host: FirstHost, page: unknown): Promise<StateHead> {
  const storage = await host.disk.openDevices();
  return {
    version: host.parts.version,
    savedMs: host.parts.epochMs(),
    guests: ((await host.managed?.list()) ?? []).map(({ name }) => name),
    volumes: storage?.volumes.map(({ name, bytes }) => ({ name, bytes })) ?? [],
    page,
  };
}

/** One that writes the disk runs: it was started meanwhile. */
const writes = (host: FirstHost): boolean =>
  [...host.toolstack.members.values()].some(
    ({ attachments, paused, holds, released }) => attachments.held.length > 0 && !paused && holds === 0 && !released,
  );

/** The commands. The names in the task log are ours: xl has none. */
export function wholeState(
  state: BrowserState,
  starting: Promise<FirstHost>,
  booted: Promise<PageBoot>,
  later: Later,
): Pick<HostApi, 'exportState' | 'judgeState' | 'importState' | 'resetState'> {
  const ready = async (): Promise<FirstHost> => {
    if ((await booted).virtualTime)
      throw new Error(
        'In virtual time a host starts from the same state at each visit. Load the page without ?time=virtual.',
      );
    return starting;
  };
  const send = async (host: FirstHost, port: MessagePort, page: unknown): Promise<void> => {
    let bytes = 0;
    const asked = (): Promise<void> =>
      new Promise((go, fail) => {
        const stop = later(PATIENCE_MS, () => fail(new Error('The page took no more of it: it was cancelled.')));
        port.onmessage = ({ data }) => {
          stop();
          if (data === 'cancel') fail(new Error('It was cancelled.'));
          else go();
        };
      });
    await host.tasks.run('ringside export', async task => {
      const letGo = await holdWriters(host, later);
      try {
        await asked();
        for await (const piece of state.packed(await headOf(host, page))) {
          if (writes(host))
            throw new Error(
              'A guest that writes the host’s disk was started meanwhile, so the copy would mix several moments. Export again.',
            );
          bytes += piece.length;
          port.postMessage({ bytes: piece } satisfies StatePiece, [piece.buffer]);
          await asked();
        }
        task.message = `Definitions, disks, layout and task log: ${bytes} bytes. What is in the memory of guests is not among them.`;
      } finally {
        letGo();
      }
    });
  };
  return {
    exportState: async page => {
      const host = await ready();
      const { port1, port2 } = new MessageChannel();
      void send(host, port1, page).then(
        () => port1.postMessage({ done: true } satisfies StatePiece),
        error => port1.postMessage({ problem: (error as Error).message } satisfies StatePiece),
      );
      return Comlink.transfer(port2, [port2]);
    },
    judgeState: async data => {
      await ready();
      return readState(data);
    },
    importState: async (data, name) => {
      const host = await ready();
      return host.tasks.run(`ringside import ${name}`, async task => {
        const { guests, volumes, page } = await readState(data);
        await state.replace(data);
        task.message = `Its definitions (${guests.length}) and volumes (${volumes.length}) have taken the place of those that were here.`;
        return page;
      });
    },
    resetState: async () => {
      const host = await ready();
      await host.tasks.run('ringside reset', async task => {
        await state.reset();
        task.message = 'Definitions, volumes and log are those of a new installation.';
      });
    },
  };
}
