/** Guests of a host without Xen as processes of QEMU: what libvirt starts, what the host's system sees of them, their monitors. */
export { cardAlias, channelAlias, floppyAlias, ideAlias, unitOf, virtioDiskAlias } from './aliases.ts';
export {
  diskSlot,
  QEMU,
  QEMU_MACHINE,
  QEMU_OWNER,
  QEMU_VERSION,
  writeQemuArgv,
} from './command-line.ts';
export { askHuman, askMonitor } from './monitor.ts';
export { type Process, processesOf, type Thread } from './processes.ts';
