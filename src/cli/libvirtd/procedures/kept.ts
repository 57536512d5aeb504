/** Procedures that networks and pools share: both are kept by a name and a UUID, and are active, persistent and automatic or not. */
import { array, int, optional, struct, unsigned } from '../../../formats/xdr/index.ts';
import type { CommandHost } from '../../../dom0/toolstack/index.ts';
import * as libvirt from '../../../dom0/libvirt/index.ts';
import { type Procedure, procedure, type Told } from '../procedure.ts';
import { flags, LIST_MAX, type NamedRef, named, text, uuid } from '../types.ts';
import { countOf, namesOf } from './lists.ts';

export const OF_NAMED = struct({ of: named });
export const OF_NAMED_WITH_FLAGS = struct({ of: named, flags });
/** Of a list: a client may want but their number. */
export const LISTED = struct({ needResults: int, flags });
export const NAMED_LIST = struct({ list: array(named, LIST_MAX), count: unsigned });

/** As clients refer to it. */
export const refOf = ({ of: { name, uuid: id } }: { of: NamedRef }): { of: NamedRef } => ({ of: { name, uuid: id } });

interface Kind<Entry> {
  /** `flags`: of libvirt.LISTED, and of its own. */
  list(host: CommandHost, flags: number): Promise<Entry[]>;
  /** @throws LibvirtError */
  byName(host: CommandHost, name: string): Promise<Entry>;
  /** @throws LibvirtError */
  byUuid(host: CommandHost, uuid: string): Promise<Entry>;
  setAutostart(host: CommandHost, entry: Entry, on: boolean): Promise<unknown>;
  events: Told;
}

export function keptProcedures<Entry extends libvirt.NetworkEntry | libvirt.PoolEntry>(kind: Kind<Entry>) {
  /** The one that a client means: by its UUID, as libvirt's drivers do. @throws LibvirtError */
  const meant = (host: CommandHost, ref: NamedRef): Promise<Entry> => kind.byUuid(host, ref.uuid);
  const asks = (answer: (entry: Entry) => boolean): Procedure =>
    procedure({
      arguments: OF_NAMED,
      result: struct({ answer: int }),
      run: async ({ host }, { of }) => ({ answer: answer(await meant(host, of)) ? 1 : 0 }),
    });
  const namesBy =
    (wanted: number) =>
    async (host: CommandHost): Promise<string[]> =>
      (await kind.list(host, wanted)).map(({ of }) => of.name);
  const [active, inactive] = [namesBy(libvirt.LISTED.ACTIVE), namesBy(libvirt.LISTED.INACTIVE)];
  return {
    meant,
    deed: (act: (host: CommandHost, entry: Entry) => Promise<unknown>): Procedure =>
      procedure({
        changes: true,
        arguments: OF_NAMED,
        run: async ({ host }, { of }) => void (await act(host, await meant(host, of))),
      }),
    countOfActive: countOf(active),
    namesOfActive: namesOf(active),
    countOfInactive: countOf(inactive),
    namesOfInactive: namesOf(inactive),
    listAll: procedure({
      arguments: LISTED,
      result: NAMED_LIST,
      run: async ({ host }, given) => {
        const found = await kind.list(host, given.flags);
        return { list: given.needResults ? found.map(each => refOf(each).of) : [], count: found.length };
      },
    }),
    lookupByName: procedure({
      arguments: struct({ name: text }),
      result: OF_NAMED,
      run: async ({ host }, { name }) => refOf(await kind.byName(host, name)),
    }),
    lookupByUuid: procedure({
      arguments: struct({ uuid }),
      result: OF_NAMED,
      run: async ({ host }, given) => refOf(await kind.byUuid(host, given.uuid)),
    }),
    isActive: asks(({ isActive }) => isActive),
    isPersistent: asks(({ isPersistent }) => isPersistent),
    getAutostart: asks(({ isAutomatic }) => isAutomatic),
    setAutostart: procedure({
      changes: true,
      arguments: struct({ of: named, autostart: int }),
      run: async ({ host }, { of, autostart }) =>
        void (await kind.setAutostart(host, await meant(host, of), autostart !== 0)),
    }),
    registerEvent: procedure({
      arguments: struct({ event: int, of: optional(named) }),
      result: struct({ callback: int }),
      run: (caller, given) => ({ callback: caller.subscribe(given.event, given.of?.uuid, kind.events) }),
    }),
    deregisterEvent: procedure({
      arguments: struct({ callback: int }),
      run: (caller, { callback }) => caller.unsubscribe(callback),
    }),
  };
}
