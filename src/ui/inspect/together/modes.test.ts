import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { planFiles } from '../../../dom0/definitions/plan-domain.ts';
import { FILES, filesFor, guestsOf, type HostKind, KERNELS, type System } from './modes.ts';

it.each<[System, (string | boolean)[][]]>([
  [
    'minipv',
    [
      ['pv', true],
      ['pvh', true],
      ['hvm', true],
      ['hvm', false],
    ],
  ],
  [
    'linux',
    [
      ['pvh', true],
      ['hvm', true],
      ['hvm', false],
    ],
  ],
])('%s in its modes: definitions without an error, of the types that they say', async (system, types) => {
  const elf = new Uint8Array(readFileSync(new URL('../../../../guests/minipv/minipv.elf', import.meta.url))),
    files = (system === 'minipv' ? ['minipv.elf'] : FILES).map(name => ({ name, data: elf }));
  for (const [i, { name, definition }] of guestsOf(system, 'xen').entries()) {
    const data = new Uint8Array(await definition!.data.arrayBuffer());
    const { plan, domain } = planFiles([{ name: definition!.name, data }, ...files]);
    expect([plan.errors.map(({ text }) => text), plan.name]).toEqual([[], name]);
    expect([domain!.definition.kind, domain!.definition.hap !== false]).toEqual(types[i]);
  }
});

const all = async (system: System, host: HostKind): Promise<string[]> =>
  Promise.all(guestsOf(system, host).map(async mode => `${mode.name}: ${await mode.definition?.data.text()}`));

it('on a host with KVM a guest finds KVM, or is a plain PC: a definition without kvm = 1 is refused there', async () => {
  for (const system of ['minipv', 'linux'] as const) {
    const [kvm, pc] = await all(system, 'kvm');
    expect(kvm).toMatch(/^kvm = 1$/m);
    expect(pc).toBe(`${system}-pc: undefined`);
    const kernel = { name: KERNELS[system], data: new Blob(['kernel']) },
      more = { name: 'more', data: new Blob([]) };
    const files = guestsOf(system, 'kvm').map(mode => filesFor(system, mode, [kernel, more]).map(({ name }) => name));
    expect(files).toEqual([
      [`${system}-kvm.cfg`, KERNELS[system], 'more'],
      [`${system}-pc`, 'more'],
    ]);
  }
});

it('on a computer without VT only paravirtual guests are offered, and Debian’s kernel is none', async () => {
  expect((await all('minipv', 'plain')).map(text => text.replace(/\n[\s\S]*/, ''))).toEqual([
    'minipv-pv: name = "minipv-pv"',
  ]);
  expect(await all('linux', 'plain')).toEqual([]);
});
