/** Frames that grant tables hold: those that they lie in, and what their entries lend. */
import { GRANT, XEN, XEN_TYPE, GRANTS_AT } from '../layout.ts';
import type { FrameHolder, Tally } from '../../../memory/frame-holder.ts';
import type { DomainRecord, Machine } from '../../../memory/machine.ts';
import { Ports } from '../events/ports.ts';
import { GNTMAP, grantKey, GrantTable } from './grants.ts';

/** Machine frames of a domain's grant table that it may see at guest frames: not its RAM. */
export function tableFrames({ ports }: { ports: Ports }): Set<number> {
  const grants = new GrantTable(ports);
  const frames = new Set<number>();
  for (let i = 0; i < grants.frames; i++) frames.add(grants.sharedFrame(i));
  for (let i = 0; i < grants.statusFrames; i++) frames.add(grants.statusFrame(i));
  return frames;
}

const tableOf = (machine: Machine, record: DomainRecord): GrantTable => new GrantTable(new Ports(machine, record));

export const GRANT_FRAMES: FrameHolder = {
  detach(machine, record) {
    tableOf(machine, record).dropMappings();
  },

  close: (machine, record) => tableOf(machine, record).free(),

  repair(machine, _dead, domains) {
    // To take a lock is to repair it.
    for (const other of domains) tableOf(machine, other).locked(() => {});
  },

  count(machine, record, add, then) {
    const table = tableOf(machine, record);
    // A user of a grant drops its reference with this lock held.
    table.locked(() => {
      for (const { pins, mfn } of table.uses()) if (mfn >= 0) add(mfn, (pins & 0xffff) + (pins >>> 16));
      for (let i = 0; i < table.frames; i++) add(table.sharedFrame(i), 1);
      for (let i = 0; i < table.statusFrames; i++) add(table.statusFrame(i), 1);
    }, then);
  },

  audit(tally, domains) {
    /** `grantKey` to uses by maptracks, as Held. */
    const pins = new Map(tally.held.grants);
    for (const record of domains) auditMaptrack(tally, record, pins, domains);
    for (const record of domains) auditGrants(tally, record, pins);
  },

  /** By a mapping of a grant, of an entry that may be written where it is to. */
  shows(machine, record, mfn, write) {
    const table = tableOf(machine, record);
    for (const map of table.mappings())
      if (map.flags & GNTMAP.HOST && (!write || !(map.flags & GNTMAP.READONLY)) && table.mfnOf(map) === mfn)
        return true;
    return false;
  },
};

/** Uses of grants that a domain's mappings represent. */
function auditMaptrack(
  tally: Tally,
  record: DomainRecord,
  pins: Map<number, number>,
  domains: readonly DomainRecord[],
): void {
  const { machine } = tally;
  const ports = new Ports(machine, record),
    table = new GrantTable(ports);
  const stage = machine.secondStage(record);
  const translated = machine.words[ports.xenBlock + XEN.TYPE] !== XEN_TYPE.PV;
  for (const map of table.mappings()) {
    if (!domains.some(({ id }) => id === map.domid)) {
      tally.say(`domain ${record.id} maps a grant of domain ${map.domid}, which is not there`);
      continue;
    }
    const key = grantKey(map.domid, map.ref);
    const readonly = (map.flags & GNTMAP.READONLY) !== 0;
    for (const part of [GNTMAP.HOST, GNTMAP.DEVICE])
      if (map.flags & part) pins.set(key, (pins.get(key) ?? 0) + (readonly ? 1 : 0x10000));
    const mfn = table.mfnOf(map);
    if (translated && map.flags & GNTMAP.HOST && stage.mfn(map.gfn) !== mfn)
      tally.say(
        `domain ${record.id} has frame ${stage.mfn(map.gfn)} at guest frame ${map.gfn}, where a grant shows frame ${mfn}`,
      );
  }
}

function auditGrants(tally: Tally, record: DomainRecord, pins: Map<number, number>): void {
  const { machine } = tally,
    { words } = machine;
  const table = new GrantTable(new Ports(machine, record));
  const block = (record.guestOffset + GRANTS_AT) >>> 2;
  if (words[block + GRANT.LOCK] !== 0) tally.say(`the lock of domain ${record.id}'s grant table is held`);
  for (let i = 0; i < table.frames; i++) tally.write(table.sharedFrame(i));
  for (let i = 0; i < table.statusFrames; i++) tally.write(table.statusFrame(i));
  for (let i = 0; i < 2 * table.frames; i++) tally.own(words[block + GRANT.ACTIVE + i], 1);
  for (let i = 0; i < words[block + GRANT.MAPTRACK_FRAMES]; i++) tally.own(words[block + GRANT.MAPTRACK + i], 1);
  for (const { ref, pins: used, mfn } of table.uses()) {
    const key = grantKey(record.id, ref);
    const counted = pins.get(key) ?? 0;
    pins.delete(key);
    if (used !== counted)
      tally.say(
        `grant ${ref} of domain ${record.id} has uses 0x${used.toString(16)}, counted 0x${counted.toString(16)}`,
      );
    if (mfn < 0) continue;
    tally.read(mfn, used & 0xffff);
    for (let writer = 0; writer < used >>> 16; writer++) tally.writeByOthers(mfn);
  }
  for (const [key, used] of pins)
    if (key >= grantKey(record.id, 0) && key < grantKey(record.id + 1, 0))
      tally.say(
        `grant ${key - grantKey(record.id, 0)} of domain ${record.id} is mapped (0x${used.toString(16)}) and has no use`,
      );
}
