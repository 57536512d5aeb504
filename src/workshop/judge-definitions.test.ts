/** What `judge:definitions` draws and compares; whom it asks is on few machines. */
import { expect, it } from 'vitest';
import { differences, kindOf } from './definitions/compare.ts';
import { xmlDefinition } from './definitions/draw-xml.ts';
import { main } from './judge-definitions.ts';

it('draws the same definition for a number, and finds what differs in two documents', () => {
  expect(xmlDefinition(900)).toEqual(xmlDefinition(900));
  expect(xmlDefinition(900)).not.toEqual(xmlDefinition(901));
  const tree = (dev: string, more = {}) => ({
    name: 'domain',
    attributes: {},
    text: '',
    children: [
      {
        name: 'disk',
        attributes: more,
        text: '',
        children: [{ name: 'target', attributes: { dev }, children: [], text: '' }],
      },
    ],
  });
  expect(differences(tree('vda'), tree('vda'))).toEqual([]);
  expect(differences(tree('vda', { type: 'file' }), tree('vda', { type: 'block' })).map(kindOf)).toEqual([
    'domain/disk@type: another value',
  ]);
  expect(differences(tree('vda'), tree('vdb')).map(kindOf)).toEqual([
    'domain/disk: only theirs',
    'domain/disk: only here',
  ]);
});

it('says what it takes where it is asked wrongly', async () => {
  let said = '';
  expect(await main(['nonsense'], undefined, text => void (said += text))).toBe(2);
  expect(said).toContain('write libvirt, xl, recorded or none');
});
