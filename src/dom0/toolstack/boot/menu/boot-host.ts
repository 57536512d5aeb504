/** From the host disk's grub.cfg to what is started: the file that an installation leaves, and what of it this host can run. */
import type { HostFiles } from '../../../host/files/index.ts';
import type { BootMenu, MenuChoice } from './boot-menu.ts';
import type { BootCommands } from '../../../host/index.ts';

/** A file of Domain 0. */
export const GRUB_CONFIG_PATH = '/boot/grub/grub.cfg';

/** What an installation leaves there. A function: the builder would write a constant out at each use. */
export const defaultGrubConfig =
  (): string => `# The host's boot menu: it counts when the host starts the next time (reboot).
# Xen's options are those of its own command line: dom0_mem=256M, sched=credit or rr, loglvl=, guest_loglvl=, hvm_fep, noreboot ...
set default=0
set timeout=1

menuentry 'Ringside VM Server, with Xen 4.17' --class xen --id xen {
        echo 'Loading Xen 4.17 ...'
        multiboot2 /boot/xen.gz loglvl=all guest_loglvl=all
        echo 'Loading Domain 0 ...'
        module2 /boot/domain0 root=/dev/sda2
}
menuentry 'Ringside VM Server without VT, with Xen 4.17 (standard computer)' --class xen --id xen-no-vt {
        echo 'Loading Xen 4.17 ...'
        multiboot2 /boot/xen.gz loglvl=all guest_loglvl=all cpuid=no-vmx
        echo 'Loading Domain 0 ...'
        module2 /boot/domain0 root=/dev/sda2
}
menuentry 'Linux with KVM' --class linux --id kvm {
        echo 'Loading Linux ...'
        linux /boot/vmlinuz root=/dev/sda2
}
submenu 'Advanced options' --id advanced {
        menuentry 'Ringside VM Server, with Xen 4.17 and the round-robin scheduler' --class xen --id xen-rr {
                multiboot2 /boot/xen.gz sched=rr loglvl=all guest_loglvl=all
                module2 /boot/domain0 root=/dev/sda2
        }
        menuentry 'Ringside VM Server, with Xen 4.17 and the forced emulation prefix' --class xen --id xen-fep {
                multiboot2 /boot/xen.gz hvm_fep loglvl=all guest_loglvl=all
                module2 /boot/domain0 root=/dev/sda2
        }
}
`;

/** The file as it is now, of a new disk as an installation leaves it; without it GRUB has no entries, and its command line. @throws Error of the files */
export async function installedGrubConfig(files: HostFiles): Promise<string> {
  const folder = GRUB_CONFIG_PATH.slice(0, GRUB_CONFIG_PATH.lastIndexOf('/'));
  if (!(await files.exists(folder))) {
    await files.mkdir(folder, { recursive: true });
    await files.writeFile(GRUB_CONFIG_PATH, defaultGrubConfig());
  }
  return files.readFileBuffer(GRUB_CONFIG_PATH).then(
    bytes => new TextDecoder().decode(bytes),
    () => '',
  );
}

/** What runs the host's guests. */
export type HypervisorKind = 'xen' | 'kvm';

/** What a choice of the menu starts. */
export interface HostBoot {
  /** Of the entry. */
  title: string;
  hypervisor: HypervisorKind;
  /** '' without Xen. */
  xenCommandLine: string;
  /** Of the host's system: of Domain 0 with Xen below, else of the kernel itself. */
  dom0CommandLine: string;
}

/** The entry of a host without Xen where nobody has asked grub.cfg. */
export const KVM_BOOT: HostBoot = {
  title: 'Linux with KVM',
  hypervisor: 'kvm',
  xenCommandLine: '',
  dom0CommandLine: 'root=/dev/sda2',
};

/** What comes of that. */
export interface Booted {
  /** Why its words of a definition do not count: a sentence. */
  problem?: string;
  /** Xen has the option not to start again after a fault. */
  noReboot: boolean;
}

/** What a page starts its host with. */
export interface PageBoot extends Omit<HostBoot, 'title'> {
  /** Words of the host's definition (readHost) that are kept, and those that count before them; what both leave out the device suggests. */
  host: { kept: string; asked: string };
  /** In virtual time, on one processor and from the state of a first visit; `seed`: what is drawn follows from it. */
  virtualTime?: { seed: number };
  /** Files and volumes live in memory, and why: a sentence. */
  keepsNothing?: string;
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
/** As distributions name them: xen.gz, xen-4.17-amd64.gz; vmlinuz-6.1.0-18-amd64, and here domain0. */
const XEN = /^xen[\w.+-]*$/,
  DOMAIN_0 = /^(?:domain0|vmlinuz|linux|kernel)[\w.+-]*$/,
  LINUX = /^(?:vmlinuz|linux|kernel)[\w.+-]*$/;

/** Why commands start nothing on this host, in GRUB's words where it has some; undefined: they do. */
export function bootRefusal({ hypervisor, modules, linux }: BootCommands): string | undefined {
  if (!hypervisor && linux)
    return LINUX.test(baseName(linux.path))
      ? undefined
      : `error: file \`${linux.path}' not found. The system that runs without Xen is /boot/vmlinuz.`;
  if (!hypervisor)
    return 'error: you need to load the kernel first. Write multiboot2 /boot/xen.gz and module2 /boot/domain0, or linux /boot/vmlinuz.';
  if (!XEN.test(baseName(hypervisor.path)))
    return `error: file \`${hypervisor.path}' not found. The hypervisor is /boot/xen.gz.`;
  const [dom0] = modules;
  if (!dom0) return 'Panic on CPU 0: Xen has no Domain 0 to start. Write module2 /boot/domain0 behind multiboot2.';
  return DOMAIN_0.test(baseName(dom0.path))
    ? undefined
    : `error: file \`${dom0.path}' not found. Domain 0 is /boot/domain0.`;
}

/** What the menu has chosen; undefined: nothing yet, or no boot. */
export function hostBootOf(choice: MenuChoice | undefined): HostBoot | undefined {
  if (choice?.kind !== 'boot') return undefined;
  const {
    title,
    commands: { hypervisor, modules, linux },
  } = choice;
  if (hypervisor)
    return {
      title,
      hypervisor: 'xen',
      xenCommandLine: hypervisor.words,
      dom0CommandLine: modules[0]?.words ?? '',
    };
  return linux && { title, hypervisor: 'kvm', xenCommandLine: '', dom0CommandLine: linux.words };
}

/** Why a menu that was not to be shown has chosen nothing. */
export const whyNot = ({ mode }: BootMenu): string =>
  mode.kind === 'message' ? mode.lines.join('\n') : 'the entry waits for somebody to choose';
