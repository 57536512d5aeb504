/** A guest that moves by virsh, and what is kept of it where it came from. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { testFiles, until } from '../../service/host.test-support.ts';
import { virshProgram } from '../../libvirt/virsh/index.ts';
import { pair, running } from './pair.test-support.ts';

it('is forgotten by the first host with --undefinesource, and else is not', async () => {
  const files = await testFiles();
  await files.writeFile('/boot/demo.elf', readFileSync(new URL('../../../../guests/demo/demo.elf', import.meta.url)));
  for (const name of ['kept', 'gone'])
    await files.writeFile(
      `/etc/xen/vm/${name}`,
      `name = "${name}"\ntype = "hvm"\nmemory = 8\nkernel = "/boot/demo.elf"\n`,
    );
  const { a, b } = pair({ files });
  const virsh = virshProgram(a);
  const run = async (...words: string[]): Promise<string> => {
    const { stdout, stderr } = await virsh.run(words, { directory: '/' } as never);
    return stdout + stderr;
  };
  for (const [name, ...options] of [['kept'], ['gone', '--undefinesource', '--p2p']]) {
    await run('start', name!);
    await until(async () => (await running(a)).includes(name!));
    expect(await run('migrate', name!, 'xen+pool://b/system', '--live', ...options)).toBe('\n');
  }
  expect(await running(b)).toEqual(['kept', 'gone']);
  expect(await run('list', '--all', '--name')).toBe('Domain-0\nkept\n\n');
});
