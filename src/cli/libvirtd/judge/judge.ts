/** `npm run -s judge:libvirt`: Debian's virsh at the daemon of one host, and Domain 0's virsh of another that is just like it, answer the same. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IMAGES } from '../../../dom0/host/storage/index.ts';
import { Bash, shellParts } from '../../../dom0/shell/index.ts';
import { LibvirtServer } from '../server.ts';
import { onSmallHost } from '../small-host.ts';
import { CALLS, FILES, IMAGE_FILES } from './calls.ts';

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
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
    // Debian's ends what it prints with an empty line, also where a call fails.
    .trimEnd();

/** Each call with both answers. `virsh`: where Debian's is. */
export async function judge(virsh: string, told: (judged: Judged) => void): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ringside-judge-'));
  try {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(directory, name), text);
    const socket = join(directory, 'sock');
    const files = Object.fromEntries([
      ...Object.entries(FILES).map(([name, text]) => [`${directory}/${name}`, text]),
      ...IMAGE_FILES.map(name => [`${IMAGES}/${name}`, name]),
    ]);
    await onSmallHost(files, one =>
      onSmallHost(files, async (two, state) => {
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
        const debian = (call: string): Promise<Answer> =>
          new Promise(resolve =>
            execFile('sh', ['-c', `${virsh} ${call}`], { cwd: directory, env }, (error, stdout, stderr) =>
              resolve({ text: without(stdout) + without(stderr), status: Number(error?.code ?? 0) }),
            ),
          );
        for (const call of CALLS) {
          const [ran, answer] = await Promise.all([bash.run(`virsh ${call}`, { isAll: true }), debian(call)]);
          told({
            call,
            debian: answer,
            domain0: { text: without(ran?.stdout ?? '') + without(ran?.stderr ?? ''), status: ran?.status ?? 0 },
          });
        }
        await server.close();
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const isAlike = ({ debian, domain0 }: Judged): boolean =>
  debian.text === domain0.text && debian.status === domain0.status;
