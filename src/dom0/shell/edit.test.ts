import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { defineNetwork } from '../libvirt/index.ts';
import { recordsOf, type SnapshotRecord } from '../toolstack/snapshots/index.ts';
import { editPrograms } from './edit.ts';
import { typedTerminal } from '../toolstack/terminal/terminal.test-support.ts';
import type { Program } from '../toolstack/programs/index.ts';
import { virshProgram } from '../libvirt/virsh/index.ts';

const CONFIG = 'name = "a"\ntype = "pvh"\nmemory = 8\nkernel = "/k"\n';

/** A program at a terminal of 80 × 12. */
async function make(program: Program, words: string[], files: Awaited<ReturnType<typeof testFiles>>) {
  const { owned: terminal, type, shown } = typedTerminal(80, 12);
  const around = {
    stdin: '',
    directory: '/root',
    signal: terminal.signal,
    readFile: (path: string) =>
      files
        .readFileBuffer(path.startsWith('/') ? path : `/root/${path}`)
        .catch(() => Promise.reject(new Error(`${path}: No such file or directory`))),
    writeFile: (path: string, bytes: Uint8Array) =>
      files.writeFile(path.startsWith('/') ? path : `/root/${path}`, bytes),
  };
  const over = program.own!(words)!(terminal, around);
  // Whoever wants to know how it ended asks `over`.
  over.catch(() => {});
  const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 20));
  await turn();
  return {
    over,
    shown,
    type: async (typed: string): Promise<string> => (shown(), type(typed), await turn(), shown()),
  };
}
/** What is shown at the end: each of `typed` once the editor shows what stands before it. */
async function typedAt(
  virsh: Program,
  files: Awaited<ReturnType<typeof testFiles>>,
  words: string[],
  ...typed: string[]
): Promise<string> {
  const { over, type, shown } = await make(virsh, words, files);
  let said = '';
  const until = (text: string): Promise<void> =>
    eventually(() => {
      said += shown();
      expect(said).toContain(text);
    });
  for (let i = 0; i < typed.length; i += 2) {
    await until(typed[i]!);
    said = await type(typed[i + 1]!);
  }
  const status = await over;
  said += shown();
  expect(status).toBe(said.includes('error:') ? 1 : 0);
  return said;
}
const [editor] = editPrograms();

describe('edit', () => {
  it('writes a new file when it is asked to, and asks where something was changed', async () => {
    const files = await testFiles();
    const { over, type } = await make(editor!, ['notes'], files);
    expect(await type('one\rtwo\x1b[A\x1b[D')).toContain(' /root/notes *');
    expect(await type('\x0f')).toContain('2 lines were written.');
    expect(await files.readFile('/root/notes')).toBe('one\ntwo\n');
    await type('!');
    expect(await type('\x18')).toContain('Write what was changed?');
    await type('\x03');
    await type('\x18');
    await type('n');
    expect(await over).toBe(0);
    expect(await files.readFile('/root/notes')).toBe('one\ntwo\n');
  });

  it('writes no definition with errors, and says which they are', async () => {
    const files = await testFiles();
    await files.writeFile('/etc/xen/vm/a', CONFIG);
    const { over, type } = await make(editor!, ['/etc/xen/vm/a'], files);
    await type('\x1b[B\x1b[B\x1b[Bvcpus = "x"\r');
    const screen = await type('\x0f');
    expect(screen).toContain('Nothing was written:');
    expect(screen).toContain('4: vcpus');
    // The cursor is on the fourth line of the text.
    expect(screen.endsWith('\x1b[5;1H')).toBe(true);
    expect(await files.readFile('/etc/xen/vm/a')).toBe(CONFIG);
    await type('\x0b\x18');
    await type('y');
    expect(await over).toBe(0);
    expect(await files.readFile('/etc/xen/vm/a')).toBe(CONFIG.replace('kernel', '\nkernel'));
  });

  it.each(['y', 'n'])('gives the terminal back for good when it is left by %s', async key => {
    const { over, type } = await make(editor!, ['notes'], await testFiles());
    await type('one\x18');
    expect(await type(key)).toBe('\x1b[?1049l');
    expect(await over).toBe(0);
    expect(await type('more')).toBe('');
  });

  it('refuses what is no text', async () => {
    const files = await testFiles();
    await files.writeFile('/root/image', new Uint8Array(512));
    await expect((await make(editor!, ['image'], files)).over).rejects.toThrow('image is no text.');
  });
});

describe('virsh console', () => {
  it('has the terminal until Ctrl-], or says that nothing runs', async () => {
    const files = await testFiles();
    await files.writeFile('/etc/xen/vm/a', CONFIG);
    await files.writeFile('/k', readFileSync(new URL('../../../guests/minipv/minipv.elf', import.meta.url)));
    const host = testHost({ files });
    const off = await make(virshProgram(host), ['console', 'a'], files);
    expect(await off.over).toBe(1);
    expect(off.shown()).toBe('error: The domain is not running\r\n');
    await host.start('a', true);
    const { over, shown, type } = await make(
      virshProgram(host),
      ['-c', 'xen:///system', 'console', 'a', '--force'],
      files,
    );
    expect(shown()).toContain("Connected to domain 'a'\r\nEscape character is ^] (Ctrl + ])\r\n");
    expect(await type('\x1d')).toBe('\r\n');
    expect(await over).toBe(0);
  });
});

