/**
 * What a domain's processor has loaded when it needs it. In a process of its own, where nothing was loaded before.
 * @vitest-environment node
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadKernel, prepareKernel } from '../loader/index.ts';
import { PartLoader } from './part-loader.ts';
import { LOAD, program, programDomain, runToEnd } from './program.test-support.ts';
import type { Domain } from './domain.ts';

const CODE = 0x400;
const problems: string[] = [];
const domainOf = (code: string): Domain =>
  programDomain(program([`jmp ${LOAD + CODE}`], { [CODE]: [code] }), { jitThreshold: 8 });
const loaded = async (domain: Domain, loader: PartLoader): Promise<void> => {
  while (loader.look(domain)) await new Promise(setImmediate);
};

it('stands before its first MMX instruction until that is loaded, and nothing of it is seen', async () => {
  const domain = domainOf('mov eax, 7; movd mm0, eax; movd ebx, mm0; mov al, bl; out 0xf4, al; hlt'),
    { processor } = domain,
    loader = new PartLoader(sentence => problems.push(sentence));
  expect(domain.runSlice()).toEqual({ state: 'running' });
  const before = domain.instructions;
  expect(processor.lacksOperations).toBe(true);
  expect(domain.runSlice()).toEqual({ state: 'running' });
  expect([domain.instructions, domain.exits.total]).toEqual([before, 0]);
  await loaded(domain, loader);
  expect(processor.lacksOperations).toBe(false);
  expect(runToEnd(domain, 10)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 7 } });
  expect(problems).toEqual([]);
});

it('gets its second tier once it has run for a while, and not before', async () => {
  const domain = domainOf('mov ecx, 501000; again: dec ecx; jnz again; hlt'),
    { processor } = domain,
    loader = new PartLoader(sentence => problems.push(sentence));
  domain.stopAtInstruction = 500_000;
  while (domain.instructions < 500_000) domain.runSlice();
  expect([processor.lacksRegions, loader.look(domain), processor.regions]).toEqual([true, false, null]);
  domain.stopAtInstruction = 1_000_100;
  while (domain.instructions < 1_000_100) domain.runSlice();
  await loaded(domain, loader);
  expect(processor.lacksRegions).toBe(false);
  expect(processor.regions?.off).toBe(false);
  expect(problems).toEqual([]);
});

it('has a multiboot kernel loaded without what loads others, and then that, too, with what says why a file is no kernel', async () => {
  const load = (kernel: Uint8Array): string =>
    loadKernel(
      { write() {}, fill() {} },
      { kernel, name: 'kernel', cmdline: '', memoryMiB: 64, e820: [{ base: 0, length: 64 * 2 ** 20, type: 1 }] },
    ).kind;
  const guest = (name: string): Uint8Array =>
    new Uint8Array(readFileSync(new URL(`../../../guests/${name}`, import.meta.url)));
  const demo = guest('demo/demo.elf'),
    text = new TextEncoder().encode('#!/bin/sh\n'.repeat(200));
  await prepareKernel(demo, 'note');
  expect(load(demo)).toBe('multiboot');
  expect(() => load(text)).toThrow('The part that loads kernels is used before it is loaded.');
  await prepareKernel(text, 'note');
  expect(() => load(text)).toThrow('kernel is not a kernel: it looks like a script.');
});
