/** What each type of hypervisor is, in words, and the texts around its picture. */
import type { OfEach } from '../../hypervisors/of-host.ts';
import type { TypeId } from './run.ts';

export interface TypeWords {
  title: string;
  /** In the literature. */
  known: string;
  /** The definition. */
  is: string;
  /** What this host does for it, and what the real thing does otherwise. */
  here: OfEach<string>;
}

const NOT_YET = 'Nothing is drawn before it has happened.';

/** What is true of a type whatever this host has. */
const anyHost = (here: string): OfEach<string> => ({ xen: here, kvm: here });

export const TYPE_WORDS: Readonly<Record<TypeId, TypeWords>> = {
  hosted: {
    title: 'Hosted',
    known: 'type 2: VMware Workstation, VirtualBox, ringside boot',
    is: 'The monitor is a program of an operating system, which schedules it, gives it memory and drives the devices. A guest is one of that system’s processes.',
    here: anyHost(
      'Ringside is such a program: a browser or node runs it, and reads the image through its operating system. What that system does with the call, and to whom it gives the processor meanwhile, cannot be seen from inside. Products also have a driver in its kernel, which enters the guest.',
    ),
  },
  xen: {
    title: 'Hypervisor with Domain 0',
    known: 'type 1: Xen, and Hyper-V with its root partition',
    is: 'The hypervisor is the lowest layer. It has processors, memory and events; drivers of disks and cards are in a privileged guest, Domain 0, whose back ends serve the others. A paravirtual guest knows that, and calls.',
    here: anyHost(
      'The guest puts one request into a ring and sends one event. Domain-0’s back end moves the data between the image and the page that the guest has granted. Real Domain 0 is a Linux: it also makes hypercalls of its own, to map the page and to tell the guest.',
    ),
  },
  esx: {
    title: 'Hypervisor with drivers of its own',
    known: 'type 1, full virtualization with a service console: VMware ESX',
    is: 'The hypervisor is the lowest layer, and the drivers are in it, too. To an unchanged guest it shows a whole PC. The service console is a guest for administration: it creates and stops the others, and no request passes it.',
    here: {
      xen: 'The device model answers in the hypervisor’s own turn. Domain-0 plays the part of the console: it made this guest, and took no part in the read. The last step is the browser’s file here and the VMkernel’s own driver there. ESXi has no console any more.',
      kvm: 'The device model answers in the hypervisor’s own turn. The host’s system plays the part of the console: it made this guest, and took no part in the read. The last step is the browser’s file here and the VMkernel’s own driver there. ESXi has no console any more.',
    },
  },
  kvm: {
    title: 'Linux as the hypervisor',
    known: 'neither type as such: KVM',
    is: 'A module makes Linux itself the hypervisor: besides kernel and user mode a thread has a guest mode, which the kernel enters by VMLAUNCH and VMRESUME. Linux’s scheduler, memory management and drivers serve guests and processes alike; a process, QEMU, has the device model.',
    here: {
      xen: 'The guest finds KVM. Each exit goes to the kernel, which returns to QEMU where a device of the PC is asked (KVM_EXIT_IO); QEMU reads the image by a call of the same kernel. Here one worker is guest, thread and device model; Linux with KVM in the boot menu starts the host without Xen. “Type 2” does not describe it: the monitor is in the kernel, and below that there is none.',
      kvm: 'The guest finds KVM. Each exit goes to the kernel, which returns to QEMU where a device of the PC is asked (KVM_EXIT_IO); QEMU reads the image by a call of the same kernel. Here one worker is guest, thread and device model: so are all guests of this host. “Type 2” does not describe it: the monitor is in the kernel, and below that there is none.',
    },
  },
};

/** What a run does on a host with each hypervisor. */
export const RUN_WORDS: OfEach<{
  run: string;
  same: string;
  commands: string;
  /** Of a type that is not there before the run. */
  notYet: Readonly<Record<TypeId, string>>;
}> = {
  xen: {
    run: 'Run all four',
    same: 'Type says who is below the monitor, not how a guest is run. All but the second read are the same guest, driver and device model. Their data pass a buffer of the drive, a copy more than the ring makes; QEMU has a DMA move them into the guest’s pages at once.',
    commands:
      'The task log has what this does: types-hosted, types-xen, types-esx and types-kvm are created and destroyed; in between it types “sum” at their consoles. The second read is shown: before it the ring’s pages are mapped.',
    notYet: { hosted: NOT_YET, xen: NOT_YET, esx: NOT_YET, kvm: NOT_YET },
  },
  kvm: {
    run: 'Run the other three',
    same: 'Type says who is below the monitor, not how a guest is run. All three are the same guest, driver and device model.',
    commands:
      'The task log has what this does: types-hosted, types-esx and types-kvm are created and destroyed; in between it types “sum” at their consoles. The second read is shown.',
    notYet: {
      hosted: NOT_YET,
      xen: 'This host has no Xen. Reboot it with Xen to have this drawn.',
      esx: NOT_YET,
      kvm: NOT_YET,
    },
  },
};

