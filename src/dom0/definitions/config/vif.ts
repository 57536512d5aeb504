/**
 * One network card of a definition. Source: xl-network-configuration(5) of Xen 4.17, and parse_nic_config() in tools/xl/xl_parse.c: options separated by
 * commas, NAME=VALUE, and two flags; libxlu_vif.c for the form of rate.
 */
import { NIC_MODELS, type NicModel, ofNetwork } from '../../../devices/index.ts';
import { parseMac } from '../../../devices/net/index.ts';
import {
  approximated,
  ignored,
  isDomain0,
  type Judged,
  type OptionRemark,
  type OptionRule,
  readOptions,
  refused,
  unknown,
  unless,
  used,
  wrong,
} from './options.ts';
import { parseRate, type Rate } from '../../host/network/index.ts';
import type { Card, CardOptions } from './definition.ts';
import { DEFAULT_NIC } from './keys/network.ts';
import { isCard } from './known-names.ts';
import { shortened } from './xlcfg.ts';

export interface VifSpec {
  /** The station address in lower case, where the text gives one. */
  mac?: string;
  /** How much it may send. */
  rate?: Rate;
  /** The card, where it is one that there is. */
  model?: NicModel;
  /** Which cards an HVM guest gets: an emulated one and a PV one (absent), or the latter alone. */
  pvOnly?: true;
  /** What else it asks for (CardOptions). */
  others?: CardOptions;
  /** Each option, in the order of the text. */
  remarks: OptionRemark[];
}

/** What a definition has of such a card; which drivers it is for, its type says. */
export const cardOf = ({
  mac,
  rate,
  others,
}: Pick<VifSpec, 'mac' | 'rate' | 'others'>): Omit<Card, 'model' | 'pv'> => ({
  ...(mac ? { mac } : {}),
  ...(rate ? { rate } : {}),
  ...(others ? { options: others } : {}),
});

const isModel = (name: string): name is NicModel => Object.hasOwn(NIC_MODELS, name);

/** Names of QEMU's and libvirt's for what is one card here, or for a card with the same driver's elder sibling here. */
const ALIKE: Readonly<Partial<Record<NicModel, string>>> = {
  virtio:
    'virtio-net virtio-net-pci virtio-transitional virtio-non-transitional virtio-net-pci-transitional virtio-net-pci-non-transitional',
  e1000: 'e1000e e1000-82540em e1000-82544gc e1000-82545em 82540EM 82543GC 82545EM',
  pcnet: 'Am79C970A Am79C973',
};
/** The card that is built for a name; undefined: none. */
const builtCard = (name: string): NicModel | undefined =>
  isModel(name) ? name : (Object.keys(ALIKE) as NicModel[]).find(model => ALIKE[model]!.split(' ').includes(name));

const isNumber = (value: string): boolean => /^\d+$/.test(value);
const noNumber = (value: string): Judged => wrong('wants a number', `‘${shortened(value)}’ is no number.`);

function mac(value: string): Judged {
  const bytes = parseMac(value);
  if (!bytes)
    return wrong(
      'no station address',
      `‘${shortened(value)}’ is no station address: that is six pairs of hexadecimal digits with colons, as in 00:16:3e:12:34:56.`,
    );
  if (bytes.every(byte => byte === 0))
    return approximated('drawn', 'libxl takes all zeros for no address: one in 00:16:3e is drawn.');
  if (bytes[0] & 1)
    return wrong(
      'a group’s address',
      `${value} is the address of a group: a card's first byte is even. Write for example ${value.replace(/^../, ((bytes[0] & 0xfe) | 2).toString(16).padStart(2, '0'))}.`,
    );
  if (ofNetwork(bytes))
    return wrong(
      'belongs to the network',
      `${value} is the address of the network's own gateway or name server. Write another, or leave mac out.`,
    );
  return used('the card’s station address', `The card has the station address ${value.toLowerCase()}.`);
}

const NO_SCRIPTS = 'Domain 0 runs no scripts for a card: its bridge is there from the start.';
const NO_ROUTES = 'Cards are on the bridge xenbr0, and not routed.';
const ADVICE = 'This is advice for PV front ends.';
const colo = (): Judged =>
  refused('no COLO', 'There is no second host that a guest could be mirrored to. Take it out.');
const BRIDGE_SCRIPT = /^(?:\/etc\/xen\/scripts\/)?vif-bridge$/;

