/** States that hosts of earlier commits wrote (scripts/old-states.mjs makes them), and what today's host is to find in them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { WarmRingside } from './command-line.ts';
import { file } from './needs.ts';

const FOLDER = file('test/states');
const NEWLINE = 0x0a;

/** Commits, by their packed states. */
export const OLD_STATES = readdirSync(FOLDER)
  .filter(name => name.endsWith('.br'))
  .map(name => name.slice(0, -'.br'.length));

/** Lines of a name and a length, each with the file's bytes behind it. */
function unpack(commit: string, into: string): void {
  const bytes = brotliDecompressSync(readFileSync(join(FOLDER, `${commit}.br`)));
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, at);
    const [name, length] = bytes.toString('utf8', at, end).split(' ');
    at = end + 1;
    mkdirSync(dirname(join(into, name)), { recursive: true });
    writeFileSync(join(into, name), bytes.subarray(at, at + Number(length)));
    at += Number(length);
  }
}

/** Unpacks a state for the time of `work`, which gets its folder: `state`, and the files of `ringside boot --save`. */
export async function withOldState<T>(commit: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-old-'));
  try {
    unpack(commit, folder);
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Saved guests of Xen that it has: a PV minipv has suspended itself since 49d90e9b alone. */
export const kindsIn = (commit: string): readonly string[] =>
  ['eb917b82', '85bf4d37', 'baea91ad', 'cb089c2b'].includes(commit) ? ['pvh', 'hvm'] : ['pvh', 'hvm', 'pv'];
const hasManaged = (commit: string): boolean => ['064b26e9', '09afedf4', 'b5c9ab41'].includes(commit);
/** A definition's name, and the state of its guest in the list of xl: it runs, or waits. */
const RUNS = 'grep -Eq " (r-|-b)---- "';

/**
 * What Domain 0's shell is asked for, with a name each: files, volumes with their contents, the guest that starts with the host, a managed save, and of each kind
 * a saved guest and a snapshot with its volume.
 */
export function stepsIn(commit: string, kinds: readonly string[]): [name: string, command: string][] {
  return [
    ['note', 'grep -q "written by an older host" /root/note && grep -q memory=8 /etc/xen/vm/idle'],
    ['auto', `xl list auto | ${RUNS}`],
    ...['pv', 'pvh', 'hvm'].map((kind): [string, string] => [
      `volume ${kind}`,
      `dd if=/dev/vg0/${kind} of=/root/first bs=512 count=64 && head -c 32768 /boot/minipv > /root/expected && cmp /root/first /root/expected`,
    ]),
    ...(hasManaged(commit)
      ? [['managed', `virsh start managed && xl list managed | ${RUNS} && xl destroy managed`] as [string, string]]
      : []),
    ...kinds.flatMap((kind): [string, string][] => [
      [`saved ${kind}`, `xl restore /root/${kind}.save && xl list ${kind} | ${RUNS}`],
      // The snapshot's disk comes with it, though the guest of now has written it.
      [`snapshot ${kind}`, `xl revert ${kind} first && xl list ${kind} | ${RUNS} && xl destroy ${kind}`],
    ]),
  ];
}

/** Opens a state with today's code; the steps that did not do what they should, with all that was printed. */
export async function open(
  folder: string,
  steps: readonly [string, string][],
): Promise<{ done: string[]; said: string }> {
  const script = steps.map(([name, command]) => `${command} && echo "done: ${name}"`).join('\n');
  const host = new WarmRingside('sh', '--state', join(folder, 'state'), '-c', script);
  await host.end(60);
  const done = [...host.output.matchAll(/^done: (.*)$/gm)].map(([, name]) => name);
  return { done, said: `${host.output}\n${host.errors}` };
}
