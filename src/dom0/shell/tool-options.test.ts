/** Options of the shell's tools: fixtures/tool-options.jsonl holds cases of `npm run judge:tools` with what Debian 12's tools answered (`--record`). */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it } from 'vitest';
import { Bash } from './bash.ts';
import { quoted } from './shell-command.ts';

interface Case {
  words: string[];
  stdin: string;
  files: Record<string, string>;
  right: { status: number; stdout: string; files: Record<string, string | null> };
}

function login(fs = new InMemoryFs()): Bash {
  return new Bash({
    fs,
    programs: [],
    sleep: async () => {},
    directory: '/root',
    environment: { HOME: '/root', PATH: '/usr/sbin:/usr/bin:/sbin:/bin', TZ: 'UTC' },
    random: () => 0,
  });
}

/** Files and folders with times that differ, as `judge:tools` has them. */
const timesOf = (files: Record<string, string>): [path: string, seconds: number][] =>
  [...Object.keys(files), 'd', '.'].sort().map((path, i) => [path, 1e9 + 10 * i]);
/** A folder has its entries in any order, where nothing sorts them. */
const ordered = (words: readonly string[], text: string): string =>
  words[0] === 'find' || (/grep$/.test(words[0]) && words.some(word => /^-[a-zA-Z]*[rRd]|^--rec|^--dir/.test(word)))
    ? text
        .split(/(?<=[\n\0])/)
        .sort()
        .join('')
    : text;

const cases = readFileSync(new URL('fixtures/tool-options.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Case);
const byTool = new Map<string, Case[]>();
for (const each of cases) byTool.set(each.words[0], [...(byTool.get(each.words[0]) ?? []), each]);

describe('an option', () => {
  const fs = new InMemoryFs();
  const bash = login(fs);
  it.each([...byTool])('of %s is right or refused, never misread', async (_name, list) => {
    for (const { words, stdin, files, right } of list) {
      await fs.rm('/root', { recursive: true, force: true });
      for (const [name, text] of Object.entries(files)) {
        await fs.mkdir(dirname(`/root/${name}`), { recursive: true });
        await fs.writeFile(`/root/${name}`, text);
      }
      for (const [path, seconds] of timesOf(files))
        await fs.utimes(fs.resolvePath('/root', path), new Date(seconds * 1e3), new Date(seconds * 1e3));
      const ran = await bash.run(words.map((word, i) => (i === 0 ? word : quoted(word))).join(' '), {
        stdin,
        isAll: true,
      });
      if (ran.status !== 0 && ran.stderr !== '') continue;
      const kept: Record<string, string | null> = {};
      for (const name of Object.keys(right.files))
        kept[name] = (await fs.exists(`/root/${name}`)) ? await fs.readFile(`/root/${name}`) : null;
      expect([words, ran.status, ordered(words, ran.stdout), kept]).toEqual([
        words,
        right.status,
        ordered(words, right.stdout),
        right.files,
      ]);
    }
  });

  it('that there is not has the status of the tool’s manual', async () => {
    const shell = login();
    for (const [line, status] of [
      ['echo a | grep --nonsense a', 2],
      ['grep -Q a /dev/null', 2],
      ['echo a | sort --nonsense', 2],
      ['echo a | cut -Q', 1],
      ['sha256sum none', 1],
    ] as const)
      expect([line, (await shell.run(line, { isAll: true })).status]).toEqual([line, status]);
  });

  it('-v of awk sets its own variables, and its whole numbers are cut off', async () => {
    const line = `echo 'a b' | awk -v OFS=- -v 'ORS=;\\n' '{ $2 = "Z"; print; print 1, 2 }'; echo a:b | awk -v FS=: '{ print $2 }';
      awk 'BEGIN { printf "%d %d %d\\n", -3.7, "12kg", int(-0.5) }'; echo a,b | awk -v 'OFS="' -F, '{ print $1, $2 }'`;
    expect(await login().run(line, { isAll: true })).toMatchObject({
      stdout: 'a-Z;\n1-2;\nb\n-3 12 0\na"b\n',
      stderr: '',
    });
  });

  it('-v of cp -r names all that it copies', async () => {
    const line = 'cd /tmp; mkdir -p d/e; echo > d/e/a; cp -rv d n; cp -av d n; cp -rv d/. m; echo $?';
    expect(await login().run(line, { isAll: true })).toMatchObject({
      stdout:
        "'d' -> 'n'\n'd/e' -> 'n/e'\n'd/e/a' -> 'n/e/a'\n'd' -> 'n/d'\n'd/e' -> 'n/d/e'\n'd/e/a' -> 'n/d/e/a'\n1\n",
    });
  });

  it('-f of awk names a file that holds the program', async () => {
    const line = "echo '{ print $2 }' > p; echo 'a b' | awk -f p; echo a:c | awk -F: -f p; awk -f none; echo $?";
    expect(await login().run(line, { isAll: true })).toMatchObject({ stdout: 'b\nc\n2\n' });
  });
});
