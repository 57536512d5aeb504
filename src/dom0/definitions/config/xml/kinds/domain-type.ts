/** What libvirt's <domain type> makes of a document. */
import type { Judged } from '../../options.ts';
import type { Element } from '../tree.ts';

export interface DomainType {
  name: 'xen' | 'kvm';
  /** xl's key for it. */
  key?: 'kvm';
  /** What is done for it has this mark, or + (libvirt-support.ts). */
  mark: 'x' | 'k';
  /** Weight of a domain that asks for none. */
  usualWeight: number;
  /** A quota of processor time is xl's cap. */
  capIsQuota: boolean;
  /** Back end of a disk that is a block device. */
  blockBackend: 'phy' | 'qdisk';
  /** <memballoon model> where the guest has none of virtio. */
  balloon: 'xen' | 'none';
  /** It may have devices of virtio. */
  virtio: boolean;
  /** <os><type machine> chooses a board. */
  machines: boolean;
  /** <link> of a card can be down. */
  links: boolean;
  drives: {
    /** What a drive's name begins with; `prefix`: as the document has it. */
    prefix(bus: string, prefix: string): string;
    /** Letters are taken by this and another drive where it is the same. */
    taken(prefix: string, letter: string): string;
    reaches(prefix: string, letter: string): boolean;
    /** What the name begins with of one that gets another letter. */
    moved(prefix: string, letter: string, isCdrom: boolean): string;
    /** `bus`: as the document has it. */
    remark(name: string, bus: string): Judged | undefined;
  };
  /** Why its driver refuses what is not done here. */
  refusals: {
    secureBoot(os: Element, domain?: Element): string;
    transient: string;
    format(disk: string, format: string, driver: string): string;
  };
}

/** What a kind of guest is in libvirt's documents. */
export interface XmlKind {
  type: DomainType;
  /** Of <os><type>. */
  machine: string;
  os: 'hvm' | 'xenpvh' | 'linux';
  /** The only processor that it may have. */
  arch?: 'i686';
  /** The bus of its console. */
  console: 'serial' | 'xen';
}
