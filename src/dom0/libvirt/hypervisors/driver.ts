/** What libvirt's drivers of Xen (libxl) and of QEMU answer differently. Callers read it and never ask which driver the host has. */
import type { Definition } from '../../definitions/config/index.ts';
import type { CommandHost, Uses } from '../../toolstack/index.ts';
import type { Domain } from '../../toolstack/domains/index.ts';
import type { ErrorClass } from '../errors.ts';
import type { LifeOf } from '../events/lifecycle.ts';

export interface Scheduler {
  type: 'credit' | 'posix';
  /** Its parameters in the driver's order, and of which type the value of each is. */
  fields: Readonly<Record<string, 'unsigned' | 'unsignedHyper' | 'hyper'>>;
  /** By its fields. */
  read(shares: NonNullable<ReturnType<CommandHost['queue']['shares']>>): Readonly<Record<string, number>>;
  /** @throws LibvirtError: a value is beyond the scheduler's bounds */
  adjust(host: CommandHost, id: number, wanted: Readonly<Record<string, number>>): Promise<unknown>;
}

export interface RunningCard {
  name: string;
  mac: string | undefined;
  counts: {
    rxBytes: number;
    rxPackets: number;
    txBytes: number;
    txPackets: number;
    txDropped: number;
    rxDropped: number;
  };
}

/** Which domain is asked about. */
export interface DomainKind {
  virtType?: string | undefined;
  emulator?: string | undefined;
  arch?: string | undefined;
  machine?: string | undefined;
}

/** Flags that a function of the driver knows; `name`: as the driver's sentences have it. */
interface Known {
  flags: number;
  name: string;
}

export interface Driver {
  /** Its functions and its errors begin with that. */
  name: 'libxl' | 'qemu';
  uri: 'xen:///system' | 'qemu:///system';
  /** What libvirt calls the host's hypervisor (virConnectGetType()), and its version. */
  hypervisor: { name: string; major: number; minor: number; micro: number };
  /** Its host has xl, too. */
  hasXl: boolean;
  /** Types of domains that it takes, and what people call what runs them. */
  domainTypes: readonly string[];
  runs: Readonly<Record<'xen' | 'kvm', 'Xen' | 'KVM' | 'QEMU'>>;
  lives: LifeOf;
  /** Kinds of events that it sends for calls that nothing else shows. */
  reports: ReadonlySet<string>;
  scheduler: Scheduler;
  /** Which vCPUs those are that have nothing to do (virVcpuState). */
  idleVcpu: number;
  /** Where addresses of guests are looked up, and what it says of others. */
  addresses: { sources: readonly number[]; others: string };
  shutDown: Known;
  reboot: Known;
  destroyFlags: number;
  dumpFlags: number;
  vcpuFlags: number;
  /** A guest's agent is preferred to its power button. */
  prefersAgent: boolean;
  /** A domain whose core is written because it crashed is paused first. */
  pausesCrashed: boolean;
  /** How many vCPUs a domain may have is looked up where it runs and where it is defined, each with its own sentence. */
  checksDefinedVcpus: boolean;
  /** Why the most vCPUs of a domain that runs stay. */
  vcpusStay: readonly [ErrorClass, string, 'libxl' | 'qemu'];

  /** @throws LibvirtError of that class where QEMU's driver alone has `what` */
  needsQemu(what: string, error?: ErrorClass): void;
  /** Asks a guest to start again. */
  rebootGuest(host: CommandHost, id: number): Promise<unknown>;
  /** The size that a balloon reaches when it is asked for `kib`, in MiB. */
  balloonMiB(kib: number): number;
  /** What the host calls a card that the toolstack has as `port`. */
  cardName(host: Uses<'toolstack'>, domid: number, port: string): string;
  /** Cards of a guest that runs. */
  cards(host: CommandHost, id: number, definition: Definition): RunningCard[];
  /** A domain's document as clients see it. */
  document(host: Uses<'toolstack'>, text: string, domain: Domain, isDefinition: boolean): string | Promise<string>;
  /** Of the host's capabilities: names of its guests' cards, and guests that it runs. */
  netPrefix: string;
  guests(hasVt: boolean): string;
  /** What a kind of domain can have; what is undefined the host chooses. @throws LibvirtError */
  domainCapabilities(hasVt: boolean, asked: DomainKind): string;
}