const OPTIONS: Record<string, OptionRule> = {
  mac,
  model: value =>
    isModel(value)
      ? used(NIC_MODELS[value].name, `The card is ${NIC_MODELS[value].title}.`)
      : builtCard(value) === 'virtio'
        ? used('virtio', `The card is ${NIC_MODELS.virtio.title}, which drivers of either interface drive.`)
        : value !== '' && !isCard(value)
          ? refused(
              'no such card',
              `‘${shortened(value)}’ is not a valid device model name: QEMU has no such card. Write ${DEFAULT_NIC}.`,
            )
          : approximated(
              `${NIC_MODELS[builtCard(value) ?? DEFAULT_NIC].name} instead`,
              `${shortened(value) || 'xl’s rtl8139'} is not built: the card is ${NIC_MODELS[builtCard(value) ?? DEFAULT_NIC].title}.`,
            ),
  type: value =>
    value === 'ioemu'
      ? used(
          'an emulated card and a PV one',
          'An HVM guest gets an emulated card, and a PV card in its place once it has drivers for it. (Others have PV cards only.)',
        )
      : value === 'vif'
        ? used('a PV card', 'The guest gets a PV card, and no emulated one.')
        : value === 'netfront'
          ? used('a PV card', 'The guest gets a PV card, and no emulated one: netfront is xend’s word for vif.')
          : wrong('no such type', `‘${shortened(value)}’ is no type of card. Write ioemu or vif.`),
  bridge: value =>
    value === 'xenbr0'
      ? used('the host’s bridge', 'The card is on the bridge xenbr0.')
      : value === ''
        ? used('the host’s bridge', 'A card that names no bridge is on xenbr0.')
        : value === 'virbr0'
          ? {
              ...approximated(
                'libvirt’s, or xenbr0',
                'The card is on libvirt’s virbr0, and on xenbr0 where there is none.',
              ),
              place: { bridge: value },
            }
          : {
              ...approximated(
                'has to be there as it starts',
                `The host has to have a bridge ${shortened(value)} as the guest starts: it has xenbr0, and those of its networks.`,
              ),
              place: { bridge: value },
            },
  network: value => ({
    ...(value === 'default'
      ? approximated(
          'libvirt’s, or xenbr0',
          'The card is on libvirt’s network default, and on the bridge xenbr0 where there is none.',
        )
      : approximated(
          `libvirt's network ${shortened(value)}`.slice(0, 48),
          `The host has to have an active network ${shortened(value)} as the guest starts.`,
        )),
    place: { network: value },
  }),
  // Of a guest of KVM: libxl has no such option, and xl's users nothing that would be one.
  link: value =>
    value === 'down'
      ? used('no link at first', 'The card begins without a link: virsh domif-setlink gives it one.')
      : value === 'up'
        ? used('has a link', 'The card has a link from the start.')
        : wrong('up or down', `‘${shortened(value)}’ is no state of a link. Write up or down.`),
  gatewaydev: () => ignored('no routes', NO_ROUTES),
  netdev: () => ignored('no routes', `netdev is the old name of gatewaydev. ${NO_ROUTES}`),
  vifname: () =>
    ignored('a name of its own', 'The card’s port on the bridge has the name that xl gives it without this.'),
  script: value =>
    value === '' || BRIDGE_SCRIPT.test(value)
      ? ignored('no scripts', NO_SCRIPTS)
      : refused(
          'no scripts',
          `${shortened(value)} would say where the card is and what reaches it, and Domain 0 runs no scripts for a card. Write script=vif-bridge.`,
        ),
  // vif-bridge lets these addresses pass (iptables, FORWARD): where that chain lets all pass, as it does by itself, nothing is kept out.
  ip: () =>
    ignored(
      'DHCP gives the address',
      'Nothing filters by address, as with vif-bridge where Domain 0 forwards all. DHCP gives the guest one in 10.0.2.0/24.',
    ),
  backend: unless(isDomain0, refused('back ends are in Domain 0', 'Back ends are in Domain 0 only. Take backend out.')),
  rate: value =>
    parseRate(value)
      ? used('limited', `What the card sends is limited to ${value}.`)
      : wrong('no rate', `‘${shortened(value)}’ is no rate. Write it as 10Mb/s, or with an interval as 1MB/s@20ms.`),
  devid: value =>
    isNumber(value)
      ? unless(id => Number(id) === 0, ignored('device 0', 'The card is the only one, device 0.'))(value)
      : noNumber(value),
  mtu: value =>
    isNumber(value)
      ? unless(
          bytes => Number(bytes) === 1500,
          ignored('1500', 'The network takes packets of up to 1500 bytes.'),
        )(value)
      : noNumber(value),
  vlan: () =>
    refused('no VLANs', 'there are no VLANs here, and a card without its own would reach others. Take vlan out.'),
  accel: () => ignored('as in xl', 'xl does not support this parameter either.'),
  forwarddev: colo,
};
const FLAGS: Record<string, Judged> = {
  trusted: used('as asked', `The back end is trusted. ${ADVICE}`),
  untrusted: refused(
    'the back end is trusted',
    'The back end is shown as trusted to all front ends. Take untrusted out.',
  ),
};
const KEPT = ['bridge', 'network', 'script', 'ip', 'vifname', 'model', 'link'] as const;
const isKept = (name: string): name is keyof CardOptions => (KEPT as readonly string[]).includes(name);
const NAMES = [...Object.keys(OPTIONS), ...Object.keys(FLAGS)];

/** `isAttached`: by network-attach, which refuses an option that it does not know, where a definition's is left out. */
export function parseVif(text: string, isAttached = false): VifSpec {
  const spec: Omit<VifSpec, 'remarks'> = {};
  const remarks = readOptions(text, 'card', (name, value) => {
    const judged = judge(name, value, isAttached);
    if (value === undefined) return judged;
    if (name === 'mac' && judged.verdict === 'used') spec.mac = value.toLowerCase();
    const rate = name === 'rate' ? parseRate(value) : undefined;
    if (rate) spec.rate = rate;
    if (name === 'type' && (value === 'vif' || value === 'netfront')) spec.pvOnly = true;
    const card = name === 'model' ? builtCard(value) : undefined;
    if (card !== undefined) spec.model = card;
    // As it is without being asked for.
    if (value !== '' && isKept(name) && value !== card && !(name === 'bridge' && value === 'xenbr0'))
      spec.others = { ...spec.others, [name]: value };
    return judged;
  });
  // The bridge of a network is reported with it, and is none that anybody asks for (virDomainNetDefParseXML()).
  if (spec.others?.network !== undefined) for (const remark of remarks) if (remark.place?.bridge) delete remark.place;
  return { ...spec, remarks };
}

function judge(name: string, value: string | undefined, isAttached: boolean): Judged {
  const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined;
  if (flag) return value === undefined ? flag : wrong('takes no value', `${name} is a flag: write it alone.`);
  const rule = name.startsWith('colo_') ? colo : Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
  if (!rule) return unknown(name, 'network card', NAMES, isAttached);
  return value === undefined ? wrong('needs a value', `${name} needs a value: ${name}=….`) : rule(value);
}
