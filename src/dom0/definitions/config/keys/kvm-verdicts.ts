/** What is said of keys of a guest of KVM that mean something to one of Xen: loaded for a text that names KVM. */
import {
  channelsOf,
  hasVirtio,
  isOneTooMany,
  isVirtioName,
  MOST_CHANNELS,
  VIRTIO_KINDS,
  virtioProblem,
  virtioWords,
} from '../../../../devices/index.ts';
import type { Finding } from '../../verdicts.ts';
import { approximated, ignored, type Judged, used, wrong } from '../options.ts';
import { type Asked, oneOf, TOLD } from '../rule.ts';
import { said } from '../values.ts';

/** Of Xen's own interface, its paging and its device model. */
const OF_XEN = new Set(
  (
    'hap shadow_memory viridian xen_platform_pci device_model_stubdomain_override max_grant_frames max_maptrack_frames max_grant_version ' +
    'event_channels max_event_channels'
  ).split(' '),
);

/** Undefined: it comes to the same as for a guest of Xen. */
export function judge({ key, number, definition: { memoryMiB, virtio } }: Asked): Judged | undefined {
  if (OF_XEN.has(key))
    return ignored(
      'nothing in a guest of KVM',
      `${key} is for guests of Xen: one of KVM has nothing that it could change.`,
    );
  if (key === 'hpet' && number !== 0)
    return ignored('no HPET', 'The PC of a guest of KVM has no High Precision Event Timer here.');
  if (key === 'maxmem' && number !== memoryMiB)
    return hasVirtio(virtio, 'balloon')
      ? used(
          `up to ${number} MiB`,
          `The guest sees ${number} MiB, and the balloon takes from it what is more than ${memoryMiB} MiB.`,
        )
      : ignored(
          'no balloon',
          `The guest has no balloon of virtio: it has ${memoryMiB} MiB, and stays at that. With one it could have more and less.`,
        );
  return undefined;
}

/** Says of a guest of KVM on a host with Xen that it runs here, and would not on a real one: libvirt's Xen driver knows no such type, and xl no such key. */
export function judgeOnXen(findings: Finding[]): void {
  for (const [i, finding] of findings.entries())
    if (finding.key === 'kvm' && finding.verdict === 'used')
      findings[i] = {
        ...finding,
        ...approximated(
          'a real host with Xen has no KVM',
          "The guest finds KVM here, as on a host with KVM. A real host with Xen has none: its libvirt refuses <domain type='kvm'>, and xl passes over kvm. “Linux with KVM” in the boot menu starts a host that has it.",
        ),
      };
}

const isOfVirtio = oneOf(Object.keys(VIRTIO_KINDS), { nouns: 'devices' });

const MOST_VIRTIO = 16;
const hasTag = (item: string, tag: string | undefined): boolean =>
  tag !== undefined && virtioWords(item).options.tag === tag;

const portProblem = (port: string | undefined): string | undefined =>
  port === undefined || (Number(port) >= 1 && Number(port) <= MOST_CHANNELS)
    ? undefined
    : `port is 1 to ${MOST_CHANNELS}.`;

const hasPort = (items: readonly string[] = [], port: string): boolean =>
  items.some(item => virtioWords(item).options.port === port);

/** Devices of virtio: one finding each. */
export function judgeVirtio({ definition, value, tell }: Asked): typeof TOLD {
  for (const item of value.kind === 'list' ? value.items : []) {
    const { name, options } = virtioWords(item.kind === 'list' ? '' : item.text);
    const problem = isOfVirtio({ value: item, text: name, number: Number.NaN });
    if (problem) tell(item, 'virtio', { ...problem, text: `${said('virtio', item)}: ${problem.text}` });
    if (!isVirtioName(name)) continue;
    const { title } = VIRTIO_KINDS[name];
    const why = virtioProblem(name, options) ?? portProblem(options.port);
    if (why) tell(item, 'virtio', wrong('no such option', `${said('virtio', item)}: ${why}`));
    else if ((definition.virtio?.length ?? 0) >= MOST_VIRTIO)
      tell(item, 'virtio', wrong('too many', `${said('virtio', item)}: a guest has at most ${MOST_VIRTIO} of these.`));
    else if (definition.virtio?.some(each => hasTag(each, options.tag)))
      tell(
        item,
        'virtio',
        wrong('the tag is taken', `${said('virtio', item)}: another folder has the tag ${options.tag}.`),
      );
    else if (name === 'channel' && channelsOf(definition.virtio).some(channel => channel.name === options.name))
      tell(
        item,
        'virtio',
        wrong('the name is taken', `${said('virtio', item)}: another channel is called ${options.name}.`),
      );
    else if (options.port !== undefined && hasPort(definition.virtio, options.port))
      tell(
        item,
        'virtio',
        wrong('the port is taken', `${said('virtio', item)}: another channel is port ${options.port}.`),
      );
    else if (isOneTooMany(definition.virtio, name))
      tell(item, 'virtio', ignored('is there already', `The guest has ${title} already.`));
    else {
      definition.virtio = [...(definition.virtio ?? []), item.kind === 'list' ? '' : item.text];
      tell(item, 'virtio', used(`virtio-${name}`, `The guest has ${title} of virtio.`));
    }
  }
  return TOLD;
}
