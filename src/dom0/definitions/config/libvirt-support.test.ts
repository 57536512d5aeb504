/** Each element and each attribute that libvirt has is done, left out, or refused: the table says which. */
import { expect, it } from 'vitest';
import { DOMAIN, type ElementRule } from './libvirt-schema.ts';
import { type Support, SUPPORTED } from './libvirt-support.ts';

/** Paths on which the two differ. */
function unsaid(rule: ElementRule, support: Support | undefined, path: string): string[] {
  if (!support) return [path];
  if (support.isWhole) return [];
  return [
    ...[...rule.attributes.keys()].filter(name => !support.attributes.has(name)).map(name => `${path}@${name}`),
    ...[...rule.elements].flatMap(([name, inner]) => unsaid(inner, support.elements.get(name), `${path}/${name}`)),
  ];
}

/** Rows for what libvirt does not have. */
function strange(support: Support, rule: ElementRule | undefined, path: string): string[] {
  if (!rule) return [path];
  return [...support.elements].flatMap(([name, inner]) => strange(inner, rule.elements.get(name), `${path}/${name}`));
}

it('has a row for all that the schema has, and no other', () => {
  expect(unsaid(DOMAIN, SUPPORTED, 'domain')).toEqual([]);
  expect(strange(SUPPORTED, DOMAIN, 'domain')).toEqual([]);
});
