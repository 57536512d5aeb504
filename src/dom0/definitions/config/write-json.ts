/**
 * Domains as `xl list -l` prints them: libxl_domain_config in JSON. Sources: tools/libs/light/libxl_types.idl for the names; printf_info_one_json() in
 * tools/xl/xl_misc.c; what has its default is left out, as libxl does.
 */
import { type Affinity, MAX_PCPUS } from '../../../hypervisor/scheduler/index.ts';
import { definedAs } from '../kinds/index.ts';
import { ALL_CPUS } from './cpus.ts';
import { type Definition, loaderWords } from './definition.ts';

/** A domain, and its number where it runs. */
export interface JsonDomain {
  domid?: number;
  definition: Definition;
}

/** `alone`: one domain that is not listed, as `xl create -n` prints it. */
export function writeJson(domains: readonly JsonDomain[], alone = false): string {
  const all = domains.map(({ domid, definition }) => ({ domid: domid ?? null, config: configOf(definition) }));
  return `${JSON.stringify(alone ? all[0] : all, null, 4)}\n`;
}

function configOf(definition: Definition): Record<string, unknown> {
  const {
    name,
    uuid,
    memoryMiB,
    maxMemoryMiB = memoryMiB,
    vcpus,
    maxVcpus = vcpus,
    kernel,
    ramdisk,
    cmdline,
    weight,
    cap,
    hardAffinity,
    softAffinity,
    cards,
    vfb,
    bootloader,
  } = definition;
  const { type, hvmOptions } = definedAs(definition);
  // libxl's configuration has none of floppy disks.
  const disks = definition.disks.filter(({ kind }) => kind !== 'floppy');
  return {
    c_info: { type, name, ...(uuid ? { uuid } : {}), run_hotplug_scripts: 'True' },
    b_info: {
      max_vcpus: maxVcpus,
      avail_vcpus: Array.from({ length: vcpus }, (_, vcpu) => vcpu),
      ...(hardAffinity === undefined ? {} : { vcpu_hard_affinity: bitmapsOf(hardAffinity, maxVcpus) }),
      ...(softAffinity === undefined ? {} : { vcpu_soft_affinity: bitmapsOf(softAffinity, maxVcpus) }),
      max_memkb: maxMemoryMiB * 1024,
      target_memkb: memoryMiB * 1024,
      sched_params: { weight: weight ?? 256, cap: cap ?? 0 },
      ...(kernel ? { kernel } : {}),
      ...(ramdisk ? { ramdisk } : {}),
      ...(cmdline ? { cmdline } : {}),
      ...(bootloader ? { bootloader: bootloader.program, bootloader_args: loaderWords(bootloader) } : {}),
      [`type.${type}`]: hvmOptions ? ofHvm(definition) : {},
    },
    ...(disks.length === 0
      ? {}
      : {
          disks: disks.map(({ target, format, vdev, kind, readOnly }) => ({
            ...(target ? { pdev_path: target } : {}),
            vdev,
            backend: 'qdisk',
            format: target === '' ? 'empty' : format,
            removable: kind === 'cdrom' ? 1 : 0,
            readwrite: readOnly ? 0 : 1,
            is_cdrom: kind === 'cdrom' ? 1 : 0,
          })),
        }),
    ...(cards.length === 0
      ? {}
      : {
          nics: cards.map(({ mac, model }, devid) => ({
            devid,
            ...(mac ? { mac } : {}),
            ...(model ? { model } : {}),
            bridge: 'xenbr0',
            nictype: model ? 'vif_ioemu' : 'vif',
          })),
        }),
    ...(vfb ? { vfbs: [{ devid: 0, vnc: { enable: true }, sdl: { enable: false } }], vkbs: [{ devid: 0 }] } : {}),
    on_poweroff: underscored(definition.onPoweroff),
    on_reboot: underscored(definition.onReboot),
    on_crash: underscored(definition.onCrash),
  };
}

/** Of HVM guests alone. */
const ofHvm = ({ kernel, bootOrder, mmioHoleMiB }: Definition): Record<string, unknown> => ({
  ...(mmioHoleMiB === undefined ? {} : { mmio_hole_memkb: mmioHoleMiB * 1024 }),
  ...(kernel ? {} : { boot: bootOrder }),
});

/** libxl_bitmap in JSON: the numbers of the bits that are set; a bitmap for each vCPU. */
const bitmapsOf = (affinity: Affinity, vcpus: number): number[][] =>
  Array.from({ length: vcpus }, (_, vcpu) =>
    typeof affinity === 'number' ? affinity : (affinity[vcpu] ?? ALL_CPUS),
  ).map(bits => Array.from({ length: MAX_PCPUS }, (_, cpu) => cpu).filter(cpu => (bits >>> cpu) & 1));

/** libxl_action_on_shutdown's names. */
const underscored = (action: string): string =>
  action === 'rename-restart' ? 'restart_rename' : action.replace('-', '_');
