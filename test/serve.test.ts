import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { connect } from 'node:net';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servePage } from './support/browsers.ts';
import { file } from './support/needs.ts';

describe('the local server', () => {
  let page: { url: string; stop: () => void };
  beforeAll(async () => {
    page = await servePage(true);
  });
  afterAll(() => page.stop());

  /** As typed: fetch() would resolve the dots itself. */
  const get = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) =>
      request(page.url, { path }, answer => {
        answer.resume();
        resolve(answer);
      })
        .on('error', reject)
        .end(),
    );

  it('sends the headers that SharedArrayBuffer needs', async () => {
    expect((await get('/')).headers).toMatchObject({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
  });

  const content = (
    path: string,
    headers: IncomingHttpHeaders,
  ): Promise<{ headers: IncomingHttpHeaders; status: number | undefined; bytes: Buffer }> =>
    new Promise((resolve, reject) =>
      request(page.url, { path, headers }, answer => {
        const parts: Buffer[] = [];
        answer
          .on('data', part => parts.push(part))
          .on('end', () =>
            resolve({ headers: answer.headers, status: answer.statusCode, bytes: Buffer.concat(parts) }),
          );
      })
        .on('error', reject)
        .end(),
    );

  it('lets text become code in workers alone, and pages of other origins frame a lesson alone', async () => {
    const script = `/assets/${readdirSync(new URL('../dist/assets/', import.meta.url)).find(name => /^dom0-[\w-]{8}\.js$/.test(name))}`;
    const policy = async (path: string): Promise<string> =>
      String((await get(path)).headers['content-security-policy']);
    const page = await policy('/');
    expect(page).toMatch(/; script-src 'self' 'sha256-[\w+/]{43}=';/);
    for (const rule of ["default-src 'self'", "base-uri 'none'", "object-src 'none'", "form-action 'self'"])
      expect(page.split('; ')).toContain(rule);
    expect(await policy(script)).toMatch(/; script-src 'self' 'unsafe-eval'$/);
    const ancestors = async (path: string): Promise<string | undefined> =>
      /frame-ancestors (.*)/.exec(await policy(path))?.[1];
    expect(await ancestors('/')).toBe("'none'");
    expect(await ancestors('/?embed=1')).toBe("'none'");
    expect(await ancestors('/?lesson=trap-and-emulate')).toBe("'none'");
    expect(await ancestors('/index.html?embed=1&lesson=trap-and-emulate#x')).toBe('*');
  });

  it('lets browsers keep what has a hash in its name, and ask again for everything else', async () => {
    const script = `/assets/${readdirSync(new URL('../dist/assets/', import.meta.url)).find(name => /^dom0-[\w-]{8}\.js$/.test(name))}`;
    expect((await get(script)).headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const { headers } = await get('/');
    expect(headers['cache-control']).toBe('no-cache');
    // RFC 9110, 13.1.2: who has it already gets no content.
    expect(await content('/', { 'if-none-match': headers.etag })).toMatchObject({
      status: 304,
      bytes: Buffer.alloc(0),
    });
  });

  it('compresses texts as the client can read them', async () => {
    const script = `/assets/${readdirSync(new URL('../dist/assets/', import.meta.url)).find(name => /^dom0-[\w-]{8}\.js$/.test(name))}`;
    const plain = await content(script, {});
    expect(plain.headers['content-encoding']).toBeUndefined();
    const brotli = await content(script, { 'accept-encoding': 'gzip, deflate, br' });
    expect(brotli.headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding' });
    expect(brotli.bytes.length).toBeLessThan(plain.bytes.length / 2);
    expect(brotliDecompressSync(brotli.bytes).equals(plain.bytes)).toBe(true);
    const gzip = await content(script, { 'accept-encoding': 'gzip, br;q=0' });
    expect(gunzipSync(gzip.bytes).equals(plain.bytes)).toBe(true);
  });

  it('gives out nothing from outside its folders', async () => {
    for (const path of [
      '/../package.json',
      '/%2e%2e/package.json',
      '/guests/../../package.json',
      '/guests/%2e%2e%2f%2e%2e%2fpackage.json',
      '/%00',
      '/%zz',
      '/..%5cpackage.json',
    ])
      expect((await get(path)).statusCode, path).toBe(404);
  });

  /** The status of the answer to these very bytes. */
  const statusOf = (text: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(page.url).port), '127.0.0.1', () => socket.write(text));
      socket.on('data', bytes => {
        resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(bytes.toString('latin1'))?.[1]));
        socket.destroy();
      });
      socket.on('error', reject).on('close', () => reject(new Error('no answer')));
    });
  const request11 = (target: string, host = 'localhost'): string =>
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

  it('answers whatever is asked for, and goes on', async () => {
    const expected: Record<string, number> = {
      '//': 200,
      '//:': 404,
      '//[/': 404,
      'http://[': 421,
      'http://localhost/': 200,
      'http://localhost': 200,
      'http://evil.example/': 421,
      '*': 400,
      'a:': 400,
      '/index.html/below': 404,
      [`/${'long'.repeat(1000)}`]: 404,
      [`/guests/${'long'.repeat(1000)}`]: 404,
      '/%00': 404,
      '/__proto__': 404,
    };
    const found: Record<string, number> = {};
    for (const target of Object.keys(expected)) found[target] = await statusOf(request11(target));
    expect(found).toEqual(expected);
    expect(await statusOf(`GET /${'long'.repeat(10_000)} HTTP/1.1\r\n\r\n`)).toBe(431);
    expect((await get('/')).statusCode).toBe(200);
  });

  it('answers to names of this machine alone: others may lead theirs here', async () => {
    const { port } = new URL(page.url);
    for (const host of [
      'localhost',
      `localhost:${port}`,
      '127.0.0.1',
      '127.0.0.2:80',
      '[::1]:80',
      'a.localhost',
      'LOCALHOST.',
    ])
      expect(await statusOf(request11('/', host)), host).toBe(200);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '127.evil.example',
      'localhost@evil.example',
      '10.1.2.3',
      '',
    ])
      expect(await statusOf(request11('/', host)), host).toBe(421);
    expect(await statusOf('GET / HTTP/1.0\r\n\r\n')).toBe(421);
    expect(await statusOf('GET / HTTP/1.1\r\n\r\n')).toBe(400);
  });
});

