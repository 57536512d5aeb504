/** The page's editor of definitions, on Domain 0's side. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startXen } from '../toolstack/boot/start-xen.ts';
import { startKvm } from './index.ts';
import { testFile, testFiles, testHost } from './host.test-support.ts';

const demo = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));
const TEXT = '# kept\nname = "a"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/demo.elf"\n';

async function make(parts: Parameters<typeof testHost>[0] = {}) {
  const files = await testFiles();
  await files.writeFile('/boot/demo.elf', demo);
  const host = testHost({ files, epochMs: () => 0, ...parts });
  return { host, files };
}

describe('the editor of definitions', () => {
  it('judges a text by the files of Domain 0, and creates nothing', async () => {
    const { host } = await make();
    const good = await host.definitions.judgeText({ path: 'a.cfg', text: TEXT });
    expect([good.canKeep, good.plan.errors, good.definition.memoryMiB]).toEqual([true, [], 8]);
    const missing = await host.definitions.judgeText({ path: 'a.cfg', text: TEXT.replace('demo', 'other') });
    expect([missing.canKeep, missing.plan.errors.map(({ verdict, line }) => [verdict, line])]).toEqual([
      true,
      [['missing', 5]],
    ]);
    const wrong = await host.definitions.judgeText({ path: 'a.cfg', text: `${TEXT}maxmem = "y"\nvcpus = "x"\n` });
    expect([wrong.canKeep, wrong.plan.errors.map(({ line }) => line)]).toEqual([false, [6, 7]]);
    const nothing = await host.definitions.judgeText({ path: '/etc/xen/vm/a', text: '' });
    expect([nothing.canKeep, nothing.plan.errors.map(({ key }) => key)]).toEqual([false, ['name', 'kernel']]);
    expect([host.domains.all(), await host.managed!.list()]).toEqual([[], []]);
  });

  it('judges what a domain that runs is from its next start as if it did not run', async () => {
    const { host } = await make();
    const mac = '00:16:3e:00:00:01';
    const text = `${TEXT}memory = 30\nvif = [ "mac=${mac}" ]\n`.replace('memory = 8\n', '');
    await host.new('a.cfg', text);
    const { path } = (await host.managed!.find('a')) ?? {};
    await host.start('a', true);
    expect((await host.definitions.judgeText({ path: path!, text })).plan.errors).toEqual([]);
    // Another one cannot have its name and its address.
    expect((await host.definitions.judgeText({ path: 'b.cfg', text })).plan.errors.map(({ key }) => key)).toEqual([
      'name',
      'vif.mac',
    ]);
    const larger = text.replace('= 30', '= 63');
    expect((await host.definitions.judgeText({ path: path!, text: larger })).plan.errors.map(({ key }) => key)).toEqual(
      ['memory'],
    );
  });

  it('judges a text in any language, whoever asked before', async () => {
    const { host } = await make();
    const xml =
      "<domain type='xen'><name>b</name><memory unit='MiB'>8</memory><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>";
    const { canKeep, isForeign, definition } = await host.definitions.judgeText({ path: 'b.xml', text: xml });
    expect([canKeep, isForeign, definition.name]).toEqual([true, true, 'b']);
  });

  it('offers disks that nobody has first, and says which another domain has', async () => {
    const { host, files } = await make();
    for (const name of ['a.img', 'b.img', 'c.img'])
      await files.writeFile(`/var/lib/xen/images/${name}`, new Uint8Array(512));
    await host.new('a.cfg', `${TEXT}disk = [ "/var/lib/xen/images/a.img,raw,hda,w" ]\n`);
    await host.new('b.cfg', TEXT.replace('"a"', '"b"') + 'disk = [ "/var/lib/xen/images/b.img,raw,hda,w" ]\n');
    const disks = async (name?: string) => {
      const { disks: all, taken } = (await host.definitions.openDefinition(name)).choices;
      return [all, taken].map(paths => paths.map(path => path.slice(-5, -4)).join(''));
    };
    expect([await disks(), await disks('a')]).toEqual([
      ['cab', 'ab'],
      ['acb', 'b'],
    ]);
  });

  it('finds files given with the text before those of Domain 0', async () => {
    const { host } = await make();
    const text = TEXT.replace('/boot/demo.elf', '/elsewhere/mine.elf');
    expect(
      (await host.definitions.judgeText({ path: 'a.cfg', text, files: [testFile('mine.elf', demo)] })).plan.errors,
    ).toEqual([]);
    expect((await host.definitions.judgeText({ path: 'a.cfg', text })).plan.errors).toHaveLength(1);
    // Dropped, it has what was dropped with it, and nothing of Domain 0's.
    expect(
      (await host.definitions.judgeText({ path: 'a.cfg', text: TEXT, isDropped: true })).plan.errors.map(
        error => error.text,
      ),
    ).toEqual([expect.stringContaining('demo.elf is not among the dropped files')]);
  });

  it('begins a guest of a kind that starts on the host, and offers no other kind', async () => {
    const machine = { pcpus: 1, memoryMiB: 64, vt: true, diskBytes: 0 };
    for (const [hypervisor, begins, kinds] of [
      [startXen(machine, '', ''), 'type = "pvh"\n', ['pv', 'pvh', 'hvm']],
      [startXen({ ...machine, vt: false }, '', ''), 'type = "pv"\n', ['pv']],
      [startKvm(machine, ''), 'type = "hvm"\nkvm = 1\n', ['kvm']],
    ] as const) {
      const { host } = await make({ hypervisor });
      const { path, text } = await host.definitions.openDefinition();
      expect(text).toMatch(new RegExp(`^name = "guest1"\n${begins}`));
      const judged = await host.definitions.judgeText({ path, text });
      expect([judged.kinds, judged.plan.errors.filter(({ key }) => key === 'type')]).toEqual([kinds, []]);
    }
  });

  it('changes a text as a form does; a card follows the type', async () => {
    const { host } = await make();
    const changed = await host.definitions.changeText(
      { path: 'a.cfg', text: TEXT },
      { memoryMiB: 16, cards: [{ model: 'e1000', pv: true }] },
    );
    expect(changed.text).toBe(`${TEXT.replace('= 8', '= 16')}vif = [ "model=e1000" ]\n`);
    const pvh = await host.definitions.changeText({ path: 'a.cfg', text: changed.text }, { kind: 'pvh' });
    expect(pvh.text).toBe(`${TEXT.replace('= 8', '= 16').replace('hvm', 'pvh')}vif = [ "type=vif" ]\n`);
    const disk = { target: '/dev/vg0/a', format: 'raw', vdev: 'xvda', kind: 'disk' as const, readOnly: false };
    expect((await host.definitions.changeText({ path: 'a.cfg', text: pvh.text }, { disks: [disk] })).text).toContain(
      'disk = [ "/dev/vg0/a,raw,xvda" ]\n',
    );
  });

  it('opens what is kept, and has it start with the host', async () => {
    const { host, files } = await make();
    const { path } = await host.new('a.cfg', TEXT);
    expect(await host.definitions.openDefinition('a')).toMatchObject({ path, automatic: false });
    await host.definitions.setAutomatic('a', true);
    expect([(await host.definitions.openDefinition('a')).automatic, await files.readdir('/etc/xen/auto')]).toEqual([
      true,
      ['a'],
    ]);
    await host.definitions.setAutomatic('a', false);
    expect((await host.definitions.openDefinition('a')).automatic).toBe(false);
    expect(await host.definitions.openDefinition()).toMatchObject({
      isKept: false,
      text: 'name = "guest1"\ntype = "pvh"\nmemory = 32\nkernel = "/boot/demo.elf"\n',
      choices: { kernels: ['/boot/demo.elf'], disks: [], taken: [] },
    });
    await expect(host.definitions.openDefinition('b')).rejects.toThrow("Domain 'b' does not exist.");
  });
});
