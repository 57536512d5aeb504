/** What the hypervisor has printed. The first view shows it. */
import type { Uses } from '../command-host.ts';
import { deed } from './command.ts';

export const dmesg = deed({
  /** `clear`: and forgets it. */
  run: async (host: Uses<'machine' | 'parts' | 'queue' | 'toolstack'>, clear: boolean = false): Promise<string> => {
    const { kind, log, commandLine } = host.toolstack.hypervisor;
    // KVM is a part of the host's kernel, and has no log of its own.
    const kernel = kind === 'kvm' ? (await import('../boot/domain0-log.ts')).kernelLines(host, commandLine) : [];
    const text = [...kernel, log.text].join('\n');
    if (clear) log.clear();
    return text;
  },
});
