import { expect, it } from 'vitest';
import type { SavedState } from '../../hypervisor/index.ts';
import { KINDS } from '../../hypervisor/kinds/index.ts';
import { blueprintOf } from './saved-blueprint.ts';

const definitionOf = (about: object) => {
  const whole = { name: 'a', memoryMiB: 16, populatedMiB: 16, startEpochMs: 0, ...about };
  const state = { about: whole, boot: {}, hvm: [], domain: {}, emulator: { devices: {} } } as unknown as SavedState;
  return blueprintOf(state, { file: 'x' } as never, [], 'x').definition;
};

it.each(KINDS)('a guest of kind %s is built as one again, whatever its definition says', kind => {
  for (const said of ['', 'type = "hvm"\n', 'type = "hvm"\nkvm = 1\n']) {
    const definition = said && `name = "a"\nmemory = 16\nkernel = "/k"\n${said}`;
    expect(definitionOf({ kind, definition }).kind).toBe(kind);
  }
});
