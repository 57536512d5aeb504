/** What a domain can start, and what its interface says of how that begins. Types alone: boot.ts has it begin. */
import type { LinuxForFirmware } from '../../devices/index.ts';
import type { GuestRam } from '../layout/ram-layout.ts';
import type { E820Entry, LoadedFile } from '../loader/index.ts';

/** What the machine starts: a kernel put into memory, or firmware at the reset vector. */
export type Boot =
  | {
      /** pvh, pv: entered as Xen's domain builder does; kernel: as a boot loader does. */ kind:
        | 'kernel'
        | 'pvh'
        | 'pv';
      kernel: Uint8Array;
      name: string;
      ramdisk?: { name: string; data: Uint8Array };
      cmdline: string;
    }
  | {
      kind: 'firmware';
      image: Uint8Array;
      name: string;
      vgaBios?: Uint8Array;
      /** Its authors had QEMU's machine before them (SeaBIOS, or an image that a person names): it gets QEMU's devices where an IBM PC's differ. */
      forQemu?: boolean;
      /** It lies in flash that it can write, on a PC; `keep`: where that is kept when the machine is gone. Absent: in ROM. */
      flash?: { keep?: { name: string; path: string; writes: true } };
      /** The network card's expansion ROM, to boot by it. */
      nicRom?: Uint8Array;
      /** SeaBIOS's device paths, first one first. */
      bootOrder?: string[];
      /** It starts boot sectors that do not end in 55 AA, too. */
      noSignatureCheck?: true;
      /** For firmware that starts kernels itself. */
      linux?: LinuxForFirmware;
      /** Xen's own hvmloader, which builds tables and puts the image where it belongs; absent: the image lies in ROM, as on a PC. */
      loader?: LoadedFile;
    };

/** What an interface says of how its guests begin. */
export interface BootRules {
  /** The way into a kernel that has several; absent: a boot loader's. */
  prefer?: 'pvh' | 'note';
  /** The memory map for a kernel; absent: as firmware of a PC would report it. */
  e820?(ram: GuestRam): E820Entry[];
  /** The memory map for a loader of the hypervisor's own, which starts firmware; absent: there is none. */
  loaderE820?(ram: GuestRam): E820Entry[];
  /** Judges a kernel that the interface loads by itself. Absent: kernels are loaded as on a PC. @throws LoadError */
  judge?(kernel: KernelBoot, memoryMiB: number): void;
}
export type KernelBoot = Exclude<Boot, { kind: 'firmware' }>;
