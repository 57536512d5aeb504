/** Memory that libvirt's documents have in KiB, of guests that have whole MiB. */
import { beforeAll, expect, it } from 'vitest';
import { changeDefinition, judgeDefinition, memoryKiB, prepareToRead } from '../index.ts';

const xml = (sizes: string): string =>
  `<domain type='kvm'><name>a</name>${sizes}<os><type>hvm</type></os><devices/></domain>`;
const read = (text: string) => judgeDefinition('a.xml', text).definition;

beforeAll(() => prepareToRead(xml('')));

it.each([
  ['<memory>1148576</memory>', [1122, 1148576, 1148576]],
  ["<memory unit='b'>1148576001</memory>", [1096, 1121657, 1121657]],
  ['<memory>1148576</memory><currentMemory>924288</currentMemory>', [903, 924288, 1148576]],
  ["<memory unit='MiB'>512</memory><currentMemory unit='KiB'>1000</currentMemory>", [1, 1000, 524288]],
  ['<memory>924288</memory><currentMemory>1148576</currentMemory>', [903, 924288, 924288]],
])('%s', (sizes, [mib, memory, maximum]) => {
  const definition = read(xml(sizes));
  expect([definition.memoryMiB, memoryKiB(definition)]).toEqual([mib, { memory, maximum }]);
});

it('stays where something else changes, and goes where a size is set in MiB', () => {
  const text = xml('<memory>1148576</memory><currentMemory>924288</currentMemory>');
  const before = read(text);
  expect(memoryKiB(read(changeDefinition(text, before, { ...before, vcpus: 2 })))).toEqual({
    memory: 924288,
    maximum: 1148576,
  });
  expect(memoryKiB(read(changeDefinition(text, before, { ...before, memoryMiB: 100 })))).toEqual({
    memory: 102400,
    maximum: 1148576,
  });
});

it('stays in a document whose devices of virtio have another order than libvirt writes', () => {
  const rng = "<devices><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices>";
  const text = xml('<memory>1148576</memory>').replace('<devices/>', rng);
  const before = read(text);
  const changed = changeDefinition(text, before, { ...before, vcpus: 2 });
  expect(changed).toContain("<memory unit='KiB'>1148576</memory>");
  expect(changed).toContain("<rng model='virtio'>");
});
