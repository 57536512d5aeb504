/** `sed`: what GNU sed 4.9 printed. More cases are in fixtures/tool-options.jsonl. */
import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it } from 'vitest';
import { Bash } from './bash.ts';

async function login(): Promise<{ fs: InMemoryFs; bash: Bash }> {
  const fs = new InMemoryFs();
  await fs.mkdir('/root', { recursive: true });
  const bash = new Bash({
    fs,
    programs: [],
    sleep: ms => new Promise(resolve => setTimeout(resolve, ms)),
    directory: '/root',
    environment: { HOME: '/root', PATH: '/usr/bin:/bin' },
    random: () => 0,
  });
  return { fs, bash };
}
const run = async (line: string) => (await login()).bash.run(line, { isAll: true });

describe('sed', () => {
  it.each([
    // A range's end is looked for from the next line on.
    ['seq 6 | sed -n "2,/[2-9]/p"', '2\n3\n'],
    ['seq 6 | sed -n "/2/,/[24]/p"', '2\n3\n4\n'],
    ['seq 6 | sed -n "0,/1/p"', '1\n'],
    ['seq 9 | sed -n "4,~3p"', '4\n5\n6\n'],
    ['seq 9 | sed -n "2,+1{p;n;n;n}"', '2\n6\n'],
    ['seq 9 | sed -n "1,4d;2,8p"', '5\n6\n7\n8\n'],
    // The hold space begins empty, and H puts a newline before what it adds.
    ["printf 'a\\nb\\n' | sed -n 'H;2{g;p}'", '\na\nb\n'],
    ["printf 'a\\nb' | sed 'x;G' | od -An -c", '  \\n   a  \\n   a  \\n   b\n'],
    // The leftmost, and of those the longest.
    ["echo abcd | sed -E 's/(a|ab)(c|bcd)(d*)/[\\1,\\2,\\3]/'", '[a,bcd,]\n'],
    ["echo abcd | sed 's/a\\|ab\\|abc/X/'", 'Xd\n'],
    ["echo aab | sed 's/a*\\(ab\\)*/X/'", 'X\n'],
    ["echo ab | sed -E 's/((a)|b)*/[\\1,\\2]/'", '[b,a]\n'],
    ["echo baaac | sed 's/a*/x/g'", 'xbxcx\n'],
    ["echo 'gRÜN ä' | sed -E 's/\\w+/\\L\\u&/g'", 'Grün Ä\n'],
    ["echo a/b | sed 's/[/]/x/;s|b\\||X|'", 'axb\n'],
    ["printf 'a\\nb' | sed 2q | od -An -c", '   a  \\n   b  \\n\n'],
    // Files.
    ["seq 2 | sed -n '/9/w out'; wc -c < out", '0\n'],
    ["seq 2 | sed 's/1/x/w /dev/stdout'", 'x\nx\n2\n'],
    ["seq 3 > f; cp f g; sed -i.old -n '$=;2p' f g; cat f g f.old", '2\n3\n2\n3\n1\n2\n3\n'],
    ["printf 'a\\nb' > f; seq 2 | sed 'r f'", '1\na\nb2\na\nb'],
    ["printf '%s\\n' 's/a/b/' p > s; echo a | sed -f s", 'b\nb\n'],
    ["seq 3 | sed -e 'a\\' -e 'x' -e 2q", '1\nx\n2\nx\n'],
  ])('%s', async (line, right) => {
    expect((await run(line)).stdout).toBe(right);
  });

  it.each([
    ['s/a/b', 1, "sed: -e expression #1, char 5: unterminated `s' command"],
    ['p;k', 1, "sed: -e expression #1, char 3: unknown command: `k'"],
    ['{p', 1, "sed: -e expression #1, char 0: unmatched `{'"],
    ['s/\\(a/b/', 1, 'sed: -e expression #1, char 8: Unmatched ( or \\('],
    ['s/a/\\1/', 1, "sed: -e expression #1, char 7: invalid reference \\1 on `s' command's RHS"],
    ['b x', 4, "sed: can't find label for jump to `x'"],
    ['e date', 1, "sed: -e expression #1, char 1: the `e' command is not offered here"],
  ])('says as GNU sed does what is wrong: %s', async (script, status, said) => {
    expect(await run(`echo a | sed '${script}'`)).toEqual({ stdout: '', stderr: `${said}\n`, status });
  });

  it('leaves bytes that are no UTF-8 as they are', async () => {
    const { fs, bash } = await login();
    await fs.writeFile('/root/f', Uint8Array.of(0x61, 0xff, 0xc3, 0xa4, 0xc3, 0x0a));
    expect((await bash.run("sed 's/./X/g' f | od -An -tx1", { isAll: true })).stdout).toBe(' 58 ff 58 c3 0a\n');
  });

  it('ends at Ctrl + C where a script goes round, and says where a back reference takes too long', async () => {
    const { bash } = await login();
    const ran = bash.run("echo a | sed ':a;ba'", { isAll: true });
    setTimeout(() => bash.interrupt(), 20);
    expect((await ran).status).toBe(130);
    const slow = await run(`echo ${'a'.repeat(40)} | sed -E 's/((a*)*)*\\2b/x/'`);
    expect([slow.status, slow.stderr]).toEqual([4, expect.stringContaining('is not offered here')]);
    expect((await run(`echo ${'a'.repeat(400)} | sed -E 's/((a*)*)*b/x/' | wc -c`)).stdout).toBe('401\n');
  });
});