describe('virsh edit', () => {
  it('changes what is managed; without a change it says so', async () => {
    const files = await testFiles();
    await files.writeFile('/etc/xen/vm/a', CONFIG);
    const host = testHost({ files });
    const said: string[] = [];
    for (const typed of ['\x18', '\x1b[B\x1b[B\x05\x7f16\x0f\x18']) {
      const { over, type } = await make(virshProgram(host), ['edit', 'a'], files);
      said.push(await type(typed));
      expect(await over).toBe(0);
    }
    expect([
      said[0]!.includes("Domain 'a' XML configuration not changed."),
      said[1]!.includes("Domain 'a' XML configuration edited."),
    ]).toEqual([true, true]);
    expect((await host.managed!.find('a'))!.definition.memoryMiB).toBe(16);
    const gone = await make(virshProgram(host), ['edit', 'b'], files);
    expect(await gone.over).toBe(1);
  });

  it('has titles, descriptions and metadata in the editor, too', async () => {
    const files = await testFiles();
    await files.writeFile('/etc/xen/vm/a', CONFIG);
    const virsh = virshProgram(testHost({ files }));
    const run = (words: string[], ...typed: string[]): Promise<string> => typedAt(virsh, files, words, ...typed);
    const shown = async (...words: string[]): Promise<string> =>
      (await virsh.run(words, { stdin: '', directory: '/', signal: AbortSignal.timeout(1000) } as never)).stdout;

    const HINT = 'Ctrl-O';
    expect(await run(['desc', 'a', '--edit'], HINT, '\x18')).toContain('Domain description not changed');
    expect(await run(['desc', 'a', '--edit'], HINT, 'one\rtwo\x0f\x18')).toContain('Domain description updated');
    expect(await shown('desc', 'a')).toBe('one\ntwo\n');
    const title = ['desc', 'a', '--edit', '--title'];
    expect(await run(title, HINT, 'words\x0f\x18')).toContain('Domain title updated successfully');
    // What is refused is told in the editor, which goes on.
    const refused = "title can't contain newlines";
    expect(await run(title, HINT, '\rmore\x0f', refused, '\x18', 'Write what', 'n')).toContain('title not changed');
    expect(await shown('desc', 'a', '--title')).toBe('words\n');

    const metadata = ['metadata', 'a', 'urn:x', '--key', 'x', '--edit'];
    expect(await run(metadata, HINT, '<n>1</n>\x0f\x18')).toContain('Metadata modified');
    expect(await shown('metadata', 'a', 'urn:x')).toContain('<n>1</n>');
    expect(await run(metadata, HINT, '\x18')).toContain('Metadata not changed');
    expect(await run(['metadata', 'a', 'urn:x', '--edit'])).toContain('namespace key is required');
    expect((await virsh.run(metadata, {} as never)).stderr).toBe(
      'error: metadata --edit needs the terminal: give it a line of its own, without pipes.\n',
    );
    expect(virsh.own!(['desc', 'a'])).toBeUndefined();
  });

  it('has networks and snapshots in the editor, of which the description may change', async () => {
    const files = await testFiles();
    await files.writeFile('/etc/xen/vm/a', CONFIG);
    const host = testHost({ files });
    const virsh = virshProgram(host);
    const run = (words: string[], ...typed: string[]): Promise<string> => typedAt(virsh, files, words, ...typed);
    const HINT = 'Ctrl-O';
    const xml = '<network><name>inner</name><ip address="192.168.77.1" netmask="255.255.255.0"/></network>';
    await defineNetwork(host, xml);
    const network = ['net-edit', 'inner'];
    expect(await run(network, HINT, '\x18')).toContain('Network inner XML configuration not changed.');
    expect(await run(network, HINT, '<!-- mine -->\x0f\x18')).toContain('Network inner XML configuration edited.');
    expect(await run(network, HINT, '<\x0f', '(network_definition):1:', '\x18', 'Write what', 'n')).toContain(
      'not changed',
    );
    expect(await run(['net-edit', 'none'])).toContain("error: failed to get network 'none'");

    const record: SnapshotRecord = {
      domain: 'a',
      name: 's',
      description: 'before',
      createdMs: 1e12,
      definition: CONFIG,
      files: [],
      disks: [],
    };
    await recordsOf(host).write(record);
    const snapshot = ['snapshot-edit', 'a', 's'];
    expect(await run(snapshot, HINT, '\x18')).toContain('Snapshot s XML configuration not changed.');
    const down = '\x1b[B',
      right = '\x1b[C';
    const inDescription = `${down}${down}${right.repeat('  <description>'.length)}`;
    expect(await run(snapshot, HINT, `${inDescription}now and \x0f\x18`)).toContain('Snapshot s edited.');
    expect((await recordsOf(host).read('a', 's')).description).toBe('now and before');
    const inName = `${down}${right.repeat('  <name>'.length)}`;
    const refused = 'only the description of a snapshot can be changed';
    expect(await run(snapshot, HINT, `${inName}x\x0f`, refused, '\x18', 'Write what', 'n')).toContain('not changed');
    expect((await virsh.run(snapshot, {} as never)).stderr).toContain('snapshot-edit needs the terminal');
  });
});
