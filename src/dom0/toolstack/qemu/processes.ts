/**
 * Guests of a host with KVM as its system sees them: a process of QEMU each, with a thread for each vCPU, which enters the guest by ioctl(KVM_RUN). Names of
 * threads: QEMU's with debug-threads=on (qemu_thread_set_name in accel/kvm/kvm-accel-ops.c); the user is Debian's for guests of qemu:///system.
 */
import type { Guest, CommandHost, Uses } from '../command-host.ts';
import { vcpuList } from '../commands/processors.ts';
import { residentKiB } from '../kinds/kvm/memory.ts';
import { runNsOf } from '../run-time.ts';
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import type { Definition } from '../../definitions/config/index.ts';
import { QEMU, qemuCommandLine, writeQemuArgv } from './command-line.ts';

export interface Thread {
  tid: number;
  /** As in /proc/PID/task/TID/comm: 15 characters at most. */
  name: string;
  seconds: number;
  /** It holds a processor now. */
  runs: boolean;
}

export interface Process {
  pid: number;
  user: string;
  /** Of its first thread. */
  name: string;
  /** With its words. */
  command: string;
  startedEpochMs: number;
  /** Of processor time, all threads together. */
  seconds: number;
  rssKiB: number;
  /** Its own, and what it has of address space. */
  vszKiB: number;
  threads: Thread[];
  /** Its guest's domain id; absent: a process of the host's own. */
  guest?: number;
}

const COMM_LENGTH = 15;
/** The first one's; so far lie two of them apart. */
const FIRST_PID = 1000,
  PIDS_EACH = 16;
/** What libvirtd and the host's own work count as. */
const LIBVIRTD_PID = 412;

/** The process of a guest. */
const pidOf = (domid: number): number => FIRST_PID + PIDS_EACH * domid;
/** The thread of one of its vCPUs. */
export const tidOf = (domid: number, vcpu: number): number => pidOf(domid) + 2 + vcpu;

/** With the name and the UUID that it has now. */
const definitionOf = ({ blueprint, name, uuid }: Guest): Definition => ({ ...blueprint.definition, name, uuid });

/** The process of a guest, and the line that started it. */
export function startedBy(guest: Guest): { pid: number; command: string } {
  const { id } = guest.record;
  return { pid: pidOf(id), command: writeQemuArgv(definitionOf(guest), id) };
}

/** The processor time that the host's own threads had: its network, its disks, this shell. */
function ownProcess(host: Uses<'clock' | 'toolstack'>): Process {
  const seconds = runNsOf(host.toolstack, DOMAIN_0) / 1e9;
  const { frames } = host.toolstack.services.hardware;
  return {
    pid: LIBVIRTD_PID,
    user: 'root',
    name: 'libvirtd',
    command: '/usr/sbin/libvirtd',
    startedEpochMs: host.clock.startedEpochMs,
    seconds,
    rssKiB: frames * 4,
    vszKiB: frames * 4,
    threads: [
      { tid: LIBVIRTD_PID, name: 'libvirtd', seconds, runs: host.toolstack.view.scheduler.slots.includes(DOMAIN_0) },
    ],
  };
}

/** A guest's devices do their work in the thread of the vCPU that asks them, as QEMU's do: so its first thread has no time of its own. */
async function processOf(host: CommandHost, guest: Guest): Promise<Process> {
  const { memoryMiB, builtEpochMs } = guest,
    { id } = guest.record;
  const pid = pidOf(id);
  const threads = (await vcpuList.run(host, [id])).map(
    ({ vcpu, seconds, running }): Thread => ({ tid: tidOf(id, vcpu), name: `CPU ${vcpu}/KVM`, seconds, runs: running }),
  );
  const { line } = qemuCommandLine(definitionOf(guest), id);
  const name = QEMU.slice(QEMU.lastIndexOf('/') + 1).slice(0, COMM_LENGTH);
  return {
    pid,
    user: 'libvirt-qemu',
    name,
    command: line.join(' '),
    startedEpochMs: builtEpochMs,
    seconds: threads.reduce((sum, { seconds }) => sum + seconds, 0),
    rssKiB: residentKiB(host.machine, guest),
    vszKiB: memoryMiB * 1024,
    threads: [{ tid: pid, name, seconds: 0, runs: false }, ...threads],
    guest: id,
  };
}

/** All, by their numbers. */
export async function processesOf(host: CommandHost): Promise<Process[]> {
  const guests = [...host.toolstack.members.values()].filter(({ ending }) => !ending);
  return [ownProcess(host), ...(await Promise.all(guests.map(guest => processOf(host, guest))))];
}
