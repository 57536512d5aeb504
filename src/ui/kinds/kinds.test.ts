import { expect, it } from 'vitest';
import { inXml } from '../../dom0/definitions/config/xml/kinds/index.ts';
import { KINDS } from '../../hypervisor/kinds/index.ts';
import { inForms } from './index.ts';

it.each(KINDS)('proposes the weight that a guest of kind %s gets where none is written', kind => {
  expect(inForms({ kind }).weight).toBe(inXml({ kind }).type.usualWeight);
});
