/** `npm run -s judge:libvirt`: Debian's virsh at the daemon of one host, and Domain 0's virsh of another that is just like it, answer the same. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { IMAGES } from '../../dom0/host/storage/index.ts';
import { defineDomain } from '../../dom0/libvirt/index.ts';
import { Bash, shellParts } from '../../dom0/shell/index.ts';
import type { HostState } from '../../dom0/service/index.ts';
import { type NodeHost, sleep } from '../../cli/node-host.ts';
import { LibvirtServer } from '../../cli/libvirtd/server.ts';
import { onSmallHost } from '../small-host.ts';
import { NodeAllowedFiles } from '../../cli/allowed/allowed-files.ts';
import { CALLS, FILES, IMAGE_FILES, MACHINE, MACHINE_FILES, WATCHED } from './calls.ts';

/** What a call is answered with, and its status. */
export interface Answer {
  text: string;
  status: number;
}

export interface Judged {
  call: string;
  debian: Answer;
  domain0: Answer;
}

/** What differs between two hosts that are alike: moments, how long something has taken, and where screens are. */
const without = (text: string): string =>
  text
    .replace(/^((?:CPU time|Time elapsed):\s+).*$/gm, '$1…')
    // Where a screen is, which is another port for each host of this process.
    .replace(/(<graphics type='vnc' port=')\d+/g, '$1…')
    .replace(/^((?:vnc:\/\/)?[\w.]*):\d+$/gm, '$1:…')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
    // A snapshot without a name is called by the time.
    .replace(/\b1\d{9}\b/g, 'SECONDS')
    // Debian's ends what it prints with an empty line, also where a call fails.
    .trimEnd();

/** Each call with both answers. `virsh`: where Debian's is. */
export async function judge(virsh: string, report: (judged: Judged) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ringside-judge-'));
  try {
    const machine = makeMachine(directory);
    const here = (text: string): string => text.replaceAll(MACHINE, machine);
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(directory, name), here(text));
    const socket = join(directory, 'sock');
    const files = Object.fromEntries([
      ...Object.entries(FILES).map(([name, text]) => [`${directory}/${name}`, here(text)]),
      ...IMAGE_FILES.map(name => [`${IMAGES}/${name}`, name]),
    ]);
    const allow = [machine];
    const writer = new NodeAllowedFiles(allow).openFile(join(machine, MACHINE_FILES.locked), true);
    await onSmallHost(
      files,
      one =>
        onSmallHost(
          files,
          (two, state) => judgeCalls({ one, two, state, directory, socket, virsh, here, report: report }),
          {
            allow,
          },
        ),
      { allow },
    );
    writer.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A folder of this machine that hosts may have. */
function makeMachine(directory: string): string {
  const machine = join(directory, 'machine');
  mkdirSync(machine);
  const { locked, free, out } = MACHINE_FILES;
  for (const name of [locked, free]) writeFileSync(join(machine, name), new Uint8Array(8192));
  writeFileSync(join(directory, out), new Uint8Array(8192));
  symlinkSync(`../${out}`, join(machine, out));
  return machine;
}

interface Judging {
  /** Debian's virsh is at its daemon. */
  one: NodeHost;
  /** Its shell has virsh. */
  two: NodeHost;
  /** Of the second. */
  state: HostState;
  directory: string;
  socket: string;
  virsh: string;
  /** A call with the paths of this machine. */
  here(call: string): string;
  report(judged: Judged): void;
}

async function judgeCalls({ one, two, state, directory, socket, virsh, here, report: told }: Judging): Promise<void> {
  const parts = await shellParts(
    two,
    state,
    async () => {},
    async () => {},
    [],
  );
  const bash = new Bash({ ...parts, directory });
  const server = await LibvirtServer.open(one, socket);
  const env = {
    ...process.env,
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    VIRSH_DEFAULT_CONNECT_URI: `xen:///system?socket=${socket}`,
  };
  const shell = openShell(directory, env);
  const judgeOne = async (
    call: string,
    ofDebian = `${virsh} ${call}`,
    meanwhile?: () => Promise<unknown>,
  ): Promise<void> => {
    let isOver = false;
    const domain0 = bash.run(`virsh ${call}`, { isAll: true }).finally(() => (isOver = true));
    const [ran, answer] = await Promise.all([
      domain0,
      shell.run(ofDebian),
      (async () => {
        while (meanwhile && !isOver) await meanwhile();
      })(),
    ]);
    told({
      call,
      debian: answer,
      domain0: { text: without(ran?.stdout ?? '') + without(ran?.stderr ?? ''), status: ran?.status ?? 0 },
    });
  };
  for (const call of CALLS.map(here)) {
    await judgeOne(call);
    if (call !== WATCHED.after) continue;
    const defines = WATCHED.files.map(file => `${virsh} define ${file} >&3`).join('; ');
    await judgeOne(
      WATCHED.call,
      `sh -c '${virsh} ${WATCHED.call} & while kill -0 $! 2>&3; do ${defines}; done; wait $!' 3>/dev/null`,
      async () => {
        for (const file of WATCHED.files) await defineDomain(two, here(FILES[file]!));
        await sleep(0);
      },
    );
  }
  shell.end();
  await server.close();
}

/** No call takes this long. */
const LIMIT_S = 60,
  /** timeout(1) has ended it. */
  LATE = 124;

/**
 * Runs commands one after the other. What has not ended within a minute is asked again: virsh 9.0 waits permanently where a save is refused before its own loop
 * runs that is to be notified (virshWatchJob() of tools/virsh-domain.c). Each begins as a copy of the shell, which is small: to copy this process takes a tenth of a second for some gigabytes of
 * its memory, as a process has in which many tests have run.
 */
function openShell(directory: string, env: NodeJS.ProcessEnv): { run(command: string): Promise<Answer>; end(): void } {
  const { stdin, stdout } = spawn('sh', { cwd: directory, env, stdio: ['pipe', 'pipe', 'inherit'] });
  const statuses = createInterface(stdout)[Symbol.asyncIterator]();
  const [said, complained] = ['stdout', 'stderr'].map(name => join(directory, name));
  return {
    run: async command => {
      for (let isAgain = false; ; isAgain = true) {
        stdin.write(`timeout ${LIMIT_S} ${command} </dev/null >${said} 2>${complained}; echo $?\n`);
        const { value, done } = await statuses.next();
        if (done) throw new Error(`sh has ended before it printed the status of: ${command}`);
        const status = Number(value);
        if (status === LATE && !isAgain) continue;
        return { text: [said!, complained!].map(path => without(readFileSync(path, 'utf8'))).join(''), status };
      }
    },
    end: () => stdin.end(),
  };
}

export const isAlike = ({ debian, domain0 }: Judged): boolean =>
  debian.text === domain0.text && debian.status === domain0.status;
