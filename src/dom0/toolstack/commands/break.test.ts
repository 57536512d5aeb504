/** `xl break`: points by what the trace tells of, written as people know them. */
import { describe, expect, it } from 'vitest';
import { print, pvhKernel, waitForKey } from '../../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';
import { testFiles, testHost } from '../../service/host.test-support.ts';
import { COMMANDS, runXl } from './index.ts';

describe('xl break', () => {
  it('takes exits and hypercalls by name, ports and events by number, and takes them away again', async () => {
    const files = await testFiles();
    await files.writeFile('/boot/k', pvhKernel([...print('up..'), ...waitForKey()]));
    await files.writeFile('/root/x.cfg', 'name = "x"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/k"\n');
    const host = testHost({ files, readsWhole: true });
    const xl = (line: string): Promise<string> =>
      runXl(COMMANDS, {
        host,
        words: line.split(' '),
        read: async path => new Blob([(await files.readFileBuffer(path)) as BlobPart]),
        write: async () => {},
      }).catch((error: Error) => error.message);
    await xl('create /root/x.cfg');
    for (const words of ['-x x HLT', '-x x idt_14', '-c x sched_op', '-c x 40', '-p x 0x1f7', '-e x 3'])
      expect(await xl(`break ${words}`)).toBe('');
    expect((await xl('break x')).trimEnd().split('\n')).toEqual([
      'an exit HLT',
      'an exit IDT_14',
      'the hypercall sched_op',
      'the hypercall 40',
      'an access to port 0x1f7',
      'an event on port 3',
    ]);
    expect(await xl('break -d -x x HLT')).toBe('');
    expect(await xl('break x')).not.toContain('HLT');
    expect(await xl('break -x x NOTHING')).toBe('NOTHING is no reason of an exit.');
    expect(await xl('break -p x 0x10000')).toBe('65536 is no I/O port: write a number from 0 to 65535.');
    await host.destroy(1);
  });
});
