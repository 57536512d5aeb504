/** What a host tells its pool of itself, every two seconds. */
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import { type CommandHost, comparableRunNs, runNsOf, type Uses } from '../toolstack/index.ts';
import type { Pool } from './pool.ts';
import type { HostLoad, SharedState } from './shared-state.ts';

const EVERY_MS = 2000;
/**
 * Below those that DHCP gives out (devices/net/peer.ts), and from above those that it gives out last, where it hears that they are taken; 2 and 3 are the gateway and
 * the name server. As many as a hub takes members.
 */
const STATIONS = [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, ...Array.from({ length: 55 }, (_, i) => 254 - i)];
const FRAME_BYTES = 4096,
  MIB = 2 ** 20;

export function tellOfHost(host: CommandHost, pool: Pool, state: SharedState): void {
  const { toolstack, machine, parts, clock } = host;
  const lookUp = (): Map<string, number> =>
    new Map([
      ['', runNsOf(toolstack, DOMAIN_0)],
      ...[...toolstack.members.values()].flatMap(({ uuid, record }): [string, number][] => {
        const ns = comparableRunNs(toolstack, record.index);
        return ns === undefined ? [] : [[uuid, ns]];
      }),
    ]);
  let before = { ranNs: lookUp(), atMs: clock.hostMs() };
  const shared = new Set<number>();
  let station = 0;
  const tell = (): void => {
    if (pool.left !== undefined) {
      toolstack.services.network.ownStation = STATIONS[0]!;
      return;
    }
    const now = { ranNs: lookUp(), atMs: clock.hostMs() };
    state.setLoad(loadBetween(host, before, now));
    before = now;
    const { name } = toolstack.identity;
    const wanted = stationOf(pool, state, station);
    if (wanted !== station) toolstack.services.network.ownStation = station = wanted;
    state.setHost({
      name,
      version: parts.version,
      memoryMiB: machine.frames >>> 8,
      slots: toolstack.queue.pcpus,
      vt: machine.hasVt,
      station,
      receives: pool.receives,
    });
    // A viewer's guests are its own.
    state.setGuests(
      (pool.role === 'viewer' ? [] : [...toolstack.members.values()]).map(member => {
        const { tags } = member.blueprint.definition;
        return {
          uuid: member.uuid,
          name: member.name,
          memoryMiB: Math.ceil(member.memoryMiB),
          state: toolstack.state(member),
          ...(tags ? { tags } : {}),
        };
      }),
    );
    for (const task of host.tasks.list()) {
      if (task.state === 'running' || shared.has(task.id)) continue;
      shared.add(task.id);
      const { command, state: how, startedMs, message = '' } = task;
      state.addTask({ command: command.slice(0, 300), state: how, atMs: startedMs, message: message.slice(0, 300) });
    }
    clock.later(EVERY_MS, tell);
  };
  // What was done before it joined is nobody's business.
  for (const { id, state: how } of host.tasks.list()) if (how !== 'running') shared.add(id);
  tell();
}

/** The one that it has, unless a host that was there before has it, too: then the least that nobody has. */
function stationOf(pool: Pool, state: SharedState, has: number): number {
  const order = pool.inOrder;
  const place = order.indexOf(pool.me);
  const others = state.hosts.filter(({ name }) => name !== pool.me && order.includes(name));
  const isTaken = (station: number, by = others): boolean => by.some(other => other.station === station);
  const before = others.filter(({ name }) => order.indexOf(name) < place);
  // What others have may not have come yet: those who join one after the other begin with different ones.
  if (has === 0) return STATIONS[Math.min(place, STATIONS.length - 1)]!;
  if (!isTaken(has, before)) return has;
  return STATIONS.find(station => !isTaken(station)) ?? has;
}

function loadBetween(
  { toolstack, machine }: Uses<'machine' | 'toolstack'>,
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
