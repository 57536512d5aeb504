/** Keys about Xen itself: its interfaces to a guest, device model, back ends, limits. Source: xl.cfg(5). */
import { definedAs } from '../../kinds/index.ts';
import { viridianFeatures, viridianGroups } from '../../../../hypervisor/interfaces/viridian/index.ts';
import { LAST_CODE_KEPT } from '../../../../hypervisor/layout/index.ts';
import { approximated, ignored, used, wrong } from '../options.ts';
import { alike, type Asked, between, type Family, is, isEmpty, isZero, oneOf, rule, TOLD } from '../rule.ts';
import { said, show } from '../values.ts';
import { devices } from './devices.ts';
import { verdicts } from './verdicts-part.ts';

const noHardware = ignored('no hardware to pass through', 'There is no hardware that could be given to one guest.');
const noBackEnd = ignored('its back end is not built yet', 'The back end of this PV device is not built yet.');
const noShim = ignored('not built', 'This is for PV and PVH guests on other hosts, and is not built.');
const notBuilt = ignored('not built', 'This is not built.');
const forArm = ignored('for ARM hosts', 'This is for ARM hosts; here is an x86 PC.');
/** QEMU's own word for firmware that looks for no 55 AA. */
export const NO_BOOT_CHECK = '-no-fd-bootchk';
const builtIn = ignored(
  'the device model is built in',
  'The devices are part of this host; there is no QEMU to configure.',
);
const asksForNoCheck = ({ value }: Asked): boolean =>
  value.kind === 'list' && value.items.some(item => item.kind !== 'list' && item.text === NO_BOOT_CHECK);
/** Of QEMU's options the one that says what its firmware does. */
const modelArgs = rule('list', builtIn, {
  into: (definition, asked) => {
    if (asksForNoCheck(asked)) definition.noSignatureCheck = true;
  },
  judge: asked =>
    asksForNoCheck(asked)
      ? used(
          'boots without 55 AA',
          'The BIOS starts a boot sector that does not end in 55 AA, too; SeaBIOS that of a floppy disk alone.',
        )
      : undefined,
  from: ({ noSignatureCheck }) => (noSignatureCheck ? [NO_BOOT_CHECK] : undefined),
});
/** A limit of Xen's that is not set for single guests here. */
const limit = (most: number, text: string) =>
  ['number', approximated(`Xen's default: ${most}`, text), is(most)] as const;

/** 0 or 1, or a list of groups: their words, and the bits of HVM_PARAM_VIRIDIAN; a sentence: what is wrong. */
function viridianOf({ value }: Asked): { groups: string[]; features: number } | string {
  if (value.kind !== 'list' && !['0', '1'].includes(value.text))
    return 'xl takes 0, 1 or a list of groups here. Write viridian = 1.';
  const groups =
    value.kind === 'list'
      ? value.items.map(word => (word.kind === 'list' ? '[…]' : word.text))
      : value.text === '1'
        ? ['defaults']
        : [];
  const features = viridianFeatures(groups);
  return typeof features === 'string' ? features : { groups, features };
}

