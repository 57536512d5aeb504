/** What the host's own system says when it starts: Domain 0 on Xen, or the system whose kernel KVM is a part of. */
import type { HypervisorKind } from '../boot/menu/index.ts';
import type { Uses } from '../command-host.ts';

type Host = Uses<'machine' | 'queue' | 'toolstack'>;

/** What the host's own system says of it when it starts. */
export interface BootWords {
  /** The system that starts. */
  system: string;
  commandLine(given: string): string;
  booting(host: Host): string;
  /** Lines of the parts of the system's kernel that make it a hypervisor. */
  kernel(host: Host): string[];
  /** What it serves. */
  serves(host: Host): string;
}

const xen: BootWords = {
  system: 'Domain 0',
  commandLine: given => given,
  booting: ({ toolstack: { services } }) =>
    `paravirtualized kernel on Xen; memory: ${services.hardware.frames * 4}K of its own`,
  kernel: () => [],
  serves: ({ toolstack: { services } }) =>
    `xenstored: serves ${services.xenstored.client().read('/local/domain/0/name') ?? 'Domain-0'}`,
};

/** Of the kernel's parts that make it a hypervisor: kvm.ko, kvm_intel.ko; /dev/kvm is character device 10:232. */
const kvm: BootWords = {
  system: 'the host’s own system',
  commandLine: given => `BOOT_IMAGE=/boot/vmlinuz ${given}`,
  booting: ({ machine }) => `on bare hardware, no hypervisor below; memory: ${machine.frames * 4}K`,
  kernel: ({ queue, toolstack: { hypervisor } }) => {
    const { pcpus } = hypervisor.host;
    return [
      `smp: Brought up 1 node, ${pcpus} CPU${pcpus === 1 ? '' : 's'}`,
      `sched: ${queue.policy.name}, latency ${queue.parameters.tsliceUs / 1000} ms`,
      ...(hypervisor.hasVt
        ? ['kvm_intel: VMX with EPT, unrestricted guest and VPID', 'kvm: /dev/kvm is there (10:232), API version 12']
        : ["kvm: no hardware support for 'kvm_intel'"]),
    ];
  },
  serves: () => 'libvirtd: qemu:///system is served',
};

export const bootWordsOf = (kind: HypervisorKind): BootWords => ({ xen, kvm })[kind];
