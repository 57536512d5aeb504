/**
 * How people ask whether KVM is there, and which exits its guests have: `kvm-ok` (cpu-checker), `lsmod` (kmod), `virt-host-validate` (libvirt 9.0), `kvm_stat`
 * (tools/kvm/kvm_stat of Linux 6.1). `perf` leads there.
 */
import type { CommandHost } from '../toolstack/index.ts';
import { systemOf } from './hypervisors/index.ts';
import { hasVmx } from './kernel-files.ts';
import { failed, type Program, succeeded } from '../toolstack/programs/index.ts';

export const kvmTools = (host: CommandHost): Program[] => [
  kvmOk(host),
  lsmod(host),
  validate(host),
  kvmStat(host),
  perf(host),
];

const kvmOk = (host: CommandHost): Program => ({
  name: 'kvm-ok',
  summary: 'whether KVM can be used here',
  run: async () =>
    hasVmx(host)
      ? succeeded('INFO: /dev/kvm exists\nKVM acceleration can be used\n')
      : {
          stdout: `INFO: Your CPU does not support KVM extensions\n${systemOf(host).withoutKvm.ok}KVM acceleration can NOT be used\n`,
          stderr: '',
          status: 1,
        },
});

const lsmod = (host: CommandHost): Program => ({
  name: 'lsmod',
  summary: 'modules of the kernel: here everything is built in',
  run: async () => ({
    stdout: 'Module                  Size  Used by\n',
    stderr: hasVmx(host)
      ? 'lsmod: kvm and kvm_intel are no modules here, they are built in: see dmesg | grep kvm, or kvm-ok.\n'
      : '',
    status: 0,
  }),
});

/** `virHostMsgCheck()`'s columns. */
const checked = (what: string, verdict: string): string => `  QEMU: Checking ${what.padEnd(60)}: ${verdict}\n`;

const validate = (host: CommandHost): Program => ({
  name: 'virt-host-validate',
  summary: 'what of this host libvirt’s driver of QEMU would use',
  run: async () => {
    if (!hasVmx(host))
      return {
        stdout: checked(
          'for hardware virtualization',
          'FAIL (Only emulated CPUs are available, performance will be significantly limited)',
        ),
        stderr: '',
        status: 1,
      };
    return succeeded(
      [
        checked('for hardware virtualization', 'PASS'),
        checked('if device /dev/kvm exists', 'PASS'),
        checked('if device /dev/kvm is accessible', 'PASS'),
        checked(
          'if device /dev/vhost-net exists',
          "WARN (Load the 'vhost_net' module to improve performance of virtio networking)",
        ),
      ].join(''),
    );
  },
});

const SECOND_MS = 1000;

/** What is counted, by kvm_stat's names: its tracepoint, and that tracepoint by the reason of the exit. */
function countsOf({ toolstack }: CommandHost): Map<string, number> {
  const counts = new Map([['kvm_exit', 0]]);
  const add = (name: string, count: number): void => void counts.set(name, (counts.get(name) ?? 0) + count);
  for (const { record } of toolstack.members.values())
    for (const [reason, count] of Object.entries(toolstack.view.at(record.index)?.exits().domain ?? {})) {
      if (count === 0) continue;
      add('kvm_exit', count);
      add(`kvm_exit(${reason})`, count);
    }
  return counts;
}

/** Without -f kvm_stat leaves out what has a part in brackets. */
const WITHOUT_PARTS = '^[^(]*$';

const kvmStat = (host: CommandHost): Program => ({
  name: 'kvm_stat',
  summary: 'exits of the guests that run: kvm_stat -1 [-f REGEX], by reason with -f kvm_exit',
  run: async (words, { signal }) => {
    if (!hasVmx(host)) return failed(systemOf(host).withoutKvm.stat);
    const rest = [...words];
    let filter = WITHOUT_PARTS,
      isOnce = false;
    for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
      const [, given] = /^(?:-f|--fields=)(.*)$/.exec(word) ?? [];
      if (word === '-1' || word === '--once' || word === '--batch') isOnce = true;
      else if (word === '--fields' || given !== undefined) filter = given || (rest.shift() ?? '');
      else return failed(`kvm_stat: error: unrecognized arguments: ${word}\nusage: kvm_stat -1 [-f REGEX]`, 2);
    }
    if (!isOnce) return failed('kvm_stat: Here it writes its numbers once, and follows nothing: write kvm_stat -1.');
    let pattern: RegExp;
    try {
      pattern = new RegExp(filter);
    } catch (error) {
      return failed(`kvm_stat: error: argument -f/--fields: ${(error as Error).message}`, 2);
    }
    const before = countsOf(host);
    await new Promise<void>(resolve => {
      const cancel = host.clock.later(SECOND_MS, resolve);
      signal.addEventListener('abort', () => (cancel(), resolve()), { once: true });
    });
    return succeeded(
      [...countsOf(host)]
        .filter(([name]) => pattern.test(name))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(
          ([name, count]) =>
            `${name.padEnd(42)}${String(count).padStart(10)}${String(count - (before.get(name) ?? 0)).padStart(10)}\n`,
        )
        .join(''),
    );
  },
});

const perf = (host: CommandHost): Program => ({
  name: 'perf',
  summary: 'is not here: what counts exits in its place',
  run: async () => failed(systemOf(host).withoutKvm.perf),
});
