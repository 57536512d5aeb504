import { expect, it } from 'vitest';
import { strings } from './strings.ts';
import { asVirsh, codeOfKvm, haveWords, ofKvm } from './words-without-xen.ts';

it('are others on a host without Xen, and its own again on one with it', () => {
  const before = structuredClone(JSON.parse(JSON.stringify(strings)) as unknown);
  expect(haveWords(strings, true)).toBe(true);
  expect(haveWords(strings, true)).toBe(false);
  expect(strings.shell).toMatchObject({ domain: 'host system', loading: 'The shell is loaded …' });
  for (const words of [strings.shell, strings.strip, strings.tree, strings.home])
    expect(JSON.stringify(words)).not.toMatch(/Domain-0|Xen|\bxl\b(?! or)/);
  expect(haveWords(strings, false)).toBe(true);
  expect(JSON.parse(JSON.stringify(strings))).toEqual(before);
});

it('say of an exit who handles it there', () => {
  expect(ofKvm('Xen hands it on as a request')).toBe('KVM hands it on as a request');
  expect(ofKvm('Its model in Domain-0 emulates the keyboard controller')).toBe('QEMU emulates the keyboard controller');
  expect(ofKvm('it is the local APIC, which Xen emulates.')).toBe('it is the local APIC, which KVM emulates.');
  expect([codeOfKvm('vmx_vmexit_handler'), codeOfKvm('domain_kill')]).toEqual(['vmx_handle_exit', undefined]);
  expect(asVirsh('xl pause web')).toBe('virsh suspend web');
});
