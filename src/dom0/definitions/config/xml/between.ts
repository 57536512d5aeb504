/**
 * What libvirt refuses of elements that do not go together, wherever in a domain they are. Sources, of libvirt 9.0: src/conf/domain_conf.c, domain_validate.c and
 * domain_postparse.c for all drivers; src/qemu/qemu_validate.c and qemu_domain.c for QEMU's. Each was tried with `virsh -c test:///default define` and
 * `virsh -c qemu:///embed define` (npm run -s judge:definitions).
 */
import {
  all,
  attribute,
  devicesOf,
  fault,
  ioThreadsOf,
  type Judge,
  type Mismatch,
  numbersOf,
  twice,
  vcpusOf,
} from './between-parts.ts';
import { OF_QEMU } from './between-qemu.ts';
import { isNumber } from './reading.ts';
import { busOf } from './bus.ts';
import type { DomainType } from './kinds/index.ts';
import { shortened } from '../xlcfg.ts';
import { childOf, type Element } from './tree.ts';

const processors: Judge = domain => {
  const cpu = childOf(domain, 'cpu');
  const { mode = 'custom', migratable } = cpu?.attributes ?? {};
  const numa = childOf(cpu, 'numa'),
    cells = all(numa, 'cell');
  const ids = cells.map(({ attributes: { id } }, i) => Number(id ?? i));
  const members = cells.flatMap(({ attributes: { cpus = '' } }) => (/^[\d,^-]+$/.test(cpus) ? numbersOf(cpus) : []));
  const scheduled = all(childOf(domain, 'cputune'), 'vcpusched');
  const taken = new Set<number>();
  return [
    // virCPUDefParseXML(); of another mode the host's processor has them.
    fault(
      mode === 'custom' && !childOf(cpu, 'model')?.text,
      childOf(cpu, 'feature'),
      "Non-empty feature list specified without CPU model. Write <cpu mode='host-passthrough'>, or a <model>.",
    ),
    fault(
      migratable !== undefined && mode !== 'host-passthrough' && mode !== 'maximum',
      cpu,
      "Attribute migratable is only allowed for 'host-passthrough' / 'maximum' CPU mode.",
    ),
    fault(members.length > vcpusOf(domain), numa, 'Number of CPUs in <numa> exceeds the <vcpu> count.'),
    fault(
      ids.some(id => !(id < cells.length)),
      numa,
      "Exactly one 'cell' element per guest NUMA cell allowed, non-contiguous ranges or ranges not starting from 0 are not allowed.",
    ),
    ...all(childOf(domain, 'vcpus'), 'vcpu').map(vcpu =>
      fault(
        vcpu.attributes.enabled === undefined,
        vcpu,
        "Missing required attribute 'enabled' in element 'vcpu'. Write enabled='yes' or 'no'.",
      ),
    ),
    ...scheduled.map(each => {
      const its = numbersOf(each.attributes.vcpus ?? '');
      const isTwice = its.some(vcpu => taken.has(vcpu));
      for (const vcpu of its) taken.add(vcpu);
      return fault(isTwice, each, "'vcpusched' attributes 'vcpus' must not overlap.");
    }),
  ];
};

const SHARES = [2, 262_144] as const;
const tuning: Judge = domain => {
  const cputune = childOf(domain, 'cputune');
  const shares = childOf(cputune, 'shares');
  const threads = ioThreadsOf(domain);
  const ring = childOf(childOf(childOf(domain, 'features'), 'kvm'), 'dirty-ring');
  const size = Number(ring?.attributes.size);
  const asynchronous = childOf(childOf(domain, 'features'), 'async-teardown');
  return [
    fault(
      shares && isNumber(shares.text) && !(Number(shares.text) >= SHARES[0] && Number(shares.text) <= SHARES[1]),
      shares,
      `Value of cputune 'shares' must be in range [${SHARES.join(', ')}].`,
    ),
    ...all(cputune, 'iothreadpin').map(pin =>
      fault(
        !threads.has(pin.attributes.iothread ?? ''),
        pin,
        `Cannot find 'iothread' : ${shortened(pin.attributes.iothread ?? '')}. Write <iothreads> into <domain>.`,
      ),
    ),
    fault(
      ring?.attributes.state === 'on' && !(size >= 1024 && size <= 65_536 && Number.isInteger(Math.log2(size))),
      ring,
      'dirty ring must be power of 2 and ranges [1024, 65536].',
    ),
    // Of a later release than the one that is followed here.
    fault(asynchronous, asynchronous, "unexpected feature 'async-teardown'."),
    ...twice(
      all(domain, 'seclabel'),
      ({ attributes: { model, type } }) => model ?? (type === 'none' ? '(null)' : undefined),
      model => `seclabel for model ${shortened(model)} is already provided.`,
    ),
  ];
};

const devices: Judge = domain => {
  const disks = devicesOf(domain, 'disk');
  const targetOf = (disk: Element): string => shortened(attribute(disk, 'target', 'dev') ?? '');
  return [
    ...twice(
      disks,
      disk => {
        const address = childOf(disk, 'address')?.attributes;
        return address?.type === 'drive'
          ? ['controller', 'bus', 'target', 'unit'].map(name => `${name}='${address[name] ?? 0}'`).join(' ')
          : undefined;
      },
      (place, other) => `Found duplicate drive address for disk with target name '${targetOf(other)}' ${place}.`,
    ),
    ...disks.map(disk =>
      fault(
        attribute(disk, 'driver', 'queues') !== undefined && busOf(childOf(disk, 'target')) !== 'virtio',
        disk,
        'queues attribute in disk driver element is only supported by virtio-blk.',
      ),
    ),
    ...twice(
      childOf(domain, 'devices')?.children ?? [],
      device => {
        const name = attribute(device, 'alias', 'name');
        return name?.startsWith('ua-') ? name : undefined;
      },
      name => `non unique alias detected: ${shortened(name)}.`,
    ),
  ];
};

const GENERAL: readonly Judge[] = [processors, tuning, devices];
const OF_DRIVERS: Readonly<Record<DomainType['name'], readonly Judge[]>> = {
  xen: GENERAL,
  kvm: [...GENERAL, ...OF_QEMU],
};
/** All that is refused of a domain, by drivers in general and by its own. */
export const mismatches = (domain: Element, type: DomainType): Mismatch[] =>
  OF_DRIVERS[type.name].flatMap(judge => judge(domain)).filter((each): each is Mismatch => !!each);
