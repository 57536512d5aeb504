/**
 * A Debian archive of a few packages, with all that they need: pool/ and dists/, as apt and debootstrap read them.
 * Sources: Debian Policy 5 (control fields) and 7 (relationships), Debian's wiki on the format of repositories.
 */

import type { CdEntry } from '../../src/formats/file-systems/make-cd.ts';
import { sha256, Unavailable } from './source.ts';

type Fields = ReadonlyMap<string, string>;

/** Relationships of a field: of each, the names of which one will do, without versions and architectures. */
const relations = (field: string | undefined): string[][] =>
  (field ?? '')
    .split(',')
    .map(relation => relation.split('|').map(name => name.trim().replace(/[\s:([].*$/s, '')))
    .filter(([name]) => name !== '');

/** Those packages and all that they depend on. Of alternatives the first is taken that is there, as debootstrap does it, unless one is taken already. */
export function withDependencies(all: readonly Fields[], roots: readonly string[]): Fields[] {
  const byName = new Map(all.map(fields => [fields.get('Package')!, fields]));
  const providers = new Map<string, string[]>();
  for (const [name, fields] of byName) for (const [virtual] of relations(fields.get('Provides'))) providers.set(virtual, [...(providers.get(virtual) ?? []), name]);
  const taken = new Map<string, Fields>();
  const take = (alternatives: string[], why: string): void => {
    const candidates = [...alternatives.filter(name => byName.has(name)), ...alternatives.flatMap(name => providers.get(name) ?? [])];
    if (candidates.length === 0) throw new Unavailable(`no package ${alternatives.join(' or ')}, which ${why} needs`);
    if (!candidates.some(name => taken.has(name))) taken.set(candidates[0], byName.get(candidates[0])!);
  };
  for (const root of roots) take([root], 'the system');
  // What is taken meanwhile is followed, too.
  for (const [name, fields] of taken) for (const field of ['Pre-Depends', 'Depends']) for (const needed of relations(fields.get(field))) take(needed, name);
  return [...taken.values()];
}

/** The files of an archive with these packages, one index an architecture. Nothing is signed: who reads it must trust it. */
export function localSource(suite: string, packages: readonly { fields: Fields; bytes: Uint8Array }[]): CdEntry[] {
  const text = (value: string) => new TextEncoder().encode(value);
  const paragraph = (fields: Fields) => [...fields].map(([key, value]) => `${key}: ${value.replaceAll('\n', '\n ')}\n`).join('');
  const architectures = [...new Set(packages.map(({ fields }) => fields.get('Architecture')!))].filter(name => name !== 'all');
  const indexes = architectures.map(architecture => {
    const its = packages.filter(({ fields }) => [architecture, 'all'].includes(fields.get('Architecture')!));
    return { path: `main/binary-${architecture}/Packages`, data: text(its.map(({ fields }) => paragraph(fields)).join('\n')) };
  });
  const sums = indexes.map(({ path, data }) => ` ${sha256(data)} ${data.length} ${path}\n`).join('');
  const release = text(
    `Origin: Debian\nSuite: ${suite}\nCodename: ${suite}\nArchitectures: ${architectures.join(' ')}\nComponents: main\nSHA256:\n${sums}`,
  );
  const file = (path: string, data: Uint8Array): CdEntry => ({ path: path.split('/'), data });
  return [
    file(`dists/${suite}/Release`, release),
    ...indexes.map(({ path, data }) => file(`dists/${suite}/${path}`, data)),
    ...packages.map(({ fields, bytes }) => file(fields.get('Filename')!, bytes)),
  ];
}
