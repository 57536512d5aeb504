/** A folder that was shared with a running guest of KVM: Debian's own 9p driver has it after a saved state, after a reboot, and next to a second one. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Host } from '../../src/dom0/service/host.ts';
import { testFile, testFiles, testHost, until } from '../../src/dom0/service/host.test-support.ts';
import { NEEDS_GUESTS } from '../support/guests.ts';
import { file } from '../support/needs.ts';

const guest = file('.cache/guests/debian-686-pae');
const DEFINITION = `name = "deb"
type = "hvm"
kvm = 1
memory = 160
kernel = "vmlinuz"
ramdisk = "initrd-modules"
extra = "console=ttyS0,115200 cryptomgr.notests mods=virtio_pci,9pnet_virtio,9p"
serial = "pty"
on_reboot = "restart"
`;
const BOOT_S = 300,
  LINE_S = 60;

let lines = 0;

/** A guest's serial console, and what it says to a line; what it has said before comes again with the console. */
async function shellOf(host: Host, id: number): Promise<(line: string) => Promise<string>> {
  const { console } = await host.consoles.view(id),
    decoder = new TextDecoder('latin1');
  let text = '';
  console.onmessage = ({ data }) => {
    if ('serial' in data) text += decoder.decode(data.serial).replaceAll('\r', '');
  };
  return async line => {
    const number = ++lines,
      said = new RegExp(`\nbegin-${number}\n([\\s\\S]*?)(?:^|\n)end-${number}-`, 'm');
    console.postMessage({
      serial: new TextEncoder().encode(`echo begin-$((${number})); ${line}; echo end-$((${number}))-$?\r`),
    });
    const [, answer = ''] = await until(() => said.exec(text) ?? undefined, LINE_S);
    return answer.trim();
  };
}

it.skipIf(!existsSync(guest))(
  `a shared folder goes with a saved guest, which finds it mounted, and with one that boots again ${NEEDS_GUESTS}`,
  async () => {
    const files = await testFiles();
    const host = testHost({ files, memory: new SharedArrayBuffer(320 * 2 ** 20) });
    const { id } = await host.create([
      testFile('deb.cfg', DEFINITION),
      ...['vmlinuz', 'initrd-modules'].map(name => testFile(name, readFileSync(join(guest, name)))),
    ]);
    const booted = async (domain: number): Promise<Awaited<ReturnType<typeof shellOf>>> => {
      const run = await shellOf(host, domain);
      await until(async () => (await run('echo here').catch(() => '')).endsWith('here'), BOOT_S / LINE_S);
      await run('dmesg -n 1');
      return run;
    };
    let run = await booted(id);
    const share = (domain: number, name: string, text: string): Promise<{ path: string; command: string }> =>
      host.manage('shareFolder', domain, name, [{ path: 'deep/a.txt', data: new Blob([text]) }]);

    const docs = await share(id, 'docs', 'first\n');
    expect(docs).toEqual({ path: '/srv/docs', command: 'mount -t 9p -o trans=virtio docs /mnt' });
    // Its driver finds what has come in a moment of its own.
    const mounted = (command: string): Promise<unknown> => until(async () => (await run(command)) === '');
    await run('mkdir -p /mnt /more');
    await mounted(docs.command);
    expect(await run('cat /mnt/deep/a.txt')).toBe('first');
    // A program has a file open while the guest is saved.
    await run('(sleep 3; echo later) > /mnt/late & cd /mnt');

    const moved = async (from: number): Promise<number> => {
      const data = await host.save(from);
      await host.destroy(from);
      const { id: to } = await host.restore({ name: 'deb.save', data });
      run = await shellOf(host, to);
      return to;
    };
    const again = await moved(id);
    expect(await run('wait; cat late deep/a.txt; ls -1')).toBe('later\nfirst\ndeep\nlate');
    expect(await files.readFile('/srv/docs/late')).toBe('later\n');

    // Another one comes next to it, in a slot of its own.
    const more = await share(again, 'docs', 'second\n');
    expect(more.path).toBe('/srv/docs-2');
    await mounted(more.command.replace('/mnt', '/more'));
    expect(await run('cat /more/deep/a.txt /mnt/deep/a.txt; cd /')).toBe('second\nfirst');
    const twice = await moved(again);
    expect(await run('cat /more/deep/a.txt /mnt/deep/a.txt')).toBe('second\nfirst');

    // It boots again with both.
    await host.trigger(twice, 'reset');
    const { id: reset } = await until(() =>
      host.domains.all().find(({ name, state }) => name === 'deb' && state !== 's'),
    );
    run = await booted(reset);
    expect(
      await run(`mkdir -p /mnt /more; ${docs.command}; ${more.command.replace('/mnt', '/more')}; cat /*/deep/a.txt`),
    ).toBe('first\nsecond');
  },
);
