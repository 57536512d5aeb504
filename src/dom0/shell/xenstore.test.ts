import { describe, expect, it } from 'vitest';
import { StoreClient } from '../backends/xenstore/client.ts';
import { Store } from '../backends/xenstore/store.ts';
import { typedTerminal } from '../toolstack/terminal/terminal.test-support.ts';
import type { Ran, Surroundings } from '../toolstack/programs/index.ts';
import { xenstorePrograms } from './xenstore.ts';

function made() {
  const client = new StoreClient(
    new Store(),
    event => event(),
    () => {},
  );
  const programs = xenstorePrograms(client);
  const named = (name: string) => programs.find(program => program.name === `xenstore-${name}`)!;
  const run = (line: string): Promise<Ran> => {
    const [name, ...words] = line.split(' ');
    return named(name).run(words, {} as Surroundings);
  };
  return { client, named, run };
}

describe("xenstore's programs", () => {
  it('write, read, list, test and remove', async () => {
    const { run } = made();
    expect(await run('write /a/b one /a/c two\\n')).toEqual({ stdout: '', stderr: '', status: 0 });
    expect((await run('read /a/b')).stdout).toBe('one\n');
    expect((await run('read -p /a/b /a/c')).stdout).toBe('/a/b: one\n/a/c: two\\n\n');
    expect((await run('list /a')).stdout).toBe('b\nc\n');
    expect((await run('list -p /a')).stdout).toBe('/a/b\n/a/c\n');
    expect((await run('exists /a/b')).status).toBe(0);
    expect(await run('exists /a/x')).toEqual({ stdout: '', stderr: '', status: 1 });
    expect(await run('rm /a/b')).toMatchObject({ status: 0 });
    expect((await run('list /a')).stdout).toBe('c\n');
    await run('rm -t /a/c');
    expect((await run('exists /a')).status).toBe(1);
  });

  it('show the tree as xenstore-ls does, with whole paths and permissions where asked', async () => {
    const { run } = made();
    await run(`write /local/domain/0/name Domain-0 /local/long ${'x'.repeat(100)}`);
    await run('chmod /local/domain/0 n0 r3');
    expect((await run('ls')).stdout.split('\n')).toEqual([
      'local = ""',
      ' domain = ""',
      '  0 = ""',
      '   name = "Domain-0"',
      ` long = "${'x'.repeat(67)}\\..."`,
      '',
    ]);
    expect((await run('ls -f /local/domain')).stdout).toBe('/local/domain/0 = ""\n/local/domain/0/name = "Domain-0"\n');
    expect((await run('ls -p /local/domain')).stdout.split('\n')[0]).toBe(`0 = "" ${'. '.repeat(26)}.  (n0,r3)`);
    expect((await run('ls -fp /local/domain')).stdout.split('\n')[0]).toBe('/local/domain/0 = ""   (n0,r3)');
  });

  it("refuse in the client's words, and then nothing of the call was done", async () => {
    const { run } = made();
    expect(await run('read /a/b')).toEqual({
      stdout: '',
      stderr: "xenstore-read: couldn't read path /a/b\n",
      status: 1,
    });
    expect(await run('write /a')).toEqual({
      stdout: '',
      stderr: 'xenstore-write: Usage: xenstore-write [-h] [-s] key value [...]\n',
      status: 1,
    });
    expect(await run('write /good 1 /bad//path 2')).toMatchObject({
      stderr: 'xenstore-write: could not write path /bad//path\n',
      status: 1,
    });
    expect((await run('exists /good')).status).toBe(1);
    expect(await run('rm /no/such')).toMatchObject({ stderr: 'xenstore-rm: could not remove path /no/such\n' });
    expect(await run('list /none')).toMatchObject({ stderr: 'xenstore-list: could not list path /none\n' });
    expect(await run('chmod / x1')).toMatchObject({
      stderr: "xenstore-chmod: Invalid permission specification: 'x1'\n",
    });
    expect(await run('ls -q')).toMatchObject({ status: 1 });
  });

  it('change permissions down and up the tree', async () => {
    const { client, run } = made();
    await run('write /a/b/c 1');
    await run('chmod -r /a/b n0 b5');
    expect(client.permissions('/a/b/c')).toEqual([
      { letter: 'n', domid: 0 },
      { letter: 'b', domid: 5 },
    ]);
    expect(client.permissions('/a')).toEqual([{ letter: 'n', domid: 0 }]);
    await run('chmod -u /a/b r7');
    expect(client.permissions('/a')).toEqual([{ letter: 'r', domid: 7 }]);
  });

  it('watch until so many events came, or Ctrl-C', async () => {
    const { client, named } = made();
    const { owned: terminal, text, type } = typedTerminal(80, 24);
    const counted = named('watch').own!(['-n', '2', '/a'])!(terminal, {} as Surroundings);
    client.write('/a/b', '1');
    expect(await counted).toBe(0);
    expect(text()).toBe('/a\r\n/a/b\r\n');
    const endless = named('watch').own!(['/a'])!(terminal, {} as Surroundings);
    type('\x03');
    expect(await endless).toBe(0);
  });
});
