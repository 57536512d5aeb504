/** The textbook's figure on a new host: two paravirtual guests and an unmodified one next to Domain 0, and a file's bytes on the host's disk. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HostShell } from '../support/host-shell.ts';

const FILE = 'ring\n'.repeat(1000);
/** The commands for it wait in its console’s ring of 1024 bytes. */
const READS = 40;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the figure', () => {
  it('runs from one command: the guest’s bytes lie where disk-path says, and a request is followed to them', async () => {
    const host = new HostShell();
    onTestFinished(() => host.kill());
    const run = (line: string): Promise<string> => host.run(line, 60);
    await host.expect('# ', 30);
    const figure = await run('bash figure.sh');
    for (const name of ['Domain-0', 'files', 'web', 'demo'])
      expect(figure).toMatch(new RegExp(`^${name} +\\d+ +\\d+ +1 +[-rb]{6}`, 'm'));
    const sector = /^disk sda: sector (\d+)/m.exec(figure)?.[1];
    // The file's first 512 bytes, as they are known outside.
    expect(figure).toContain(`${sha256(FILE.slice(0, 512))} sector ${sector} of /dev/sda`);
    // What the guest wrote is what tar reads.
    const tape = await run('dd if=/dev/vg0/files count=13 status=none | base64 -w 0');
    const [archive] = /^[A-Za-z0-9+/=]{1000,}/m.exec(tape) ?? [''];
    expect(execFileSync('tar', ['-xOf', '-', 'notes.txt'], { input: Buffer.from(archive, 'base64') }).toString()).toBe(
      FILE,
    );
    expect(await run('lvs')).toMatch(/files +vg0 +-wi-ao---- +20\.00g/);
    // The second time it starts nothing twice.
    expect(await run('bash figure.sh')).toContain('The bytes are the same.');
    // The guest reads the sector again and again: one of these times it is followed, however long the trace takes to begin.
    host.send('xl console files\r');
    await host.expect('minipv> ', 20);
    host.send('sleep 500\rsum xvda 1 1\r'.repeat(READS));
    host.send('\x1d');
    await host.expect('# ', 20);
    const followed = await run('xl trace -t 20 files');
    for (const place of [
      'exit +vCPU 0: hypercall, EVTCHNOP_send',
      'front end',
      'back end +vbd 51712 \\(xvda\\): read',
      'guest disk +sector 1, 1 sector',
      'volume +vg0/files, logical extent 0',
      `disk +sda, sector ${sector}`,
      'stored +disk.data, slot',
      'answer +done',
    ])
      expect(followed).toMatch(new RegExp(`^ +${place}`, 'm'));
    await run('xl destroy files; xl destroy web; xl destroy demo');
    host.send('exit\r');
    expect(await host.end(30)).toBe(0);
  });
});
