/** What a host tells its pool of itself, every two seconds. */
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import { type CommandHost, runNsOf } from '../toolstack/index.ts';
import type { Pool } from './pool.ts';
import type { HostLoad, SharedState } from './shared-state.ts';

const EVERY_MS = 2000;
const FRAME_BYTES = 4096,
  MIB = 2 ** 20;

export function tellOfHost(host: CommandHost, pool: Pool, state: SharedState): void {
  const { toolstack, machine, parts } = host;
  const lookUp = (): Map<string, number> =>
    new Map([
      ['', runNsOf(toolstack, DOMAIN_0)],
      ...[...toolstack.members.values()].map(
        ({ uuid, record }) => [uuid, runNsOf(toolstack, record.index)] as [string, number],
      ),
    ]);
  let before = { ranNs: lookUp(), atMs: parts.hostMs() };
  const shared = new Set<number>();
  const tell = (): void => {
    if (pool.left !== undefined) return;
    const now = { ranNs: lookUp(), atMs: parts.hostMs() };
    state.setLoad(loadBetween(host, before, now));
    before = now;
    const { name } = toolstack.identity;
    state.setHost({
      name,
      version: parts.version,
      memoryMiB: machine.frames >>> 8,
      slots: toolstack.queue.pcpus,
      vt: machine.hasVt,
    });
    state.setGuests(
      [...toolstack.members.values()].map(member => ({
        uuid: member.uuid,
        name: member.name,
        memoryMiB: member.memoryMiB,
        state: toolstack.state(member),
      })),
    );
    for (const task of host.tasks.list()) {
      if (task.state === 'running' || shared.has(task.id)) continue;
      shared.add(task.id);
      const { command, state: how, startedMs, message = '' } = task;
      state.addTask({ command: command.slice(0, 300), state: how, atMs: startedMs, message: message.slice(0, 300) });
    }
    parts.later(EVERY_MS, tell);
  };
  // What was done before it joined is nobody's business.
  for (const { id, state: how } of host.tasks.list()) if (how !== 'running') shared.add(id);
  tell();
}

function loadBetween(
  { toolstack, machine }: CommandHost,
  before: { ranNs: Map<string, number>; atMs: number },
  now: { ranNs: Map<string, number>; atMs: number },
): HostLoad {
  const spanNs = Math.max(1, (now.atMs - before.atMs) * 1e6);
  const slots = toolstack.queue.pcpus;
  const busyOf = (unit: string): number =>
    Math.max(0, (now.ranNs.get(unit) ?? 0) - (before.ranNs.get(unit) ?? now.ranNs.get(unit) ?? 0)) / spanNs;
  const busySlots = [...now.ranNs.keys()].reduce((sum, unit) => sum + busyOf(unit), 0);
  return {
    slots,
    busy: Math.min(1, busySlots / slots),
    totalBytes: machine.frames * FRAME_BYTES,
    freeBytes: machine.freeFrames * FRAME_BYTES,
    guests: [...toolstack.members.values()].map(({ uuid, memoryMiB }) => ({
      guest: uuid,
      busySlots: busyOf(uuid),
      memoryBytes: memoryMiB * MIB,
    })),
  };
}
