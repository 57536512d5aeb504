/**
 * What a host with KVM does for a guest where Xen's toolstack makes a hypercall, by the names that a task's record has: an ioctl of /dev/kvm
 * (Documentation/virt/kvm/api.rst), a command to QEMU's monitor (qapi/misc.json, qapi/run-state.json), a system call or a file of cgroups.
 */
const CALLS: Readonly<Record<string, string>> = {
  XEN_DOMCTL_createdomain: 'KVM_CREATE_VM',
  XEN_DOMCTL_pausedomain: 'QMP stop',
  XEN_DOMCTL_unpausedomain: 'QMP cont',
  XEN_DOMCTL_destroydomain: 'kill SIGTERM',
  'XEN_DOMCTL_sendtrigger nmi': 'QMP inject-nmi',
  'XEN_DOMCTL_sendtrigger power': 'QMP system_powerdown',
  XEN_DOMCTL_scheduler_op: 'cpu.weight, cpu.max',
  XEN_DOMCTL_setvcpuaffinity: 'sched_setaffinity',
};

export const kvmCall = (hypercall: string, about = ''): string | undefined =>
  CALLS[hypercall] ?? CALLS[`${hypercall} ${about.split(',')[0]}`];
