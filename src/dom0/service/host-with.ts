/** A host with the commands of a table as its methods. */
import { libvirt, moments as momentsPart } from './parts.ts';
import { bind, type Deeds } from '../toolstack/index.ts';
import { type Host, HostCore, type HostParts } from './host.ts';
import { callOf } from './api.ts';
import type { Moments } from './moments.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A host whose methods are the commands of a table; `addCommands` gives it more of them. */
export function hostWith<T extends Deeds>(parts: HostParts, table: T): Host<T> {
  const core = new HostCore(parts);
  core.toolstack.services.network.startDefined = async () => (await libvirt.load()).listNetworks(core, 0);
  const { virtual } = parts;
  if (virtual)
    for (const [service, name] of [
      [core.definitions, 'setAutomatic'],
      [core.definitions, 'setDescription'],
      [core.disk, 'diskCommand'],
    ] as const)
      note(virtual, service as unknown as Methods, name);
  const host = addCommands(core, table);
  if (virtual) serveTime(host, virtual);
  return host;
}

/** The commands of a table become methods of a host, too. */
export const addCommands = <T extends Deeds>(core: HostCore, table: T): Host<T> =>
  Object.assign(core, bind(table, core));

type Methods = Record<string, (...given: unknown[]) => Promise<unknown>>;

/** What changes the host is an input: virtual time notes it. */
function note(virtual: VirtualTime, service: Methods, name: string): void {
  const run = service[name]!.bind(service);
  service[name] = (...given) => virtual.command(name, given, () => run(...given));
}

/** Virtual time has what it needs of this host. */
function serveTime(host: HostCore, virtual: VirtualTime): void {
  const { toolstack, consoles, domains } = host;
  let moments: Moments | undefined;
  virtual.serve({
    idled: ns => {
      toolstack.goneNs += ns;
    },
    runners: toolstack.runners,
    hostNs: () => toolstack.virtualMs * 1e6,
    hear: (domain, input) => consoles.hear(domains.member(domain), input),
    command: async (name, given) => callOf(host, name)(...given),
    machine: toolstack.machine,
    view: toolstack.view,
    members: () => [...toolstack.members.values()].filter(({ released }) => !released),
    moments: async () => {
      const { Moments } = await momentsPart.load();
      return (moments ??= new Moments(toolstack));
    },
  });
}
