/**
 * Guests of a host with KVM as its system sees them: a process of QEMU each, with a thread for each vCPU, which enters the guest by ioctl(KVM_RUN). Names of
 * threads: QEMU's with debug-threads=on (qemu_thread_set_name in accel/kvm/kvm-accel-ops.c); the user is Debian's for guests of qemu:///system.
 */
import type { Guest, CommandHost } from '../command-host.ts';
import { vcpuList } from '../commands/processors.ts';
import { runNsOf } from '../run-time.ts';
import { DOMAIN_0 } from '../../../hypervisor/memory/index.ts';
import { qemuCommandLine, writeQemuArgv } from './command-line.ts';

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
export const pidOf = (domid: number): number => FIRST_PID + PIDS_EACH * domid;

/** The process of a guest, and the line that started it. */
export function startedBy({ record, blueprint, name, uuid }: Guest): { pid: number; command: string } {
  const command = writeQemuArgv({ ...blueprint.definition, name, uuid }, record.id);
  return { pid: pidOf(record.id), command };
}

/** The processor time that the host's own threads had: its network, its disks, this shell. */
function ownProcess(host: CommandHost): Process {
  const seconds = runNsOf(host.toolstack, DOMAIN_0) / 1e9;
  const { frames } = host.toolstack.services.hardware;
  return {
    pid: LIBVIRTD_PID,
    user: 'root',
    name: 'libvirtd',
    command: '/usr/sbin/libvirtd',
    startedEpochMs: host.startedEpochMs,
    seconds,
    rssKiB: frames * 4,
    vszKiB: frames * 4,
    threads: [
      { tid: LIBVIRTD_PID, name: 'libvirtd', seconds, runs: host.toolstack.view.scheduler.slots.includes(DOMAIN_0) },
    ],
  };
}

/** A guest's devices do their work in the thread of the vCPU that asks them, as QEMU's do: so its first thread has no time of its own. */
async function processOf(
  host: CommandHost,
  { record, memoryMiB, builtEpochMs, blueprint, name, uuid }: Guest,
): Promise<Process> {
  const pid = pidOf(record.id);
  const vcpus = await vcpuList.run(host, [record.id]);
  const threads = vcpus.map(
    ({ vcpu, seconds, running }): Thread => ({ tid: pid + 2 + vcpu, name: `CPU ${vcpu}/KVM`, seconds, runs: running }),
  );
  const { line } = qemuCommandLine({ ...blueprint.definition, name, uuid }, record.id);
  const path = line[0]!;
  return {
    pid,
    user: 'libvirt-qemu',
    name: path.slice(path.lastIndexOf('/') + 1).slice(0, COMM_LENGTH),
    command: line.join(' '),
    startedEpochMs: builtEpochMs,
    seconds: threads.reduce((sum, { seconds }) => sum + seconds, 0),
    rssKiB: memoryMiB * 1024,
    vszKiB: memoryMiB * 1024,
    threads: [
      { tid: pid, name: path.slice(path.lastIndexOf('/') + 1).slice(0, COMM_LENGTH), seconds: 0, runs: false },
      ...threads,
    ],
    guest: record.id,
  };
}

/** All, by their numbers. */
export async function processesOf(host: CommandHost): Promise<Process[]> {
  const guests = [...host.toolstack.members.values()].filter(({ ending }) => !ending);
  return [ownProcess(host), ...(await Promise.all(guests.map(guest => processOf(host, guest))))];
}
