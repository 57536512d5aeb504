/** What is no XML is told as libvirt tells it: as Debian's virsh does, of its own test driver. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { program } from '../../../test/support/needs.ts';
import { stillHost } from '../service/host.test-support.ts';
import { createNetwork, defineDomain, defineNetwork } from './index.ts';

const VIRSH = program('virsh');

const DOCUMENTS = {
  'a text': 'hello this is nothing\nmore\n',
  'a text behind lines': '\n\n  hello\n',
  'a configuration of xl': 'name = "x"\nmemory = 8\n',
  nothing: '\n',
  'another end': "<domain type='test'><name>a</name>\n <foo>\n</domain>",
  'more behind': "<domain type='test'><name>a</name></domain>xx",
  'no quotes': '<domain type=test/>',
  'an attribute twice': "<domain type='test' type='x'/>",
  'a long line': `<domain type='test'><name>a</name><description>${'long '.repeat(40)}</description><memry>8</memory></domain>`,
  'another root': '<pool/>',
};

it.skipIf(!VIRSH).each(Object.entries(DOCUMENTS))(
  '%s is refused in libvirt’s words [needs libvirt-clients]',
  async (_, text) => {
    const directory = mkdtempSync(join(tmpdir(), 'ringside-xml-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, 'a.xml'), text);
    const said = (how: string): string => {
      try {
        return execFileSync(VIRSH!, ['-c', 'test:///default', how, 'a.xml'], {
          cwd: directory,
          stdio: 'pipe',
          encoding: 'utf8',
        });
      } catch (error) {
        return (error as { stderr: string }).stderr.replace(/^.*\nerror: /, '').trimEnd();
      }
    };
    const host = stillHost();
    const ours = (work: () => Promise<unknown>): Promise<string> =>
      work().then(
        () => '',
        (error: Error) => error.message,
      );
    // What it is said to be stands behind libvirt's words.
    const [, words, what = ''] = /^([^]*?)(?:\n(This is [^\n]*))?$/.exec(await ours(() => defineDomain(host, text)))!;
    expect(words).toBe(said('define'));
    expect(what).toBe(
      text === '<pool/>' ? "This is a pool of storage of libvirt's. virsh pool-define FILE takes it." : '',
    );
    expect(await ours(() => defineNetwork(host, text))).toBe(said('net-define'));
    expect(await ours(() => createNetwork(host, text))).toBe(said('net-create'));
  },
);
