import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { planFiles } from '../../../dom0/definitions/plan-domain.ts';
import { FILES, guestsOf, type System } from './modes.ts';

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
  for (const [i, { name, definition }] of guestsOf(system).entries()) {
    const data = new Uint8Array(await definition.data.arrayBuffer());
    const { plan, domain } = planFiles([{ name: definition.name, data }, ...files]);
    expect([plan.errors.map(({ text }) => text), plan.name]).toEqual([[], name]);
    expect([domain!.xen, domain!.definition.hap !== false]).toEqual(types[i]);
  }
});

it('has modes without Xen, too: a guest that finds KVM, and one that finds a PC', async () => {
  const texts = await Promise.all(guestsOf('minipv', true).map(({ definition }) => definition.data.text()));
  expect(texts.map(text => /^kvm = 1$/m.test(text))).toEqual([true, false]);
});
