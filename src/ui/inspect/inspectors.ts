/** The inspectors: one file each, loaded when it is opened, and one line here. */
import { comparisons } from '../parts.ts';
import {
  engineInspector,
  exitsInspector,
  memoryInspector,
  pathInspector,
  processorInspector,
  ringInspector,
  schedulerInspector,
  xenInspectors,
} from './parts.ts';
import type { ComponentType } from 'preact';
import type { Hypervisor, OfEach } from '../hypervisors/of-host.ts';
import { later } from '../parts/load-when-shown.tsx';
import type { InspectorProps } from './frame.tsx';

export interface Entry {
  id: string;
  name: string | OfEach<string>;
  /** What it can look at. */
  of: 'guest' | 'host' | 'both';
  /** It is about what this hypervisor alone has; absent: all have it. */
  only?: Hypervisor;
  /** It makes whole PCs, which a computer without VT cannot start. */
  needsVt?: true;
  View: ComponentType<InspectorProps>;
}

/** What its tab says on a host with this hypervisor. */
export const nameOf = ({ name }: Pick<Entry, 'name'>, hypervisor: Hypervisor): string =>
  typeof name === 'string' ? name : name[hypervisor];

export const INSPECTORS: readonly Entry[] = [
  {
    id: 'exits',
    name: 'Exits',
    of: 'both',
    View: later(exitsInspector, part => part.Exits),
  },
  {
    id: 'processor',
    name: 'Processor',
    of: 'guest',
    View: later(processorInspector, part => part.Processor),
  },
  {
    id: 'ring',
    name: 'Rings',
    of: 'guest',
    View: later(ringInspector, part => part.Rings),
  },
  {
    id: 'events',
    only: 'xen',
    name: 'Event channels',
    of: 'guest',
    View: later(xenInspectors, part => part.Events),
  },
  {
    id: 'grants',
    only: 'xen',
    name: 'Grants',
    of: 'guest',
    View: later(xenInspectors, part => part.Grants),
  },
  {
    id: 'path',
    name: 'I/O path',
    of: 'guest',
    View: later(pathInspector, part => part.IoPath),
  },
  {
    id: 'xenstore',
    only: 'xen',
    name: 'XenStore',
    of: 'both',
    View: later(xenInspectors, part => part.XenStore),
  },
  {
    id: 'memory',
    name: 'Memory',
    of: 'both',
    View: later(memoryInspector, part => part.Memory),
  },
  {
    id: 'scheduler',
    name: 'Scheduler',
    of: 'host',
    View: later(schedulerInspector, part => part.SchedulerPart),
  },
  {
    id: 'ways',
    needsVt: true,
    name: { xen: 'Five ways', kvm: 'Three ways' },
    of: 'host',
    View: later(comparisons, part => part.FourWays),
  },
  {
    id: 'types',
    needsVt: true,
    name: 'Types',
    of: 'host',
    View: later(comparisons, part => part.Types),
  },
  {
    id: 'together',
    name: 'Side by side',
    of: 'host',
    View: later(comparisons, part => part.Together),
  },
  {
    id: 'engine',
    name: 'Engine',
    of: 'guest',
    View: later(engineInspector, part => part.Engine),
  },
];