describe('names that a server answers to', () => {
  const isOne = async (given: string, hosts: string[]): Promise<boolean[]> => {
    const { hostCheck } = (await import(file('scripts/hosts.mjs'))) as {
      hostCheck(host: string, allowed?: string[]): (asked: string) => boolean;
    };
    const [host, ...allowed] = given.split(' ');
    return hosts.map(hostCheck(host!, allowed));
  };

  it('are its address, and what it was told', async () => {
    expect(await isOne('127.0.0.1', ['127.0.0.1:1', hostname(), 'teacher.example'])).toEqual([true, false, false]);
    expect(await isOne('127.0.0.1 teacher.example', ['Teacher.Example:443', 'a.teacher.example'])).toEqual([
      true,
      false,
    ]);
    expect(await isOne('::1', ['[::1]:1', '[0:0::1]', '[::2]'])).toEqual([true, true, false]);
  });

  it('are those of this machine where others reach it', async () => {
    const addresses = Object.values(networkInterfaces()).flatMap(each => each?.map(({ address }) => address) ?? []);
    const plain = addresses.filter(address => !address.includes(':'));
    expect(
      await isOne('0.0.0.0', [...plain, 'localhost', hostname(), `${hostname().split('.')[0]}.local`]),
    ).not.toContain(false);
    expect(await isOne('0.0.0.0', ['evil.example', ''])).toEqual([false, false]);
    expect(await isOne('teacher.example', ['teacher.example', 'evil.example', '192.0.2.1'])).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe('a server that is up before all guests are', () => {
  /** What `serve` is given, and what is said of where it is; `ends` ends it. */
  async function start(given: string): Promise<{ url: string; others: string[]; ends: () => void }> {
    const program = `import { serve } from './scripts/serve.mjs'; const { url, others } = await serve(${given}); console.log(JSON.stringify({ url, others }));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: new URL('..', import.meta.url),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    return { ...(JSON.parse(line.toString()) as { url: string; others: string[] }), ends: () => void child.kill() };
  }

  it('lists those that are whole with how far the others are, and gives out their files', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-coming-'));
    mkdirSync(join(folder, 'some-guest'));
    writeFileSync(join(folder, 'some-guest', 'vmlinuz'), 'kernel');
    const guests = [{ id: 'some-guest', files: [{ name: 'vmlinuz', path: 'some-guest/vmlinuz' }] }];
    const { url, ends } = await start(
      `{ port: 0, coming: () => (${JSON.stringify({ text: 'unpacking', done: 3, of: 14, guests, folder })}) }`,
    );
    expect(await (await fetch(`${url}guests/catalogue.json`)).json()).toEqual({
      guests,
      coming: { text: 'unpacking', done: 3, of: 14 },
    });
    expect(await (await fetch(`${url}guests/some-guest/vmlinuz`)).text()).toBe('kernel');
    expect((await fetch(`${url}guests/some-guest/initrd`)).status).toBe(404);
    ends();
    rmSync(folder, { recursive: true });
  });

  it('lets origins that it is given show the page in a frame', async () => {
    const { url, ends } = await start(`{ port: 0, ancestors: ['https://course.example', 'http://localhost:8080'] }`);
    expect((await fetch(url)).headers.get('content-security-policy')).toMatch(
      /frame-ancestors https:\/\/course\.example http:\/\/localhost:8080$/,
    );
    ends();
    const { readOrigin } = (await import(file('scripts/policy.mjs'))) as {
      readOrigin(text: string, option: string): string;
    };
    expect(readOrigin('HTTPS://Course.Example:443/', '--x')).toBe('https://course.example');
    for (const wrong of ['course.example', '*', 'https://a/b', "https://a 'self'", 'data:x', 'https://a;'])
      expect(() => readOrigin(wrong, '--frame-ancestors'), wrong).toThrow(
        /^--frame-ancestors .*: write SCHEME:\/\/HOST/,
      );
  });

  it('says at which addresses other machines reach it, and none where they do not', async () => {
    const own = await start('{ port: 0 }');
    expect([new URL(own.url).hostname, own.others]).toEqual(['127.0.0.1', []]);
    own.ends();
    const all = await start(`{ port: 0, host: '0.0.0.0' }`);
    const { port, hostname } = new URL(all.url);
    expect(hostname).toBe('localhost');
    const expected = Object.values(networkInterfaces())
      .flatMap(each => each ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    expect(all.others).toEqual(expected.map(({ address }) => `http://${address}:${port}/`));
    for (const other of all.others) expect((await fetch(other)).status).toBe(200);
    all.ends();
  });
});
