/** A host with the commands of a table as its methods. */
import { bind, type Deeds } from '../toolstack/index.ts';
import { type Host, HostCore, type HostParts } from './host.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A host whose methods are the commands of a table; `addCommands` gives it more of them. */
export function hostWith<T extends Deeds>(parts: HostParts, table: T): Host<T> {
  const core = new HostCore(parts);
  core.toolstack.services.network.startDefined = async () =>
    (await import('../libvirt/index.ts')).listNetworks(core, 0);
  const { virtual } = parts;
  if (virtual)
    Object.assign(core, {
      setAutomatic: noted(virtual, 'setAutomatic', core.setAutomatic),
      setDescription: noted(virtual, 'setDescription', core.setDescription),
      diskCommand: noted(virtual, 'diskCommand', core.diskCommand.bind(core)),
    });
  const host = addCommands(core, table);
  core.followTime((name, given) => (host as unknown as Methods)[name](...given));
  return host;
}

/** The commands of a table become methods of a host, too. */
export const addCommands = <T extends Deeds>(core: HostCore, table: T): Host<T> =>
  Object.assign(core, bind(table, core));

type Methods = Record<string, (...given: unknown[]) => Promise<unknown>>;

/** What changes the host is an input: virtual time notes it. */
const noted =
  (virtual: VirtualTime, name: string, run: unknown) =>
  (...given: unknown[]) =>
    virtual.command(name, given, () => (run as (...given: unknown[]) => Promise<unknown>)(...given));
