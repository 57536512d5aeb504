/** Titles and metadata of any name space stay with a domain: in the document where it is kept, and in that of the one that runs. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { createDomain, defineDomain, destroyDomain, restoreDomain, saveDomain, startDomain } from './life.ts';
import { domainByName, XML_INACTIVE, xmlOf } from './domains.ts';
import { CONFIG, LIVE } from './flags.ts';
import { METADATA, type Metadata, metadataOf, setMetadata } from './metadata.ts';

const demo = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));
const document = (name: string, more = ''): string =>
  `<domain type='xen'><name>${name}</name>${more}<memory unit='MiB'>4</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os></domain>`;
const ONE = 'http://one.example/1.0',
  OTHER = 'urn:other';
const ELEMENT = { type: METADATA.ELEMENT },
  TITLE = { type: METADATA.TITLE };

async function make() {
  const files = await testFiles();
  await files.writeFile('/boot/demo.elf', demo);
  return testHost({ files, epochMs: () => 0 });
}

it('is given back without its name space, whoever wrote it, and stands beside what others keep', async () => {
  const host = await make();
  const theirs = `<metadata xmlns:o='${OTHER}'><o:x y='1'><o:z>text</o:z></o:x><ringside:tags xmlns:ringside='urn:ringside:tags'><ringside:tag>web</ringside:tag></ringside:tags></metadata>`;
  await defineDomain(host, document('a', theirs));
  const domain = () => domainByName(host, 'a');
  expect(await metadataOf(host, await domain(), { ...ELEMENT, uri: OTHER })).toBe('<x y="1">\n  <z>text</z>\n</x>');
  await setMetadata(host, await domain(), { ...ELEMENT, uri: ONE, key: 'one', text: "<a b='&lt;&apos;'><c/></a>" });
  expect(await metadataOf(host, await domain(), { ...ELEMENT, uri: ONE })).toBe('<a b="&lt;&apos;">\n  <c/>\n</a>');
  const all = await xmlOf(host, await domain(), XML_INACTIVE);
  expect(all).toContain(`<one:a xmlns:one='${ONE}' b='&lt;&apos;'>\n      <one:c/>\n    </one:a>`);
  expect([all.includes('<o:z>text</o:z>'), (await domain()).definition.tags]).toEqual([true, ['web']]);
  // Another prefix, the same name space.
  await setMetadata(host, await domain(), { ...ELEMENT, uri: ONE, key: 'two', text: '<q/>' });
  expect((await xmlOf(host, await domain(), 0)).match(/<(?:one|two):\w+ [^>]*>/g)).toEqual([
    `<two:q xmlns:two='${ONE}'/>`,
  ]);
  for (const uri of [ONE, OTHER]) await setMetadata(host, await domain(), { ...ELEMENT, uri });
  await expect(metadataOf(host, await domain(), { ...ELEMENT, uri: ONE })).rejects.toThrow('metadata not found: ');
  expect((await domain()).definition.tags).toEqual(['web']);
});

it('is of what runs, of what is defined, or of both, as asked; bad input changes nothing', async () => {
  const host = await make();
  await defineDomain(host, document('a', '<title>first</title>'));
  await startDomain(host, await domainByName(host, 'a'), 1);
  const domain = () => domainByName(host, 'a');
  const titles = async () =>
    Promise.all([0, CONFIG].map(async flags => metadataOf(host, await domain(), TITLE, flags).catch(() => 'none')));
  expect(await titles()).toEqual(['first', 'first']);
  await setMetadata(host, await domain(), { ...TITLE, text: 'next' }, CONFIG);
  expect(await titles()).toEqual(['first', 'next']);
  await setMetadata(host, await domain(), { ...TITLE, text: 'running' }, LIVE);
  expect(await titles()).toEqual(['running', 'next']);
  await setMetadata(host, await domain(), { ...TITLE, text: '' }, LIVE | CONFIG);
  expect(await titles()).toEqual(['none', 'none']);
  const before = await xmlOf(host, await domain(), XML_INACTIVE);
  for (const [given, why] of [
    [{ ...TITLE, text: 'a\nb' }, "can't contain newlines"],
    [{ ...ELEMENT, uri: ONE, key: 'a b', text: '<a/>' }, 'failed to validate prefix'],
    [{ ...ELEMENT, uri: ONE, key: 'k', text: `<k:a xmlns:k='${OTHER}'/>` }, 'failed to create a new XML namespace'],
    [{ ...ELEMENT, uri: ONE, key: 'k', text: '<a' }, "(metadata_xml):1: Couldn't find end of Start Tag a line 1"],
    [{ ...ELEMENT, uri: ONE, text: '<a/>' }, 'key in virDomainSetMetadata must not be NULL'],
    [{ ...ELEMENT, uri: ONE, key: 'k', text: `<a>${'x'.repeat(300_000)}</a>` }, 'XML error: '],
  ] as const)
    await expect(setMetadata(host, await domain(), given, LIVE | CONFIG)).rejects.toThrow(why);
  expect(await xmlOf(host, await domain(), XML_INACTIVE)).toBe(before);
});

it('of one that is not defined is of what runs alone', async () => {
  const host = await make();
  await createDomain(host, document('t'), 1);
  const domain = () => domainByName(host, 't');
  await setMetadata(host, await domain(), { ...ELEMENT, uri: ONE, key: 'one', text: '<a/>' });
  expect(await metadataOf(host, await domain(), { ...ELEMENT, uri: ONE })).toBe('<a/>');
  await expect(setMetadata(host, await domain(), { ...TITLE, text: 'x' }, CONFIG)).rejects.toThrow('transient domains');
});

it('is of a known type, and with a name space; of one that is off there is nothing that runs', async () => {
  const host = await make();
  await defineDomain(
    host,
    document('a', "<description>d</description><metadata><plain/><o:x xmlns:o='u'/></metadata>"),
  );
  const domain = await domainByName(host, 'a');
  const before = await xmlOf(host, domain, XML_INACTIVE);
  const refused: readonly [Metadata, flags: number, why: string | RegExp][] = [
    [{ type: 7 }, 0, "unknown metadata type '7'"],
    [{ type: -1 }, 0, "unknown metadata type '-1'"],
    [ELEMENT, 0, / must not be NULL/],
    [{ type: METADATA.DESCRIPTION, text: 'x' }, LIVE, 'domain is not running'],
    [{ ...ELEMENT, uri: 'urn:ringside:tags', key: 'r', text: '<tags><tag>t</tag></tags>' }, LIVE, 'is not running'],
  ];
  for (const [given, flags, why] of refused) {
    await expect(setMetadata(host, domain, given, flags)).rejects.toThrow(why);
    await expect(metadataOf(host, domain, given, flags)).rejects.toThrow(why);
  }
  expect(await xmlOf(host, await domainByName(host, 'a'), XML_INACTIVE)).toBe(before);
});

it('is all there where several people set theirs at once', async () => {
  const host = await make();
  await defineDomain(host, document('a'));
  const domain = await domainByName(host, 'a');
  const uris = [ONE, OTHER, 'urn:third'];
  await Promise.all([
    ...uris.map(uri => setMetadata(host, domain, { ...ELEMENT, uri, key: 'k', text: '<a/>' })),
    setMetadata(host, domain, { ...TITLE, text: 'title' }),
  ]);
  const now = await domainByName(host, 'a');
  for (const uri of uris) expect(await metadataOf(host, now, { ...ELEMENT, uri })).toBe('<a/>');
  expect(await metadataOf(host, now, TITLE)).toBe('title');
});

it('is, of what runs, not what is defined meanwhile, and goes with it through a restart and a saved state', async () => {
  const host = await make();
  const titled = (title: string): string =>
    document('a', `<uuid>d7a5c1de-0c4f-4c6b-8a55-0123456789ab</uuid><title>${title}</title>`);
  await defineDomain(host, titled('first'));
  await startDomain(host, await domainByName(host, 'a'), 1);
  const domain = () => domainByName(host, 'a');
  const titles = async () =>
    Promise.all([0, CONFIG].map(async flags => metadataOf(host, await domain(), TITLE, flags).catch(() => 'none')));
  await defineDomain(host, titled('second'));
  expect(await titles()).toEqual(['first', 'second']);
  await setMetadata(host, await domain(), { ...TITLE, text: 'live' }, LIVE);
  await host.trigger((await domain()).id!, 'reset');
  expect(await titles()).toEqual(['live', 'second']);
  await saveDomain(host, await domain(), '/root/a.state');
  expect(await titles()).toEqual(['second', 'second']);
  await restoreDomain(host, '/root/a.state');
  expect(await titles()).toEqual(['live', 'second']);
  await destroyDomain(host, await domain());
  expect(await titles()).toEqual(['second', 'second']);
});