export const xen: Family = {
  viridian: rule(
    'list or string',
    used('no Hyper-V interface', 'An HVM guest finds the groups of the Hyper-V interface that are named here.'),
    {
      range: asked => {
        const of = viridianOf(asked);
        return typeof of === 'string'
          ? wrong(of.startsWith('xl takes') ? 'wants 0, 1 or a list' : 'not as xl.cfg has it', of)
          : undefined;
      },
      into: (definition, asked) => {
        const { features } = viridianOf(asked) as { features: number };
        if (definedAs(definition).hvmOptions && features !== 0) definition.viridian = features;
      },
      judge: asked => {
        const { groups, features } = viridianOf(asked) as { groups: string[]; features: number };
        if (features === 0) return used('no Hyper-V interface', 'The guest finds no Hyper-V interface.');
        if (!definedAs(asked.definition).hvmOptions)
          return ignored(
            'for HVM guests',
            `A ${asked.definition.kind.toUpperCase()} guest has no Hyper-V interface: xl shows it to HVM guests alone.`,
          );
        return used(
          'Hyper-V interface',
          `The guest finds Hyper-V's interface in addition to Xen's: ${groups.join(', ')}.`,
        );
      },
      build: ({ setParam }, { viridian = 0 }) => {
        if (viridian !== 0) setParam('VIRIDIAN', viridian);
      },
      from: ({ viridian }) => (viridian ? viridianGroups(viridian) : undefined),
    },
  ),
  ...alike(
    'nestedhvm',
    'defbool',
    ignored(
      'no VMX inside the guest',
      'The processor has neither VMX nor SVM, so no guest can run guests of its own: CPUID shows none of them, and their instructions are invalid.',
    ),
    isZero,
  ),
  // Here the stub domain is the default.
  device_model_stubdomain_override: rule(
    'defbool',
    used(
      'where the device model runs',
      'The emulated devices of an HVM guest run in its own worker, as the stub domain NAME-dm.',
    ),
    {
      into: (definition, { number }) => {
        if (definedAs(definition).hvmOptions && number === 0) definition.modelInDomain0 = true;
      },
      judge: ({ number, definition }) => {
        if (!definedAs(definition).hvmOptions)
          return ignored('no device model', 'A guest of this type has no emulated devices.');
        const text =
          'The emulated devices run in Domain 0: each access is a request by the ioreq page and an event channel.';
        return number === 0 ? used('device model in Domain 0', text) : undefined;
      },
      from: ({ modelInDomain0 }) => (modelInDomain0 ? 0 : undefined),
    },
  ),
  ...alike(
    'device_model_version',
    'string',
    ignored('the device model is built in', 'The devices are part of this host; there is no QEMU to choose.'),
    undefined,
    oneOf(['qemu-xen', 'qemu-xen-traditional']),
  ),
  ...alike('device_model_override device_model_user device_model_stubdomain_seclabel device_model', 'string', builtIn),
  device_model_args: modelArgs,
  device_model_args_hvm: { ...modelArgs, from: () => undefined },
  ...alike('device_model_args_pv', 'list', builtIn),
  ...alike('dm_restrict', 'defbool', builtIn),
  ...alike('stubdomain_kernel stubdomain_cmdline stubdomain_ramdisk', 'string', builtIn),
  ...alike('stubdomain_memory', 'number', builtIn),

  ...alike('max_grant_frames', ...limit(64, "A guest has 64 grant frames, Xen's default.")),
  ...alike('max_maptrack_frames', ...limit(1024, "A guest has 1024 maptrack frames, Xen's default.")),
  ...alike('max_grant_version', ...limit(2, 'A guest may use grants of version 1 and 2.'), between(0, 2)),
  ...alike('event_channels max_event_channels', ...limit(1023, "A guest has 1023 event channels, Xen's default.")),

  vfb: rule('list', used('no PV screen', 'The guest has its PV console, and no screen.'), {
    judge: asked => {
      const items = asked.value.kind === 'list' ? asked.value.items : [];
      if (items.length === 0) return undefined;
      const [first] = items,
        password = first.kind === 'list' ? undefined : verdicts.loaded?.vfb.vfbPassword(first.text);
      // xm had a password of the VGA here.
      if (password) asked.definition.vncPassword ??= password;
      if (definedAs(asked.definition).vnc === 'VGA')
        return ignored(
          'the VGA is its screen',
          'An HVM guest has an emulated VGA, keyboard and mouse; vfb is for PV and PVH guests.',
        );
      for (const [index, item] of items.entries()) {
        if (item.kind === 'list') {
          asked.tell(item, 'vfb', wrong('wants a text', `${said('vfb', item)}: each screen is one text.`));
          continue;
        }
        asked.tellOptions('vfb', item, verdicts.loaded?.vfb.parseVfb(item.text) ?? []);
        if (index > 0)
          asked.tell(item, 'vfb', ignored('one screen counts', `Screen ${index + 1} is left out: a guest has one.`));
        else {
          asked.definition.vfb = true;
          asked.tell(
            item,
            'vfb',
            used(
              'a PV screen',
              'The guest gets a screen, a keyboard and a pointer for its PV drivers (xen-fbfront, xen-kbdfront).',
            ),
          );
        }
      }
      return TOLD;
    },
    from: ({ vfb, vncPassword }) => (vfb ? [`vnc=1${vncPassword ? `,vncpasswd=${vncPassword}` : ''}`] : undefined),
  }),
  vtpm: devices(noBackEnd),
  p9: devices(noBackEnd),
  channel: devices(noBackEnd),
  vkb: devices(noBackEnd),
  vdispl: devices(noBackEnd),
  ...alike('pvcalls vsnd', 'list', noBackEnd, isEmpty),
  ...alike('vkb_device', 'defbool', noBackEnd),
  ...alike('vendor_device', 'string', noBackEnd, value => value === 'none', oneOf(['none', 'xenserver'])),
  ...alike(
    'driver_domain xend_suspend_evtchn_compat',
    'defbool',
    ignored('back ends are in Domain 0', 'Back ends are in Domain 0 only.'),
    isZero,
  ),

  ...alike('pci irqs ioports iomem dtdev rdm', 'list or string', noHardware, isEmpty),
  ...alike('pci_permissive pci_msitranslate pci_seize pci_power_mgmt', 'defbool', noHardware, isZero),
  ...alike('gfx_passthru', 'any', noHardware, isZero, asked =>
    Number.isInteger(asked.number) ? undefined : oneOf(['default', 'igd'])(asked),
  ),
  ...alike(
    'passthrough',
    'string',
    noHardware,
    value => value === 'disabled' || value === 'default',
    oneOf(['default', 'disabled', 'enabled', 'sync_pt', 'share_pt']),
  ),
  ...alike('rdm_mem_boundary', 'number', noHardware),

  ...alike('e820_host pvh pvshim', 'defbool', noShim, isZero),
  ...alike('pvshim_path pvshim_cmdline pvshim_extra', 'string', noShim),
  vmtrace_buf_kb: rule('number', used('no instructions are kept', 'The last instructions of the guest are not kept.'), {
    into: (definition, { number }) => {
      if (number > 0) definition.vmtraceKib = number;
    },
    judge: ({ number }) =>
      number > 0
        ? approximated(
            'keeps the last 50 instructions',
            'The last 50 instructions of each vCPU are kept for the post-mortem, whatever the size. It runs some 3 million a second then; compiled code runs hundreds of millions.',
          )
        : undefined,
    build: ({ machine, record }, { vmtraceKib }) => {
      if (vmtraceKib) machine.words[(record.vcpuOffset >>> 2) + LAST_CODE_KEPT] = 1;
    },
    from: ({ vmtraceKib }) => vmtraceKib,
  }),
  ...alike('vpmu msr_relaxed xenstore_quota assisted_xapic assisted_x2apic', 'any', notBuilt, isZero),
  ...alike('vuart', 'string', forArm, undefined, oneOf(['sbsa_uart'])),
  ...alike('gic_version', 'string', forArm, undefined, oneOf(['default', 'v2', 'v3'])),
  ...alike('tee', 'string', forArm, undefined, oneOf(['none', 'optee', 'ffa'])),
  ...alike('llc_colors sve device_tree arm_sci nr_spis force_assign_without_iommu', 'any', forArm),
  ...alike(
    'mca_caps',
    'list',
    ignored('no machine checks', 'The processors have no banks of machine checks.'),
    isEmpty,
    asked => {
      const items = asked.value.kind === 'list' ? asked.value.items : [];
      const odd = items.find(item => item.kind === 'list' || item.text !== 'lmce');
      return odd && wrong('no such capability', `‘${show(odd)}’ is none: there is "lmce".`);
    },
  ),
};