export const words = {
  title: 'Types of hypervisors',
  lede: 'One guest, minipv, reads 4 KiB of its disk under each of them. Every arrow is a record in the trace of that read, with its count: what did not happen is not drawn.',
  again: 'Run again',
  cancel: 'Cancel',
  progress: 'Progress of the run',
  doing: {
    creates: (name: string) => `${name} is created`,
    boots: (name: string) => `${name} boots`,
    reads: (name: string) => `${name} reads`,
  },
  cancelled: 'Cancelled: its guest is gone, and nothing else has changed.',
  next: 'Fix what it names, then run it again.',
  virtual:
    'In virtual time the image was read whole when the guest was made: the read makes no call to what this host runs on.',
  figure: (title: string, arrows: readonly string[]) =>
    `${title}: ${arrows.length > 0 ? arrows.join('; ') : 'no arrow, nothing has happened'}`,
  boxes: {
    guest: 'Guest',
    guestOf: { drive: 'driver of an IDE drive', ring: 'blkfront' } as const,
    monitor: 'Monitor',
    monitorHas: 'with device model',
    system: 'Operating system',
    systemHas: 'scheduler, memory, drivers',
    hardware: 'Hardware',
    dom0: 'Domain-0',
    dom0Has: 'back end, drivers',
    xen: 'Xen',
    xenHas: 'scheduler, memory, events',
    console: 'Service console',
    consoleHas: 'took no part',
    vmkernel: 'VMkernel',
    vmkernelHas: 'monitor, device model, drivers',
    qemu: 'QEMU',
    qemuHas: 'device model',
    guestMode: 'in guest mode',
    linux: 'Linux with KVM',
    linuxHas: 'scheduler, memory, drivers',
  },
  arrows: {
    exits: (n: number) => `${n} exit${n === 1 ? '' : 's'}`,
    hypercalls: (n: number) => `${n} hypercall${n === 1 ? '' : 's'}`,
    calls: (n: number) => `${n} system call${n === 1 ? '' : 's'}`,
    toQemu: (n: number) => `${n} to QEMU`,
    reads: (n: number) => `${n} read${n === 1 ? '' : 's'}`,
    events: (n: number) => `${n} event${n === 1 ? '' : 's'}`,
    answers: (n: number) => `${n} back`,
    copy: (kib: number) => `${kib} KiB`,
  },
  rows: {
    crossings: 'Into the hypervisor and back',
    model: 'of them for the device model',
    events: 'Events, there and back',
    switches: 'Changes of processor',
    copies: 'Copies of the data',
    calls: {
      hosted: 'Calls of the system below',
      xen: 'Reads of the image by Domain-0',
      esx: 'Reads of the image by the hypervisor',
      kvm: 'Reads of the image by QEMU',
    } as Readonly<Record<TypeId, string>>,
  },
  copy: { image: 'image', drive: 'drive’s buffer', guest: 'guest’s page' } as const,
  copied: (from: string, to: string) => `${from} to ${to}`,
  here: 'Here and in reality',
  table: 'Types of hypervisors',
  columns: [
    'Type',
    'Domain',
    'Exits',
    'Hypercalls',
    'For the device model',
    'Events',
    'Answers',
    'Changes of processor',
    'Copies',
    'Reads of the image',
    'Bytes',
  ],
  orderTable: 'What happened, in order',
  orderColumns: ['Type', 'Step', 'What', 'Of what kind'],
  steps: { exit: 'exit', event: 'event to Domain-0', away: 'processor given away', back: 'processor back' } as const,
  why: {
    question: (exits: number, calls: number) =>
      `Why does the same read leave the guest ${exits} times by registers, and ${calls === 1 ? 'once' : `${calls} times`} through a ring?`,
    answer: (exits: number, calls: number) =>
      `A drive is a set of registers, and each use of one leaves the guest: ${exits} exits for one command by DMA, whatever is below the monitor. A ring is memory that both sides see: ${calls} hypercall${calls === 1 ? '' : 's'}, one to tell Domain-0${calls > 1 ? ' and one to wait for it' : ''}. What it costs instead is Domain-0: an event there, one back, and a processor that changes hands.`,
    source:
      'R. P. Goldberg, Architectural Principles for Virtual Computer Systems, 1973 (types I and II); xen/include/public/io/blkif.h; ATA/ATAPI-6, clause 6; Documentation/virt/kvm/api.rst',
  },
};
